import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claim, isDone, markDone, offer } from '../../src/plugin/claims.ts'

const slots = () => new Int32Array(new SharedArrayBuffer(4))
const first = { id: 1, slot: 0 }
const second = { id: 2, slot: 0 }

test('a task is claimed by one side alone, and done once its thread says so', () => {
  const claims = slots()
  offer(claims, first)
  assert.equal(claim(claims, first), true)
  assert.equal(claim(claims, first), false)
  assert.equal(isDone(claims, first), false)
  markDone(claims, first)
  assert.equal(isDone(claims, first), true)
})

test('a thread that was ended says too late that its task is done: the next task in the slot is not', () => {
  const claims = slots()
  offer(claims, first)
  claim(claims, first)
  offer(claims, second)
  markDone(claims, first)
  assert.equal(isDone(claims, second), false)
  assert.equal(claim(claims, second), true)
  markDone(claims, first)
  assert.equal(isDone(claims, second), false)
  assert.equal(claim(claims, first), false)
})
