import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  encodeCommitRecord,
  fileHash40,
  type RecordContent,
} from '../../../src/core/offsets/commit-record.ts'
import { doneBefore } from '../../../src/core/offsets/done-before.ts'
import { replay } from '../../../src/core/offsets/replay.ts'

const [ONE, TWO, THREE] = [
  '\0\0\0\0\x01 is the one',
  '\0\0\0\0\x02 is another',
  '\0\0\0\0\x03 is a third',
] as const

function knownOf(content: Partial<RecordContent> & { base: number; position: number }) {
  const text = encodeCommitRecord({
    ...{ runs: undefined, files: undefined, finished: [], attempts: new Map() },
    ...content,
  })?.text
  const commit = { partition: 3, offset: content.base, metadata: text }
  const known = doneBefore(new Map([['xrd', [commit]]]))
  return (offset: number, digest?: string) => known.has({ topic: 'xrd', partition: 3, offset }, digest)
}

test('asked in any order it says of each record what a replay of the same commit says in order', () => {
  const anyRuns = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 12 })
  fc.assert(
    fc.property(fc.nat(100), fc.boolean(), anyRuns, (base, zeroFirst, lengths) => {
      const runs = zeroFirst ? [0, ...lengths] : lengths
      const position = base + lengths.reduce((sum, length) => sum + length, 0)
      const isDone = knownOf({ base, position, runs })
      const again = replay({
        ...{ base, position, finished: [], attempts: new Map() },
        unresolved: { kind: 'offsets', runs },
      })
      const offsets = Array.from({ length: position - base }, (_, i) => base + i)
      const expected = offsets.map(offset => again.isResolved(offset, undefined))
      for (const [i, offset] of [...offsets.entries()].reverse()) assert.equal(isDone(offset), expected[i])
      if (base > 0) assert.equal(isDone(base - 1), true)
      assert.equal(isDone(position), false)
    }),
  )
})

test('by files: a record is done when its file is not among the unfinished ones, and it is not named itself', () => {
  const files = { hashes: [fileHash40(ONE), fileHash40(THREE)], offsets: [12] }
  const isDone = knownOf({ base: 10, position: 20, files, finished: [THREE] })
  assert.equal(isDone(9, ONE), true)
  assert.equal(isDone(10, ONE), false)
  assert.equal(isDone(11, TWO), true)
  assert.equal(isDone(11, THREE), true, 'another file has the same hash, and this one is finished')
  assert.equal(isDone(12, undefined), false)
  assert.equal(isDone(13, undefined), true)
  assert.equal(isDone(20, TWO), false)
})

test('of what is not of dfsp, or damaged, only the offset counts; of other topics and partitions nothing is known', () => {
  for (const metadata of [undefined, '', 'theirs', 'd1.AAAA.', 'd2.AAAA.']) {
    const known = doneBefore(new Map([['xrd', [{ partition: 3, offset: 7, metadata }]]]))
    assert.equal(known.has({ topic: 'xrd', partition: 3, offset: 6 }, ONE), true)
    assert.equal(known.has({ topic: 'xrd', partition: 3, offset: 7 }, ONE), false)
    assert.equal(known.has({ topic: 'xrd', partition: 2, offset: 1 }, ONE), false)
    assert.equal(known.has({ topic: 'saxs', partition: 3, offset: 1 }, ONE), false)
  }
})
