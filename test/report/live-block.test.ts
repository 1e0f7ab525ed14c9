import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RunStats } from '../../src/report/events.ts'
import { blockText } from '../../src/report/live-block.ts'

const TITLE = { topic: 'xrd', group: 'dfsp.plot.xrd', threads: 4, brokers: 'lab1:9093, lab2:9093' }
const STATS: RunStats = {
  done: 812,
  failed: 3,
  assembling: 14,
  largest: { path: 'c/map.raw', chunks: 71, total: 99 },
  queued: 2,
  running: [
    { path: 'a/scan_07.csv', ms: 2_100 },
    { path: 'b/big.tif', ms: 400 },
  ],
  doneBytes: 0,
  receivedBytes: 0,
  memoryBytes: 0,
  lag: 1_204,
  progress: undefined,
  flow: 'flow',
  broker: 'ok',
  seconds: 130.4,
}

test('the block says what runs, how much is done and how far behind it is', () => {
  assert.deepEqual(blockText(STATS, TITLE, 40_055_603, 100).split('\n'), [
    'xrd · group dfsp.plot.xrd · 4 threads · 00:02:10                             broker lab1:9093 +1 ok',
    ' 812 done   3 failed   14 assembling   2 queued   2 running   38.2 MiB/s   lag 1,204 records',
    ' running: a/scan_07.csv 2.1 s · b/big.tif 400 ms   assembling: c/map.raw 71 %',
  ])
})

test('before the lag is known the group is being joined', () => {
  assert.match(blockText({ ...STATS, lag: undefined }, TITLE, 0, 200), /joining group/)
})

test('a broker that does not answer is named where there is room for it', () => {
  const [title] = blockText({ ...STATS, broker: 'away' }, TITLE, 0, 100).split('\n')
  assert.match(title ?? '', /00:02:10 {3,}broker lab1:9093 \+1 does not answer$/)
  const [narrow] = blockText(STATS, TITLE, 0, 60).split('\n')
  assert.match(narrow ?? '', /00:02:10$/)
})

test('that reading is held up is said', () => {
  assert.match(blockText({ ...STATS, flow: 'pause' }, TITLE, 0, 200), /\(pause\)/)
})

test('a shared run says which partitions are its own, in a line of its own that fits the terminal', () => {
  const others = Array.from({ length: 30 }, (_, i) => {
    return { member: `laboratory-${i}-4711`, host: '10.0.0.2', partitions: [20 + i] }
  })
  const sharing = { own: [0, 1, 5, 7, 9, 11], total: 50, others }
  for (const width of [40, 80, 200])
    for (const known of [others, undefined]) {
      const stats = { ...STATS, progress: 0.5, sharing: { ...sharing, others: known } }
      const lines = blockText(stats, TITLE, 1e9, width).split('\n')
      assert.equal(lines.length, 5)
      for (const line of lines) assert.ok(line.length < width + 1, `${line.length} of ${width}: ${line}`)
      assert.match(lines[2] ?? '', /^ partitions 0-1, 5, 7 and 2 more of 50/)
    }
  const idle = { ...STATS, lag: undefined, sharing: { own: [], total: 1, others: undefined } }
  assert.match(blockText(idle, TITLE, 0, 200), /no partition yet\n no partition of 1 · the others: unknown/)
})

test('a finite run has a bar from empty to full, and says how long it will take once it can', () => {
  const bar = (progress: number) =>
    blockText({ ...STATS, progress, running: [] }, TITLE, 0, 200).split('\n')[2]
  assert.equal(bar(0), ` ${'░'.repeat(24)} 0 %`)
  assert.equal(bar(0.5), ` ${'█'.repeat(12)}${'░'.repeat(12)} 50 %   eta 00:02:10`)
  assert.equal(bar(0.999), ` ${'█'.repeat(23)}░ 99 %   eta 00:00:00`)
  assert.equal(bar(1), ` ${'█'.repeat(24)} 100 %`)
})

test('whatever the names, the block has at most four lines within the width, and moves no cursor', () => {
  const running = fc.array(
    fc.record({ path: fc.string({ unit: 'binary', maxLength: 60 }), ms: fc.nat({ max: 1e7 }) }),
    { maxLength: 30 },
  )
  fc.assert(
    fc.property(
      running,
      fc.integer({ min: 10, max: 200 }),
      fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
      (running, width, progress) => {
        const largest = running[0] && { path: running[0].path, chunks: 1, total: 2 }
        const lines = blockText({ ...STATS, running, largest, progress }, TITLE, 1e9, width).split('\n')
        assert.ok(lines.length <= 4)
        for (const line of lines) {
          assert.ok([...line].length <= width, `${[...line].length} of ${width}`)
          assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029]/u)
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('names in letters of two columns are cut to the width of the terminal', () => {
  const running = [{ path: '測定データ'.repeat(20), ms: 1_000 }]
  const line = blockText({ ...STATS, running }, TITLE, 0, 40).split('\n')[2] ?? ''
  assert.equal(line, ` running: ${'測定データ'.repeat(3).slice(0, 14)}…`)
})
