/** A run's figures for Prometheus. Loads prom-client, so import it late. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { oneLine } from '../../core/text/shown-text.ts'
import type { RunEvent } from '../events.ts'
import type { CountsView, FileViewState, RunView } from './run-view.ts'

export interface Metrics {
  report(event: RunEvent): void
  attach(view: RunView): void
  /** The text format of Prometheus; `own` leaves out what tells of the process rather than of the run. */
  text(what: 'all' | 'own'): Promise<string>
  readonly contentType: string
}

export interface MetricsOptions {
  readonly topic: string
  readonly group: string
  /** Where the topic is shared: one of the group's. */
  readonly member?: string | undefined
  /** Whether to watch the process, which costs a little all the time. */
  readonly process: boolean
  /** Seconds since the epoch, of an earlier run. */
  readonly lastSuccess: number | undefined
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

const STATES: readonly FileViewState[] = ['assembling', 'queued', 'running', 'held']
const DURATION_S = [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800]
const LATENCY_S = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800, 3_600, 21_600, 86_400]

export function metrics(options: MetricsOptions): Metrics {
  const { now } = options
  const own = new Registry()
  const { member } = options
  own.setDefaultLabels({
    topic: oneLine(options.topic),
    group: oneLine(options.group),
    ...(member === undefined ? {} : { member: oneLine(member) }),
  })
  const ofProcess = new Registry()
  if (options.process) collectDefaultMetrics({ register: ofProcess })
  const registers = [own]
  let view: RunView | undefined

  const files = new Counter({
    name: 'dfsp_files_total',
    help: 'Files by how they ended in this run.',
    labelNames: ['result'],
    registers,
  })
  for (const result of ['ok', 'failed', 'mismatch', 'incomplete']) files.inc({ result }, 0)
  const pluginDuration = new Histogram({
    name: 'dfsp_plugin_duration_seconds',
    help: 'From handing a whole file to a thread to its answer, of the last attempt.',
    buckets: DURATION_S,
    registers,
  })
  const latency = new Histogram({
    name: 'dfsp_file_latency_seconds',
    help: "From the timestamp of a file's first chunk to its end.",
    buckets: LATENCY_S,
    registers,
  })
  const lastSuccess = new Gauge({
    name: 'dfsp_last_success_timestamp_seconds',
    help: 'When a file was processed, or a run ended with status 0, the last time.',
    registers,
  })
  lastSuccess.set(options.lastSuccess ?? 0)
  const succeeded = () => lastSuccess.set(Math.round(now()) / 1_000)

  viewMetrics(registers, () => view)

  return {
    report(event) {
      if (event.type === 'summary' && event.summary.exit === 0) succeeded()
      if (event.type !== 'file') return
      files.inc({ result: event.result })
      if (event.result === 'ok') succeeded()
      if (event.result === 'ok' || event.result === 'failed') pluginDuration.observe(event.ms / 1_000)
      const sentAt = event.arrival?.sentAt ?? 0
      if (event.result === 'ok' && sentAt > 0) latency.observe(Math.max(0, now() - sentAt) / 1_000)
    },
    attach(given) {
      view = given
    },
    async text(what) {
      const texts = [await own.metrics()]
      if (what === 'all') texts.push(await ofProcess.metrics())
      return `${texts.join('\n').trimEnd()}\n`
    },
    contentType: own.contentType,
  }
}

/** What the run keeps itself: it is asked when the text is. */
function viewMetrics(registers: Registry[], view: () => RunView | undefined): void {
  const counted = (name: string, help: string, value: (counts: CountsView) => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        const seen = view()
        this.inc(seen === undefined ? 0 : value(seen.counts()))
      },
    })
  counted('dfsp_file_bytes_total', 'Content of files that were processed.', c => c.doneBytes)
  counted('dfsp_received_bytes_total', 'Content received in chunks.', c => c.receivedBytes)
  counted('dfsp_records_total', 'Records read from the topic.', c => c.records)
  counted('dfsp_undecodable_records_total', 'Records that are no chunks of a file.', c => c.undecodable)
  new Counter({
    name: 'dfsp_commits_total',
    help: 'Offset commits by their answer.',
    labelNames: ['result'],
    registers,
    collect() {
      const { commits = 0, failedCommits = 0 } = view()?.counts() ?? {}
      this.reset()
      this.inc({ result: 'ok' }, commits)
      this.inc({ result: 'failed' }, failedCommits)
    },
  })

  const gauge = (name: string, help: string, value: (view: RunView) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const seen = view()
        this.set(seen === undefined ? 0 : value(seen))
      },
    })
  new Gauge({
    name: 'dfsp_files',
    help: 'Files that are not done with, by state.',
    labelNames: ['state'],
    registers,
    collect() {
      const counts = view()?.fileCounts()
      for (const state of STATES) this.set({ state }, counts?.[state] ?? 0)
    },
  })
  gauge('dfsp_oldest_unfinished_file_seconds', 'Since the first chunk of the oldest open file was read.', v =>
    [...v.files()].reduce((oldest, { openMs }) => Math.max(oldest, openMs / 1_000), 0),
  )
  gauge('dfsp_buffer_bytes', 'Memory that open files occupy.', v => v.stats().memoryBytes)
  gauge('dfsp_buffer_limit_bytes', 'The budget of --memory.', v => v.counts().memoryLimit)
  gauge(
    'dfsp_ledger_chars_max',
    'Characters of the longest metadata in the last offset commit; brokers take 4096 unless told otherwise.',
    v => v.counts().ledgerChars,
  )
  gauge('dfsp_ready', '1 while the run takes and processes what comes, as /readyz says.', v =>
    v.notReady() === undefined ? 1 : 0,
  )
  new Gauge({
    name: 'dfsp_consumer_lag_records',
    help: 'Records of a partition that are not read yet.',
    labelNames: ['partition'],
    registers,
    collect() {
      this.reset()
      for (const { partition, end, position } of view()?.partitions() ?? [])
        this.set({ partition }, end - position)
    },
  })
}
