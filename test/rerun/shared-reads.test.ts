import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { offsetRanges, spans } from '../../src/core/offsets/offset-ranges.ts'
import { sharedReads } from '../../src/rerun/shared-reads.ts'

const file = (path: string, ...ranges: [partition: number, from: number, to: number][]) => ({
  letter: { path },
  ranges: ranges.map(([partition, from, to]) => ({ partition, from, to })),
})
const names = (files: readonly ReturnType<typeof file>[]) =>
  sharedReads(files).map(group => group.map(({ letter }) => letter.path))

test('files whose records lie between each other are read together, others by themselves and in order', () => {
  const a = file('a', [0, 10, 20], [1, 0, 5])
  const b = file('b', [0, 30, 40])
  const c = file('c', [0, 15, 15], [2, 7, 9])
  const d = file('d', [2, 0, 3], [2, 8, 8])
  assert.deepEqual(names([a, b, c, d]), [['a', 'c', 'd'], ['b']])
  assert.deepEqual(names([b, d]), [['b'], ['d']])
})

test('contents of one path are never read together, and in the order given, whatever lies between them', () => {
  const old = file('v', [0, 50, 60])
  const newer = file('v', [0, 0, 55])
  const other = file('a', [0, 1, 70])
  assert.deepEqual(
    sharedReads([other, old, newer]).map(group => group.map(({ ranges }) => ranges[0]?.from)),
    [[1, 50], [0]],
  )
})

test('each file is read once, and no two reads but those of one path have offsets in common', () => {
  const places = fc.array(fc.record({ partition: fc.nat(2), offset: fc.nat(60) }), {
    minLength: 1,
    maxLength: 6,
  })
  fc.assert(
    fc.property(fc.array(places, { maxLength: 12 }), given => {
      const files = given.map((own, i) => ({ letter: { path: `${i}` }, ranges: offsetRanges(own) }))
      const groups = sharedReads(files)
      assert.deepEqual(new Set(groups.flat()), new Set(files))
      assert.equal(groups.flat().length, files.length)
      const all = groups.flatMap((group, of) =>
        group.flatMap(({ ranges }) => spans(ranges)).map(span => ({ ...span, of })),
      )
      for (const one of all)
        for (const other of all)
          if (one.of !== other.of && one.partition === other.partition)
            assert.ok(one.to < other.from || other.to < one.from)
    }),
  )
})
