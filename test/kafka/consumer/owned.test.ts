import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ownedPartitions } from '../../../src/kafka/consumer/owned.ts'

const STARTS = [
  { partition: 0, start: 5 },
  { partition: 1, start: 7 },
]

test('a partition is read and committed from the beginning to the end of its epoch, and handed on until it goes', () => {
  const owned = ownedPartitions()
  assert.deepEqual([owned.isAnyRead, owned.mayCommit(0), owned.positions.size], [false, false, 0])
  owned.begin(STARTS, 99)
  const { turn } = owned
  assert.deepEqual([owned.isAnyRead, owned.mayCommit(0), owned.mayCommit(2)], [true, true, false])
  assert.equal(owned.readSince(turn, 1)?.next, 7)
  owned.drain([1])
  assert.deepEqual([owned.readSince(turn, 1), owned.readSince(turn, 0)?.next], [undefined, 5])
  assert.deepEqual([owned.isAnyRead, owned.mayCommit(0), owned.mayCommit(1)], [true, true, true])
  owned.end([1])
  assert.deepEqual([owned.mayCommit(0), owned.mayCommit(1), owned.positions.size], [true, false, 1])
  owned.drain([0])
  assert.equal(owned.isAnyRead, false)
})

test('fault 21: what was asked for in an earlier epoch does not count in the next one', () => {
  const owned = ownedPartitions()
  owned.begin(STARTS, 0)
  const { turn } = owned
  owned.drain([0])
  owned.end([0])
  const between = owned.turn
  owned.begin([{ partition: 0, start: 5 }], 0)
  assert.deepEqual([owned.readSince(turn, 0), owned.readSince(between, 0)], [undefined, undefined])
  assert.equal(owned.readSince(owned.turn, 0)?.next, 5)
  // The other one was read all the time.
  assert.equal(owned.readSince(turn, 1)?.next, 7)
})

test('fault 28: offsets of another log are not committed; those of the next epoch are', () => {
  const owned = ownedPartitions()
  owned.begin(STARTS, 0)
  owned.spoil()
  assert.deepEqual([owned.isAnyRead, owned.mayCommit(0)], [false, false])
  owned.end([0, 1])
  owned.begin(STARTS, 0)
  assert.equal(owned.mayCommit(0), true)
})

test('a partition goes its way in order, whatever becomes of the others', () => {
  const step = fc.record({
    does: fc.constantFrom('begin', 'drain', 'spoil', 'end'),
    partition: fc.integer({ min: 0, max: 3 }),
  })
  fc.assert(
    fc.property(fc.array(step), steps => {
      const owned = ownedPartitions()
      const state = new Map<number, 'read' | 'going' | 'spoilt'>()
      for (const { does, partition } of steps) {
        const is = state.get(partition)
        if (does === 'begin') {
          const begin = () => owned.begin([{ partition, start: 0 }], 0)
          if (is !== undefined) assert.throws(begin, /has begun already/)
          else {
            begin()
            state.set(partition, 'read')
          }
        } else if (does === 'end') {
          const end = () => owned.end([partition])
          if (is === undefined || is === 'read') assert.throws(end, /was not about to go/)
          else {
            end()
            state.delete(partition)
          }
        } else if (does === 'drain') {
          owned.drain([partition])
          if (is === 'read') state.set(partition, 'going')
        } else {
          owned.spoil()
          for (const each of state.keys()) state.set(each, 'spoilt')
        }
        for (let each = 0; each < 4; each++) {
          const now = state.get(each)
          assert.equal(owned.readSince(owned.turn, each) !== undefined, now === 'read')
          assert.equal(owned.mayCommit(each), now === 'read' || now === 'going')
        }
        assert.equal(owned.isAnyRead, [...state.values()].includes('read'))
      }
    }),
  )
})
