import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CommitRecord } from '../../../src/core/offsets/commit-record.ts'
import { replay, type Stretch } from '../../../src/core/offsets/replay.ts'

function record(given: Partial<CommitRecord>): CommitRecord {
  return {
    base: 0,
    position: 0,
    unresolved: { kind: 'offsets', runs: [] },
    finished: [],
    attempts: new Map(),
    ...given,
  }
}

function contains(stretches: readonly Stretch[], offset: number): boolean {
  return stretches.some(([start, end]) => start <= offset && offset < end)
}

test('by offsets: exactly those in the unresolved runs are unresolved, before and after any part was read', () => {
  const anyRuns = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 12 })
  fc.assert(
    fc.property(fc.nat(100), fc.boolean(), anyRuns, fc.nat(60), (base, zeroFirst, lengths, read) => {
      const runs = zeroFirst ? [0, ...lengths] : lengths
      const unresolved = runs.flatMap((length, i) => Array<boolean>(length).fill(i % 2 === 0))
      const position = base + unresolved.length
      const again = replay(record({ base, position, unresolved: { kind: 'offsets', runs } }))
      const upTo = Math.min(position, base + read)
      for (let offset = base; offset < upTo; offset++)
        assert.equal(again.isResolved(offset, 7), !unresolved[offset - base])
      const { stretches } = again.rest(upTo)
      for (let offset = upTo; offset < position; offset++)
        assert.equal(contains(stretches ?? [], offset), unresolved[offset - base])
      assert.ok(stretches?.every(([start, end]) => start >= upTo && end <= position && start < end))
    }),
  )
})

test('by files: a record is unresolved when its file is, or when it is named itself', () => {
  const again = replay(
    record({ base: 10, position: 20, unresolved: { kind: 'files', files: [5, 5, 9], offsets: [12, 15] } }),
  )
  assert.equal(again.isResolved(10, 5), false)
  assert.equal(again.isResolved(11, 6), true)
  assert.equal(again.isResolved(12, undefined), false)
  assert.equal(again.isResolved(13, undefined), true)
  assert.deepEqual([...again.rest(14).files].sort(), [5, 9])
  assert.deepEqual(again.rest(14).offsets, [15])
  assert.equal(again.rest(14).stretches, undefined)
})

test('by files: a finished file leaves its hash to another that may have it, and is named by its digest', () => {
  const [mine, other] = ['\0\0\0\0\x05 the first', '\0\0\0\0\x06 another'] as const
  const files = { kind: 'files' as const, files: [5], offsets: [] }
  const again = replay(record({ position: 9, unresolved: files, attempts: new Map([[5, 2]]) }))
  again.finish(mine)
  again.finish(other)
  assert.equal(again.isResolved(1, 5), false)
  assert.deepEqual([again.isFinished(mine), again.isFinished(other)], [true, false])
  assert.deepEqual(again.rest(2), {
    stretches: undefined,
    files: [5],
    offsets: [],
    attempts: new Map(),
    finished: [mine],
  })
  const later = replay(record({ position: 9, unresolved: files, finished: [mine, other] }))
  assert.deepEqual(later.rest(2).finished, [mine])
})

test('attempts are carried on until the file is finished', () => {
  const again = replay(record({ position: 9, attempts: new Map([[5, 3]]) }))
  assert.equal(again.attemptsOf(5), 3)
  assert.equal(again.attemptsOf(6), 0)
  assert.equal(again.rest(0).attempts.get(5), 3)
  again.finish('\0\0\0\0\x05 the first')
  assert.equal(again.attemptsOf(5), 0)
  assert.equal(again.rest(0).attempts.size, 0)
})
