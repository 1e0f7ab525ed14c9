import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type OffsetRange, offsetRanges, offsetsIn } from '../../../src/core/offsets/offset-ranges.ts'
import { mostGap, stretches } from '../../../src/core/offsets/stretches.ts'

const places = fc.array(fc.record({ partition: fc.nat(3), offset: fc.nat(500) }), { maxLength: 80 })

function rounds(ranges: readonly OffsetRange[], gaps: readonly number[]): OffsetRange[][] {
  const next = stretches(ranges)
  const found: OffsetRange[][] = []
  for (let i = 0; ; i++) {
    const round = next(gaps[i % gaps.length] as number)
    if (round.length === 0) return found
    found.push(round)
  }
}

test('stretches hold all ranges, each in one of them, of a partition in order and one a round', () => {
  fc.assert(
    fc.property(places, fc.array(fc.nat(60), { minLength: 1, maxLength: 5 }), (given, gaps) => {
      const ranges = offsetRanges(given)
      const found = rounds(ranges, gaps)
      for (const round of found)
        assert.equal(new Set(round.map(({ partition }) => partition)).size, round.length)
      for (let partition = 0; partition < 4; partition++) {
        const own = found.flat().filter(stretch => stretch.partition === partition)
        for (const [i, { from }] of own.entries()) assert.ok(from > (own[i - 1]?.to ?? -1))
        const wanted = ranges.filter(range => range.partition === partition)
        for (const { from, to } of wanted)
          assert.equal(own.filter(stretch => stretch.from <= from && to <= stretch.to).length, 1)
        assert.deepEqual([own[0]?.from, own.at(-1)?.to], [wanted[0]?.from, wanted.at(-1)?.to])
      }
    }),
  )
})

test('a gap is read through up to the given width, and passed over beyond it', () => {
  fc.assert(
    fc.property(places, fc.nat(60), (given, gap) => {
      const ranges = offsetRanges(given)
      for (const [i, round] of rounds(ranges, [gap]).entries())
        for (const { partition, from, to } of round) {
          const inside = ranges.filter(r => r.partition === partition && r.from >= from && r.to <= to)
          for (const [j, next] of inside.entries())
            assert.ok(j === 0 || next.from - (inside[j - 1] as OffsetRange).to - 1 <= gap, `round ${i}`)
          const after = ranges.find(r => r.partition === partition && r.from > to)
          assert.ok(after === undefined || after.from - to - 1 > gap)
        }
    }),
  )
})

test('mixed small records are read in few rounds, large ones that lie far apart are not read for nothing', () => {
  const every = (step: number) =>
    Array.from({ length: 1_000 }, (_, i) => ({ partition: 0, from: step * i, to: step * i }))
  assert.equal(rounds(every(1_000), [mostGap(300)]).length, 1)
  const large = rounds(every(1_000), [mostGap(512 * 1024)])
  assert.deepEqual([large.length, offsetsIn(large.flat())], [1_000, 1_000])
  assert.equal(rounds(every(10), [mostGap(0)]).length, 1)
})
