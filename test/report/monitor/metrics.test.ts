import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Metrics, metrics } from '../../../src/report/monitor/metrics.ts'
import { viewOf } from '../view.ts'

const NOW = 1_700_000_000_000
const options = { topic: 'xrd', group: 'g"1', process: false, lastSuccess: undefined, now: () => NOW }

/** Value of a series by its name and labels, as Prometheus reads it. */
async function values(figures: Metrics): Promise<Map<string, number>> {
  const lines = (await figures.text('own')).split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => {
      const [, name, labels = '', value] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? []
      const own = labels.replace(/,?topic="xrd",group="g\\"1"/, '')
      return [own === '' ? `${name}` : `${name}{${own}}`, Number(value)]
    }),
  )
}

const file = { type: 'file', path: 'a', attempt: 1, bytes: 10, ms: 300, partitions: {} } as const

test('events and view become the documented series, each with topic and group', async () => {
  const figures = metrics(options)
  figures.attach(viewOf())
  figures.report({ ...file, result: 'ok', arrival: { chunks: 1, openMs: 1, sentAt: NOW - 4_000 } })
  figures.report({ ...file, result: 'failed', setAside: 'held', error: 'x' })
  const found = await values(figures)
  const expected = {
    'dfsp_files_total{result="ok"}': 1,
    'dfsp_files_total{result="failed"}': 1,
    dfsp_file_bytes_total: 3_000,
    dfsp_records_total: 9,
    dfsp_undecodable_records_total: 6,
    dfsp_plugin_duration_seconds_count: 2,
    'dfsp_plugin_duration_seconds_bucket{le="0.1"}': 0,
    'dfsp_plugin_duration_seconds_bucket{le="0.5"}': 2,
    dfsp_file_latency_seconds_sum: 4,
    'dfsp_files{state="assembling"}': 1,
    'dfsp_files{state="queued"}': 2,
    'dfsp_files{state="running"}': 1,
    'dfsp_files{state="held"}': 1,
    dfsp_oldest_unfinished_file_seconds: 61,
    dfsp_buffer_bytes: 2_000,
    dfsp_buffer_limit_bytes: 512,
    'dfsp_consumer_lag_records{partition="0"}': 7,
    'dfsp_consumer_lag_records{partition="1"}': 0,
    'dfsp_commits_total{result="ok"}': 5,
    'dfsp_commits_total{result="failed"}': 2,
    dfsp_ledger_chars_max: 812,
    dfsp_last_success_timestamp_seconds: NOW / 1_000,
    dfsp_ready: 1,
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(found.get(name), value, name)
})

test('before the run reads, and where the broker is away, it is not ready and every series is there', async () => {
  const figures = metrics(options)
  assert.equal((await values(figures)).get('dfsp_ready'), 0)
  figures.attach(viewOf({ notReady: () => 'the broker is away', partitions: () => [] }))
  const found = await values(figures)
  assert.equal(found.get('dfsp_ready'), 0)
  assert.equal([...found.keys()].filter(name => name.startsWith('dfsp_consumer_lag')).length, 0)
})

test('the last success is that of an earlier run until a file is processed or a run ends with 0', async () => {
  const figures = metrics({ ...options, lastSuccess: 1_600_000_000 })
  const at = async () => (await values(figures)).get('dfsp_last_success_timestamp_seconds')
  const summary = {
    ...{ done: 0, failed: 0, mismatched: 0, skipped: 0, deadLettered: 0, undecodable: 0, incomplete: 0 },
    ...{ bytes: 0, seconds: 1, incompleteFiles: [] },
  }
  figures.report({ ...file, result: 'failed', setAside: 'held' })
  figures.report({ type: 'summary', summary: { ...summary, exit: 69 } })
  assert.equal(await at(), 1_600_000_000)
  figures.report({ type: 'summary', summary: { ...summary, exit: 0 } })
  assert.equal(await at(), NOW / 1_000)
})

test('where the topic is shared each series says of which member it is, else none does', async () => {
  const lines = async (member?: string) =>
    (await metrics({ ...options, ...(member && { member }) }).text('own'))
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'))
  const shared = await lines('lab2-4711')
  assert.ok(shared.length > 10)
  for (const line of shared) assert.match(line, /[{,]member="lab2-4711"[,}]/)
  assert.deepEqual(
    shared.map(line => line.replace(/,?member="lab2-4711"/, '')),
    await lines(),
  )
})

test('figures of the process are not part of the file for the textfile collector, which has its own', async () => {
  const figures = metrics({ ...options, process: true })
  assert.match(await figures.text('all'), /^process_cpu_seconds_total /m)
  assert.doesNotMatch(await figures.text('own'), /^process_/m)
})
