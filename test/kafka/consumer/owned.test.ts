import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownedPartitions } from '../../../src/kafka/consumer/owned.ts'

const STARTS = [
  { partition: 0, start: 5 },
  { partition: 1, start: 7 },
]

test('partitions are read and committed from the beginning to the end of an epoch, and handed on until it drains', () => {
  const owned = ownedPartitions()
  assert.deepEqual([owned.state, owned.mayCommit(0), owned.positions.size], ['partial', false, 0])
  owned.begin(STARTS, 99)
  const { turn } = owned
  assert.deepEqual([owned.state, owned.mayCommit(0), owned.mayCommit(2)], ['whole', true, false])
  assert.deepEqual(owned.countingSince(turn)?.get(1), { next: 7, since: 99 })
  owned.drain()
  assert.deepEqual(
    [owned.state, owned.mayCommit(1), owned.countingSince(turn)],
    ['draining', true, undefined],
  )
  owned.end()
  assert.deepEqual([owned.state, owned.mayCommit(1), owned.positions.size], ['partial', false, 0])
})

test('fault 21: what was asked for in an earlier epoch does not count in the next one', () => {
  const owned = ownedPartitions()
  owned.begin(STARTS, 0)
  const { turn } = owned
  owned.drain()
  owned.end()
  const between = owned.turn
  owned.begin(STARTS, 0)
  assert.deepEqual([owned.countingSince(turn), owned.countingSince(between)], [undefined, undefined])
  assert.equal(owned.countingSince(owned.turn)?.size, 2)
})

test('fault 28: offsets of another log are not committed; those of the next epoch are', () => {
  const owned = ownedPartitions()
  owned.begin(STARTS, 0)
  owned.spoil()
  assert.deepEqual([owned.state, owned.mayCommit(0)], ['draining', false])
  owned.end()
  owned.begin(STARTS, 0)
  assert.equal(owned.mayCommit(0), true)
})

test('a state is not jumped over', () => {
  const owned = ownedPartitions()
  owned.drain()
  assert.equal(owned.state, 'partial')
  assert.throws(() => owned.end(), /from partial to partial/)
  owned.begin(STARTS, 0)
  assert.throws(() => owned.begin(STARTS, 0), /from whole to whole/)
  assert.throws(() => owned.end(), /from whole to partial/)
})
