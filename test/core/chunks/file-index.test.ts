import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Chunk } from '../../../src/core/chunks/chunk.ts'
import { decodeChunk, encodeChunk } from '../../../src/core/chunks/chunk-codec.ts'
import { fileIndex } from '../../../src/core/chunks/file-index.ts'
import { recordsOf } from '../../support/files.ts'

const all = () => true
const valuesOf = (path: string, content: string, chunkSize = 10) =>
  recordsOf({ path, content: Buffer.from(content), chunkSize }).map(({ value }) => value)
const index = (options = {}) => fileIndex({ wanted: all, places: true, ...options })

function fill(values: readonly (Buffer | null)[], options = {}) {
  const files = index(options)
  values.forEach((value, i) => {
    files.add({ partition: i % 2, offset: i, timestamp: 1_000 + i, value })
  })
  return files
}

test('a file is whole with all of its chunks, in any order, and duplicates count once', () => {
  const values = valuesOf('a/x.csv', 'x'.repeat(45))
  fc.assert(
    fc.property(fc.shuffledSubarray([...values, ...values]), chosen => {
      const [file] = fill(chosen).files()
      const distinct = new Set(chosen).size
      assert.equal(file?.present ?? 0, distinct)
      assert.equal(file?.duplicates ?? 0, chosen.length - distinct)
      if (distinct === 5) assert.deepEqual([file?.bytes, file?.wrong], [45, undefined])
    }),
  )
})

test('the newest content of a path is the one sent last, also when an older one is sent again', () => {
  const older = valuesOf('x', 'first')
  const newer = valuesOf('x', 'second')
  const seen = (values: readonly (Buffer | null)[]) =>
    fill(values)
      .files()
      .map(({ bytes, newest, generations }) => [bytes, newest, generations])
  assert.deepEqual(seen([...older, ...newer]), [
    [6, true, 2],
    [5, false, 2],
  ])
  assert.deepEqual(seen([...older, ...newer, ...older]), [
    [5, true, 2],
    [6, false, 2],
  ])
})

test('what is no chunk is counted and the first five are named, so are unsafe paths and records without a value', () => {
  const bad = Array.from({ length: 7 }, () => Buffer.from('{}'))
  const files = fill([...bad, null, Buffer.alloc(0), ...valuesOf('../x', 'evil')])
  assert.equal(files.undecodable.count, 8)
  assert.deepEqual(
    files.undecodable.first.map(({ offset }) => offset),
    [0, 1, 2, 3, 4],
  )
  assert.equal(files.empty, 2)
  assert.deepEqual(files.files(), [])
})

test('places are the runs of its records, and only of paths that are wanted', () => {
  const files = index({ wanted: (path: string) => path === 'b' })
  const values = [...valuesOf('b', 'x'.repeat(25)), ...valuesOf('c', 'c'), ...valuesOf('b', 'x'.repeat(25))]
  values.forEach((value, offset) => {
    files.add({ partition: 3, offset, timestamp: 5, value })
  })
  assert.deepEqual(
    files.files().map(({ path, ranges }) => [path, ranges]),
    [
      [
        'b',
        [
          { partition: 3, from: 0, to: 2 },
          { partition: 3, from: 4, to: 6 },
        ],
      ],
    ],
  )
  assert.equal(files.records, 7)
})

test('chunks that leave a gap make no file', () => {
  const values = valuesOf('x', 'x'.repeat(30))
  const chunk = decodeChunk(values[2])
  assert.equal(chunk.kind, 'chunk')
  const shifted = Buffer.from(encodeChunk({ ...(chunk as Chunk), offset: 21 }))
  const [file] = fill([values[0] as Buffer, values[1] as Buffer, shifted]).files()
  assert.deepEqual([file?.present, file?.chunks], [3, 3])
  assert.match(file?.wrong ?? '', /a gap before chunk 3/)
})

const sentAt = (path: string, content: string, timestamp: number) =>
  valuesOf(path, content).map(value => ({ value, timestamp }))

test('of a selection the newest contents are those of all files, and a limit leaves those that were sent last', () => {
  const sent = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2', '3'), fc.nat(6)), {
    maxLength: 20,
  })
  fc.assert(
    fc.property(sent, fc.boolean(), fc.integer({ min: 1, max: 8 }), (given, older, limit) => {
      const files = index()
      given
        .flatMap(([path, content, timestamp]) => sentAt(path, content, timestamp))
        .forEach((record, offset) => {
          files.add({ partition: 0, offset, ...record })
        })
      const all = files.files().filter(({ newest }) => older || newest)
      const chosen = new Set(all.toSorted((a, b) => b.lastSent - a.lastSent).slice(0, limit))
      const selection = files.select({ older, limit })
      assert.deepEqual(
        [...selection],
        all.filter(file => chosen.has(file)),
      )
      assert.equal(selection.length, chosen.size)
      assert.equal([...files.select({ older })].length, all.length)
    }),
  )
})

test('many contents of one path, and one file in many runs, cost no more each than few do', () => {
  const msEach = (count: number) => {
    const files = index()
    const records = Array.from({ length: count }, (_, i) => valuesOf('x', `${i}`)[0] as Buffer)
    const [twice] = valuesOf('y', 'y') as [Buffer]
    const started = process.cpuUsage()
    records.forEach((value, offset) => {
      files.add({ partition: offset % 2, offset: 2 * offset, timestamp: offset, value })
      files.add({ partition: offset % 2, offset: 2 * offset + 1, timestamp: offset, value: twice })
    })
    assert.equal([...files.select({ older: true, limit: 5 })].length, 5)
    return process.cpuUsage(started).user / 1_000 / count
  }
  msEach(2_000)
  const few = Math.min(msEach(2_000), msEach(2_000))
  assert.ok(Math.min(msEach(40_000), msEach(40_000)) < 6 * few + 0.02)
})

test('a file that lacks earlier chunks where the log begins with it was cut by retention; one that ends early was not', () => {
  const [first, ...rest] = valuesOf('x', 'x'.repeat(45)) as [Buffer, ...Buffer[]]
  const isCut = (low: number, values: readonly Buffer[]) => {
    const files = index()
    files.begin(0, low)
    values.forEach((value, i) => {
      files.add({ partition: 0, offset: low + i, timestamp: 1_000 + i, value })
    })
    return files.files().find(({ path }) => path === 'x')?.isCut
  }
  const other = valuesOf('other', 'o') as Buffer[]
  assert.equal(isCut(7, rest), true)
  assert.equal(isCut(0, rest), false)
  assert.equal(isCut(7, [...other, ...rest]), false)
  assert.equal(isCut(7, [first, ...rest.slice(0, 2)]), false)
  assert.equal(isCut(7, [first, ...rest]), false)
})

test('where only a few will be selected few are kept, and the same ones are selected; a path that comes back may lack records', () => {
  const limit = 5
  // As with partitions that are read one after the other; ten thousand paths come a second time.
  const records = Array.from({ length: 40_000 }, (_, i) => ({
    value: valuesOf(i < 39_990 ? `p${i % 30_000}` : `new${i}`, `${i % 30_000}`)[0] as Buffer,
    timestamp: i < 39_990 ? (i * 7) % 60_000 : 60_000 + (i % 7),
  }))
  const [all, few] = [index(), index({ limit })]
  for (const files of [all, few])
    records.forEach((record, offset) => {
      files.add({ partition: 0, offset, ...record })
    })
  const lastOf = (files: ReturnType<typeof index>) =>
    [...files.select({ older: false, limit })].map(({ path, lastSent }) => [path, lastSent])
  assert.deepEqual(lastOf(few), lastOf(all))
  assert.ok(few.files().length <= 2 * (limit + 10_000), `${few.files().length}`)
  assert.ok(all.files().length > 29_000)
  assert.equal(few.mayLack(few.select({ older: false, limit })), false)
  assert.equal(few.mayLack([{ path: 'p1' }]), true)
  assert.equal(all.mayLack(all.files()), false)
})
