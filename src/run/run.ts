/** One run of `dfsp run`: wires consumer, plugin threads, processor and reports, and brings it to its end. */
import { constants } from 'node:buffer'
import path from 'node:path'
import { encodeDeadLetter } from '../core/dead-letter.ts'
import type { Policy } from '../core/disposition.ts'
import { reachedEnd } from '../core/run-end.ts'
import { DfspError } from '../errors.ts'
import { openOutputDir } from '../files/output-dir.ts'
import type { StartOffset } from '../kafka/assignment.ts'
import { type FileConsumer, openConsumer } from '../kafka/consumer.ts'
import type { LoadedInfo } from '../plugin/host.ts'
import type { FromThread } from '../plugin/messages.ts'
import type { OutgoingRecord } from '../plugin/plugin.ts'
import type { RunEvent, RunStats, RunSummary } from '../report/events.ts'
import { realEdges } from './edges.ts'
import type { OpenFile } from './open-files.ts'
import type { PluginRuntime } from './plugin-runtime.ts'
import { type Processor, processor } from './processor.ts'
import type { Counts } from './processor-deps.ts'
import { onStopSignal, type StopSignal, signalNumber } from './shutdown.ts'

export interface RunOptions {
  readonly topic: string
  readonly group: string
  readonly mode: 'memory' | 'disk' | 'both'
  readonly outputDir: string
  readonly consumerProperties: Readonly<Record<string, string>>
  readonly from: StartOffset
  readonly waitForTopic: boolean
  readonly files: RegExp | undefined
  readonly retries: number
  /** Topic of dead letters. */
  readonly dlq: string | undefined
  readonly onError: Policy
  readonly onIncomplete: 'hold' | 'dlq' | 'skip'
  readonly breakerAfter: number
  readonly journal: boolean
  readonly incompleteAfterMs: number
  readonly reprocessIdentical: boolean
  readonly memoryBytes: number
  readonly untilEnd: boolean
  readonly maxFiles: number | undefined
  readonly maxTimeMs: number | undefined
  readonly drainMs: number
  /** Verify only: the plugin is not called, nothing is committed. */
  readonly dryRun: boolean
  /** Milliseconds between two stats events; 0 = none. */
  readonly statsMs: number
  readonly pluginOptions: Readonly<Record<string, unknown>>
  readonly sections: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export interface RunDeps {
  readonly runtime: PluginRuntime
  readonly loaded: LoadedInfo
  report(event: RunEvent): void
  logFromPlugin(entry: Extract<FromThread, { type: 'log' }>): void
  /** Where ctx.produce goes; closed at the end. */
  readonly produce: (record: OutgoingRecord) => Promise<void>
}

/** Why a run ends. */
type End =
  | { readonly why: 'signal'; readonly signal: StopSignal }
  /** Its goal (--until-end, --max-files, --max-time) is reached. */
  | { readonly why: 'goal' }
  /** A policy asked for it, or going on is impossible. */
  | { readonly why: 'stop'; readonly reason: string; readonly error: unknown }
  | { readonly why: 'fatal'; readonly error: DfspError }
  /** A finite run cannot go on at present. */
  | { readonly why: 'blocked'; readonly reason: string }

const TICK_MS = 1_000
const TEARDOWN_MS = 5_000

/**
 * Runs to the end and returns the exit status. An error that ends it once it reads is reported before the summary and
 * returned; one before that is thrown.
 */
export async function run(options: RunOptions, deps: RunDeps): Promise<Outcome> {
  const { runtime, report } = deps
  const started = performance.now()
  const output = openOutputDir(options.outputDir)
  for (const name of output.removedStale)
    report({ type: 'info', text: `removed temporary files of an earlier run: ${name}` })
  let consumer: FileConsumer | undefined
  let stopListening = () => {}
  try {
    const ending = deferred<End>()
    stopListening = onStopSignal(signal => {
      report({ type: 'info', text: `${signal}: finishing what runs, then stopping (again to stop at once)` })
      ending.resolve({ why: 'signal', signal })
    })
    runtime.connect({
      produce: deps.produce,
      log: deps.logFromPlugin,
      onBroken: error => ending.resolve({ why: 'fatal', error }),
    })
    const opening = openConsumer(
      {
        topic: options.topic,
        group: options.group,
        properties: options.consumerProperties,
        from: options.from,
        waitForTopic: options.waitForTopic,
      },
      text => report({ type: 'info', text }),
    )
    const early = await unless(ending, opening)
    if ('why' in early) return notBegun(options, deps, early, started)
    consumer = early
    const starting = runtime.start({
      options: options.pluginOptions,
      sections: options.sections,
      outputDir: output.path,
      tmpDir: output.tmpDir,
      dryRun: options.dryRun,
    })
    const interrupted = await unless(ending, starting)
    if (interrupted) return notBegun(options, deps, interrupted, started)
    return await consumeToEnd(options, deps, consumer, output, ending, started)
  } finally {
    stopListening()
    await runtime.host.close(0)
    await consumer?.close()
    output.close()
  }
}

/** What `work` resolves to, or the end of the run if that comes first: a signal must not wait for a dead broker. */
async function unless<T>(ending: Deferred<End>, work: Promise<T>): Promise<T | End> {
  work.catch(() => {}) // after the end nobody asks for it
  return await Promise.race([work, ending.promise])
}

/** A run that was ended before it read anything. */
function notBegun(options: RunOptions, { report }: RunDeps, end: End, started: number): Outcome {
  const none = {
    done: 0,
    failed: 0,
    mismatched: 0,
    skipped: 0,
    deadLettered: 0,
    undecodable: 0,
    doneBytes: 0,
  }
  const { exit, error } = outcome(end, options, none, true)
  if (error) report({ type: 'error', error })
  report({ type: 'summary', summary: summaryOf(none, [], started, exit) })
  return { exit, error }
}

interface Outcome {
  readonly exit: number
  readonly error: DfspError | undefined
}

async function consumeToEnd(
  options: RunOptions,
  deps: RunDeps,
  consumer: FileConsumer,
  output: { readonly path: string; readonly tmpDir: string },
  ending: Deferred<End>,
  started: number,
): Promise<Outcome> {
  const { runtime, report } = deps
  const progress = runProgress(options, consumer)
  const work: Processor = processor({
    ...realEdges,
    settings: {
      topic: options.topic,
      group: options.group,
      mode: options.mode,
      diskPath: name => path.join(output.path, name),
      files: options.files,
      onFailure: { retries: options.retries, onError: options.onError },
      onIncomplete: options.onIncomplete,
      incompleteAfterMs: options.incompleteAfterMs,
      reprocessIdentical: options.reprocessIdentical,
      memoryBytes: options.memoryBytes,
      largestBuffer: constants.MAX_LENGTH,
      maxFiles: options.maxFiles,
      breakerAfter: options.breakerAfter,
    },
    host: runtime.host,
    hooks: new Set(options.dryRun ? [] : deps.loaded.hooks),
    store: runtime.store(output.tmpDir),
    commit: offsets => (options.dryRun ? Promise.resolve() : consumer.commit(offsets)),
    committedNow: async () => new Map(),
    deadLetter: async letter => {
      if (!options.dryRun && options.dlq !== undefined)
        await deps.produce({ topic: options.dlq, ...encodeDeadLetter(letter) })
    },
    refetch: async () => {
      throw new Error('reading again is not wired yet')
    },
    journal: undefined,
    pause: () => consumer.pause(),
    resume: () => consumer.resume(),
    report,
    onChange: () => progress.check(work, () => ending.resolve({ why: 'goal' })),
    onStop: (reason, error) => ending.resolve({ why: 'stop', reason, error }),
  })
  function tick(): void {
    work.tick()
    if (hasEnd(options) && work.blocked !== undefined && work.blocked.probes > 0)
      ending.resolve({ why: 'blocked', reason: work.blocked.reason })
  }
  const timers = [
    setInterval(tick, TICK_MS),
    ...(options.statsMs > 0
      ? [
          setInterval(
            () => report({ type: 'stats', stats: statsOf(work, progress, started) }),
            options.statsMs,
          ),
        ]
      : []),
    ...(options.maxTimeMs === undefined
      ? []
      : [setTimeout(() => ending.resolve({ why: 'goal' }), options.maxTimeMs)]),
  ]
  report({ type: 'info', text: `joining group ${options.group}` })
  consumer.start({
    onAssign(partitions) {
      work.assign(partitions)
      if (partitions.length === 0) return
      report({
        type: 'info',
        text: `reading ${partitions.length} partitions of ${options.topic}`,
        fields: { group: options.group },
      })
      void progress.aim(work).then(
        () => progress.check(work, () => ending.resolve({ why: 'goal' })),
        error =>
          ending.resolve({
            why: 'stop',
            reason: `end offsets are unknown: ${(error as Error).message}`,
            error,
          }),
      )
    },
    onRecords: records => work.records(records),
    onPartitionEnd(partition, offset) {
      progress.endSeen(partition)
      work.partitionEnd(partition, offset)
    },
    onRevoke: (partitions, lost) => work.revoke(partitions, lost, options.drainMs),
    onFatal: error => ending.resolve({ why: 'fatal', error }),
    onProblem: text => report({ type: 'problem', text }),
  })

  const end = await ending.promise
  for (const timer of timers) clearInterval(timer)
  // Whatever ended it, what was finished is committed; only after a fatal error no commit can be answered any more.
  let drained = true
  if (end.why !== 'fatal') {
    consumer.pause()
    drained = await work.drain(options.drainMs)
    await runtime.host.close(Math.min(TEARDOWN_MS, options.drainMs))
  }
  const { exit, error } = outcome(end, options, work.counts, drained)
  if (error) report({ type: 'error', error })
  else if (end.why === 'stop') report({ type: 'problem', text: `stopped: ${end.reason}` })
  report({ type: 'summary', summary: summaryOf(work.counts, work.unfinished().assembling, started, exit) })
  return { exit, error }
}

function hasEnd({ untilEnd, maxFiles, maxTimeMs }: RunOptions): boolean {
  return untilEnd || maxFiles !== undefined || maxTimeMs !== undefined
}

function outcome(
  end: End,
  options: RunOptions,
  { failed, mismatched, undecodable }: SummaryCounts,
  drained: boolean,
): Outcome {
  const finite = hasEnd(options)
  if (end.why === 'fatal') return { exit: end.error.exitCode, error: end.error }
  if (end.why === 'blocked') {
    const error = new DfspError('E_BREAKER', `nothing can be processed: ${end.reason}`, {
      facts: ['nothing was given up for it: the next start goes on where this one stopped'],
      next: 'mend the cause and start again; if it is the files that are bad: --breaker 0',
    })
    return { exit: error.exitCode, error }
  }
  if (end.why === 'stop') {
    if (end.error instanceof Error) {
      const error = new DfspError('E_OUTPUT', end.reason, {
        next: 'nothing is lost: free space or mend the output directory, then start again',
        cause: end.error,
      })
      return { exit: error.exitCode, error }
    }
    return { exit: 3, error: undefined }
  }
  if (end.why === 'signal' && finite) return { exit: 128 + signalNumber(end.signal), error: undefined }
  if (!drained) return { exit: 75, error: undefined }
  if (end.why === 'signal') return { exit: 0, error: undefined }
  return { exit: failed + mismatched + undecodable > 0 ? 3 : 0, error: undefined }
}

interface Deferred<T> {
  readonly promise: Promise<T>
  /** The first call counts. */
  readonly resolve: (value: T) => void
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>(r => {
    resolve = r
  })
  return { promise, resolve }
}

interface RunProgress {
  /** Takes the end offsets of all owned partitions as the goal, once. */
  aim(work: Processor): Promise<void>
  endSeen(partition: number): void
  /** Calls `reached` when a finite run is over. */
  check(work: Processor, reached: () => void): void
  /** 0 to 1, of a run until the end. */
  fraction(work: Processor): number | undefined
  lag(work: Processor): number | undefined
}

function runProgress(options: RunOptions, consumer: FileConsumer): RunProgress {
  let goals: ReadonlyMap<number, number> | undefined
  let starts: ReadonlyMap<number, number> | undefined
  const seen = new Set<number>()
  const position = (work: Processor, p: number) =>
    work.ledger.epoch(p) === undefined ? 0 : work.ledger.position(p)
  return {
    async aim(work) {
      if (goals || !options.untilEnd) return
      const from = new Map(work.ledger.partitions().map(p => [p, work.ledger.position(p)]))
      const ends = await consumer.endOffsets()
      starts = from
      goals = ends
    },
    endSeen(partition) {
      if (goals) seen.add(partition)
    },
    check(work, reached) {
      const { done, failed, mismatched } = work.counts
      if (options.maxFiles !== undefined && done + failed + mismatched >= options.maxFiles) return reached()
      if (!goals) return
      const partitions = [...goals].map(([p, goal]) => ({
        position: position(work, p),
        goal,
        endSeen: seen.has(p),
      }))
      if (!reachedEnd(partitions)) return
      if (work.quiet) return reached()
      consumer.pause()
    },
    fraction(work) {
      if (!goals || !starts) return undefined
      let have = 0
      let want = 0
      for (const [p, goal] of goals) {
        const start = starts.get(p) ?? 0
        want += goal - start
        have += Math.min(goal, Math.max(start, position(work, p))) - start
      }
      return want === 0 ? 1 : have / want
    },
    lag(work) {
      const partitions = work.ledger.partitions()
      if (partitions.length === 0) return undefined
      let lag = 0
      for (const p of partitions) lag += Math.max(0, consumer.knownEnd(p) - position(work, p))
      return lag
    },
  }
}

function statsOf(work: Processor, progress: RunProgress, started: number): RunStats {
  const { assembling, queued, running } = work.unfinished()
  const now = performance.now()
  return {
    done: work.counts.done,
    failed: work.counts.failed + work.counts.mismatched,
    assembling: assembling.length,
    queued,
    running: [...running].map(([file, since]) => ({ path: file.path, ms: Math.round(now - since) })),
    doneBytes: work.counts.doneBytes,
    receivedBytes: work.counts.receivedBytes,
    memoryBytes: work.memoryBytes,
    lag: progress.lag(work),
    progress: progress.fraction(work),
    flow: work.flow,
    seconds: (now - started) / 1_000,
  }
}

const NAMED_INCOMPLETE = 20

type SummaryCounts = Pick<
  Counts,
  'done' | 'failed' | 'mismatched' | 'skipped' | 'deadLettered' | 'undecodable' | 'doneBytes'
>

function summaryOf(
  { done, failed, mismatched, skipped, deadLettered, undecodable, doneBytes }: SummaryCounts,
  assembling: readonly OpenFile[],
  started: number,
  exit: number,
): RunSummary {
  return {
    done,
    failed,
    mismatched,
    skipped,
    deadLettered,
    undecodable,
    incomplete: assembling.length,
    bytes: doneBytes,
    seconds: Math.round(performance.now() - started) / 1_000,
    exit,
    incompleteFiles: assembling.slice(0, NAMED_INCOMPLETE).map(file => file.path),
  }
}
