import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reachedEnd } from '../../src/core/run-end.ts'

test('a run is over when every partition was read up to the end it had at the start', () => {
  const at = (position: number) => ({ position, goal: 10, endSeen: false })
  assert.equal(reachedEnd([at(10), at(12)]), true)
  assert.equal(reachedEnd([at(10), at(9)]), false)
})

test('empty partitions count as reached', () => {
  assert.equal(reachedEnd([{ position: 0, goal: 0, endSeen: false }]), true)
  assert.equal(reachedEnd([{ position: 700, goal: 700, endSeen: false }]), true)
  assert.equal(reachedEnd([]), true)
})

test('fault 69: where the last offsets hold no record, the end that the client reports stands for them', () => {
  assert.equal(reachedEnd([{ position: 8, goal: 10, endSeen: true }]), true)
  assert.equal(reachedEnd([{ position: 8, goal: 10, endSeen: false }]), false)
})
