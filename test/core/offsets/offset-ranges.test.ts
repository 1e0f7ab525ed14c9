import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  common,
  type OffsetRange,
  OffsetRuns,
  offsetRanges,
  spans,
} from '../../../src/core/offsets/offset-ranges.ts'

const records = fc.array(fc.record({ partition: fc.nat(3), offset: fc.nat(60) }), { maxLength: 80 })

function inRanges(ranges: readonly OffsetRange[]): Set<string> {
  const found = new Set<string>()
  for (const { partition, from, to } of ranges)
    for (let offset = from; offset <= to; offset++) found.add(`${partition}/${offset}`)
  return found
}

test('runs hold exactly the offsets they were made of, ascending, as few as there can be', () => {
  fc.assert(
    fc.property(records, given => {
      const ranges = offsetRanges(given)
      assert.deepEqual(inRanges(ranges), new Set(given.map(r => `${r.partition}/${r.offset}`)))
      for (const [i, next] of ranges.entries()) {
        const before = ranges[i - 1]
        if (!before) continue
        assert.ok(next.partition > before.partition || next.from > before.to + 1)
      }
    }),
  )
})

test('spans are one range per partition, from its first to its last offset', () => {
  const ranges = offsetRanges([
    { partition: 2, offset: 9 },
    { partition: 0, offset: 7 },
    { partition: 0, offset: 3 },
    { partition: 0, offset: 4 },
  ])
  assert.deepEqual(spans(ranges), [
    { partition: 0, from: 3, to: 7 },
    { partition: 2, from: 9, to: 9 },
  ])
})

test('noted one by one they are the same runs, in whatever order they come', () => {
  fc.assert(
    fc.property(records, given => {
      const runs = new OffsetRuns()
      for (const { partition, offset } of given) runs.add(partition, offset)
      assert.deepEqual(runs.ranges(), offsetRanges(given))
    }),
  )
})

test('what two lists of ranges have in common are the offsets that lie in both', () => {
  fc.assert(
    fc.property(records, records, (a, b) => {
      const both = inRanges(offsetRanges(b))
      const expected = new Set([...inRanges(offsetRanges(a))].filter(place => both.has(place)))
      assert.deepEqual(inRanges(common(offsetRanges(a), offsetRanges(b))), expected)
    }),
  )
})
