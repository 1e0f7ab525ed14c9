import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DfspError } from '../../src/base/errors.ts'
import type { RunEvent, RunStats, RunSummary } from '../../src/report/events.ts'
import type { Level } from '../../src/report/log.ts'
import { reporter } from '../../src/report/reporter.ts'

const FILE = {
  type: 'file',
  path: 'a/scan_07.csv',
  result: 'ok',
  attempt: 1,
  bytes: 81_920,
  ms: 212,
  partitions: { 0: [4411, 4419], 2: [7, 7] },
} as const
const STATS: RunStats = {
  done: 812,
  failed: 3,
  assembling: 14,
  largest: undefined,
  queued: 0,
  running: [{ path: 'a', ms: 5 }],
  doneBytes: 5,
  receivedBytes: 3 * 1024 * 1024,
  memoryBytes: 0,
  lag: 1_204,
  progress: undefined,
  flow: 'flow',
  broker: 'ok',
  seconds: 3,
}
const SUMMARY: RunSummary = {
  done: 812,
  failed: 3,
  mismatched: 0,
  skipped: 0,
  deadLettered: 0,
  undecodable: 0,
  incomplete: 1,
  bytes: 2048,
  seconds: 130.4,
  exit: 3,
  incompleteFiles: ['c/map.raw'],
}

function reported(options: { readonly draw?: boolean; readonly json?: boolean } = {}) {
  const log: { level: Level; message: string; fields: Record<string, unknown> }[] = []
  const json: Record<string, unknown>[] = []
  const drawn: RunStats[] = []
  let now = 0
  const { report } = reporter({
    log: {
      write: (level, message, fields = {}) =>
        log.push({ level, message, fields: fields as Record<string, unknown> }),
      enabled: () => true,
      close: async () => {},
    },
    topic: 'xrd',
    json: options.json ? line => json.push(JSON.parse(line)) : undefined,
    draw: options.draw ? stats => drawn.push(stats) : undefined,
    now: () => now,
  })
  return {
    report,
    log,
    json,
    drawn,
    advance(ms: number) {
      now += ms
    },
  }
}

test('a finished file is a line for those who ask for more', () => {
  const { report, log } = reported()
  report(FILE)
  assert.deepEqual(log, [
    { level: 'verbose', message: 'ok a/scan_07.csv', fields: { bytes: 81_920, ms: 212, attempt: 1 } },
  ])
})

test('a failed file is told at once: what, why, what becomes of it, and where it is', () => {
  const { report, log } = reported()
  report({ ...FILE, result: 'failed', attempt: 5, error: 'TypeError: x at plot.ts:9:31', setAside: 'held' })
  const [entry] = log
  assert.equal(entry?.level, 'error')
  assert.match(
    entry?.message ?? '',
    /^failed a\/scan_07\.csv after 5 tries: TypeError: x at plot\.ts:9:31; held: /,
  )
  assert.equal(entry?.fields.offsets, '0: 4411-4419, 2: 7')
})

test('one try is called one try', () => {
  const { report, log } = reported()
  report({ ...FILE, result: 'failed', error: 'x', setAside: 'skipped' })
  assert.match(log[0]?.message ?? '', / after 1 try: x; skipped: /)
  assert.equal(log[0]?.level, 'warn')
})

test('a retry says when', () => {
  const { report, log } = reported()
  report({ type: 'retry', path: 'a', attempt: 2, error: 'x', delayMs: 2_000 })
  assert.equal(log[0]?.message, 'attempt 2 failed a: x; next in 2.0 s')
})

test('undecodable records are told once a minute, with the number of those between', () => {
  const { report, log, advance } = reported()
  const junk = (offset: number): RunEvent => {
    return {
      type: 'undecodable',
      partition: 1,
      offset,
      bytes: 1_048_612,
      reason: 'not a msgpack array',
      setAside: 'held',
    }
  }
  report(junk(88_123))
  for (let i = 0; i < 100; i++) {
    advance(500)
    report(junk(i))
  }
  assert.equal(log.length, 1)
  assert.match(
    log[0]?.message ?? '',
    /^undecodable record xrd\[1\]@88123 \(1,048,612 B\): not a msgpack array; held/,
  )
  advance(10_000)
  report(junk(7))
  assert.equal(log.length, 2)
  assert.match(log[1]?.message ?? '', /@7 .*; 100 more since the last such line/)
})

test('statistics are a line, with the rate since the last one', () => {
  const { report, log } = reported()
  report({ type: 'stats', stats: STATS })
  report({ type: 'stats', stats: { ...STATS, seconds: 5, receivedBytes: 7 * 1024 * 1024, flow: 'pause' } })
  assert.deepEqual(log[0]?.fields, {
    done: 812,
    failed: 3,
    assembling: 14,
    queued: 0,
    running: 1,
    rate: '1.0MiB/s',
    lag: 1_204,
  })
  assert.equal(log[1]?.fields.rate, '2.0MiB/s')
  assert.equal(log[1]?.fields.flow, 'pause')
})

test('where there is a live block, statistics are drawn instead', () => {
  const { report, log, drawn } = reported({ draw: true })
  report({ type: 'stats', stats: STATS })
  assert.deepEqual(drawn, [STATS])
  assert.deepEqual(log, [])
})

test('the summary has all numbers and names what is incomplete', () => {
  const { report, log } = reported()
  report({ type: 'summary', summary: SUMMARY })
  assert.equal(log[0]?.level, 'info')
  assert.equal(log[0]?.fields.exit, 3)
  assert.equal(log[0]?.fields.bytes, '2.0KiB')
  assert.equal(log[0]?.fields.incomplete_files, 'c/map.raw')
})

test('an incomplete file is told with what is there and how to pass it over', () => {
  const { report, log } = reported()
  report({ type: 'incomplete', path: 'c/map.raw', chunks: 5, total: 7 })
  assert.match(log[0]?.message ?? '', /^incomplete c\/map\.raw: 5 of 7 chunks.*--on-incomplete skip/)
})

test('what ended the run is told with its code, its facts and what to try', () => {
  const { report, log } = reported()
  report({
    type: 'error',
    error: new DfspError('E_OUTPUT', 'disk full', { facts: ['ENOSPC'], next: 'free space' }),
  })
  assert.deepEqual(log[0], {
    level: 'error',
    message: 'disk full [E_OUTPUT]: ENOSPC',
    fields: { try: 'free space' },
  })
})

test('with --json each event of a file is one object with version and type; messages for people are none', () => {
  const { report, json } = reported({ json: true })
  report(FILE)
  report({ type: 'info', text: 'joining group' })
  report({ type: 'problem', text: 'commit failed' })
  report({ type: 'stats', stats: STATS })
  report({ type: 'summary', summary: SUMMARY })
  assert.deepEqual(json, [
    {
      v: 1,
      type: 'file',
      path: 'a/scan_07.csv',
      result: 'ok',
      attempt: 1,
      bytes: 81_920,
      ms: 212,
      partitions: { 0: [4411, 4419], 2: [7, 7] },
    },
    JSON.parse(JSON.stringify({ v: 1, type: 'stats', ...STATS })),
    { v: 1, type: 'summary', ...SUMMARY },
  ])
})
