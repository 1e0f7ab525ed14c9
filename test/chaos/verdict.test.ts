import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeCommitRecord } from '../../src/core/offsets/commit-record.ts'
import type { Call } from './calls.ts'
import type { TopicIndex } from './topic-index.ts'
import type { SentFile } from './uploads.ts'
import { type Snapshot, verdict } from './verdict.ts'

const file = (path: string): SentFile => ({ path, digest: 'd', bytes: 1, isBad: path === 'bad', times: 1 })
const FILES = new Map(['a', 'b', 'bad'].map(path => [path, file(path)]))
/** a: both partitions; b: above it in the first one. */
const INDEX: TopicIndex = {
  owners: [['a', 'b', 'b'], ['a']],
  hashes: new Map([
    ['a', 1],
    ['b', 2],
  ]),
}

/** Events in order, at the places 10, 20, 30, ... */
function events(...list: [Call['what'], string, pid?: number][]): Call[] {
  return list.map(([what, path, pid = 1], i) => ({
    ...{ what, path, pid, digest: 'd', attempt: 1, deliveryId: 'x' },
    at: 10 * (i + 1),
  }))
}

const snapshot = (at: number, offsets: readonly number[], metadata?: string): Snapshot => ({
  at,
  committed: offsets.map((offset, partition) => ({
    partition,
    offset,
    metadata: partition === 0 ? metadata : undefined,
  })),
})

/** Of the first partition: a is unfinished, b is finished above it. */
const aboveA = encodeCommitRecord({
  base: 0,
  position: 3,
  runs: [1, 2],
  files: undefined,
  finished: [],
  attempts: new Map(),
})?.text

const whole = events(['begin', 'a'], ['ok', 'a'], ['begin', 'b'], ['ok', 'b'])

describe('the verdict of a chaos run', () => {
  test('nothing is broken when each file ran and offsets follow files', () => {
    const { broken, processed } = verdict(FILES, whole, INDEX, [snapshot(50, [3, 1])], new Set())
    assert.deepEqual(broken, [])
    assert.equal(processed, 2)
  })

  test('a file that never ran is lost, but for a bad one', () => {
    const { broken } = verdict(FILES, whole.slice(0, 2), INDEX, [], new Set())
    assert.deepEqual(broken, ['lost: b was never processed'])
  })

  test('a run with another content counts as broken', () => {
    const calls = whole.map(call => ({ ...call, digest: call.path === 'b' ? 'other' : 'd' }))
    assert.match(
      verdict(FILES, calls, INDEX, [], new Set()).broken.join(),
      /b was processed with another content/,
    )
  })

  test('an offset committed past a file that had not ended is broken', () => {
    const { broken } = verdict(FILES, whole, INDEX, [snapshot(25, [3, 1])], new Set())
    assert.equal(broken.filter(line => line.startsWith('b is unfinished')).length, 2)
  })

  test('a commit record that resolves a file that had not ended is broken', () => {
    const { broken } = verdict(FILES, whole, INDEX, [snapshot(25, [0, 0], aboveA)], new Set())
    assert.match(broken.join(), /b is unfinished, and the commit record has resolved its record at 1/)
  })

  test('a committed offset that goes back is broken', () => {
    const { broken } = verdict(FILES, whole, INDEX, [snapshot(50, [3, 1]), snapshot(50, [1, 1])], new Set())
    assert.deepEqual(broken, ['committed offset of partition 0 went back from 3 to 1'])
  })

  test('a run of a file that a commit record had finished is broken', () => {
    const calls = events(['begin', 'b'], ['ok', 'b'], ['begin', 'a'], ['ok', 'a'], ['begin', 'b'])
    const { broken } = verdict(FILES, calls, INDEX, [snapshot(25, [0, 0], aboveA)], new Set())
    assert.match(broken.join(), /^repeated: b .* was finished and committed before$/)
  })

  test('a run after a kill that came before the commit is a repeat and not broken', () => {
    const calls = events(
      ['begin', 'b'],
      ['ok', 'b'],
      ['begin', 'b'],
      ['ok', 'b'],
      ['begin', 'a'],
      ['ok', 'a'],
    )
    const { broken, repeats } = verdict(FILES, calls, INDEX, [snapshot(25, [0, 0])], new Set())
    assert.deepEqual(broken, [])
    assert.equal(repeats.notYetCommitted, 1)
  })

  test('what a frozen process runs after another took over is counted by itself', () => {
    const calls = [
      ...whole,
      ...events(['begin', 'b', 7], ['ok', 'b', 7]).map(c => ({ ...c, at: c.at + 100 })),
    ]
    const { broken, repeats } = verdict(FILES, calls, INDEX, [snapshot(50, [3, 1])], new Set([7]))
    assert.deepEqual(broken, [])
    assert.equal(repeats.byFrozen, 1)
  })

  test('a file at two hosts is found, but for one that is gone, or was frozen', () => {
    const calls = events(['begin', 'a', 1], ['begin', 'a', 2], ['ok', 'a', 1], ['ok', 'a', 2])
    const told = (frozen: number[], gone: [number, number][]) =>
      verdict(FILES, calls, INDEX, [], new Set(frozen), new Map(gone)).broken.filter(line =>
        line.startsWith('at two hosts'),
      )
    assert.deepEqual(told([], []), ['at two hosts: a was begun by process 2 while process 1 ran it'])
    assert.deepEqual(told([], [[1, 30]]).length, 1)
    assert.deepEqual(told([], [[1, 15]]), [])
    assert.deepEqual(told([1], []), [])
  })
})
