/** One run of `dfsp run`: wires consumer, plugin threads, processor and reports, and brings it to its end. */
import { constants } from 'node:buffer'
import path from 'node:path'
import { DfspError } from '../base/errors.ts'
import type { Values } from '../config/options/options.ts'
import type { FileId } from '../core/chunks/generation.ts'
import { type Journal, journalPath, openJournal } from '../files/journal.ts'
import { type OutputDir, openOutputDir } from '../files/output-dir.ts'
import { topicPartitions } from '../kafka/ask/topic.ts'
import type { FileConsumer } from '../kafka/consumer/consumer.ts'
import { notPassing } from '../kafka/consumer/outages.ts'
import { openRefetcher, type Refetcher } from '../kafka/refetch/refetch.ts'
import type { LoadedInfo } from '../plugin/host/host.ts'
import type { FromThread } from '../plugin/messages.ts'
import type { OutgoingRecord } from '../plugin/plugin.ts'
import { type Processor, processor } from '../processor/processor.ts'
import type { RunEvent } from '../report/events.ts'
import type { RunView } from '../report/monitor/run-view.ts'
import { type Connecting, type ConnectOptions, connecting } from './connecting.ts'
import { type Deferred, deferred } from './deferred.ts'
import { realEdges } from './edges.ts'
import { incompleteAtEnd } from './incomplete-end.ts'
import { letterSender } from './letter-sender.ts'
import { canCommit, type End, hasEnd, type Outcome, outcome } from './outcome.ts'
import { type PluginSettings, SETUP_MS, setUp, setupOf, tearDown } from './plugin-life.ts'
import type { PluginRuntime } from './plugin-runtime.ts'
import { reloadOnChange } from './plugin-watch.ts'
import { retentionLosses } from './retention-losses.ts'
import { NOTHING_COUNTED, runProgress, statsOf, summaryOf } from './run-progress.ts'
import { runTally } from './run-view.ts'
import { onStopSignal, stoppingText } from './shutdown.ts'
import { stillRunning } from './still-running.ts'

/** The values of all options, of which each part takes its own, and what the command makes of them. */
export type RunOptions = Values &
  ConnectOptions &
  PluginSettings & {
    /** Files that are not run now, and stay unresolved as they are. */
    readonly leave?: (file: FileId) => boolean
    /** Files of which it was told before that they cannot be processed: with any, what is processed well ends with 3. */
    readonly unprocessed?: number
    /** With `untilEnd`: offsets by partition up to which to read, instead of the ends as they are at the start. */
    readonly goals?: ReadonlyMap<number, number>
  }

export interface RunDeps {
  readonly runtime: PluginRuntime
  readonly loaded: LoadedInfo
  report(event: RunEvent): void
  logFromPlugin(entry: Extract<FromThread, { type: 'log' }>): void
  /** Takes the view of the run once it reads. */
  onView?(view: RunView): void
  /** Where the consumer is being opened already; `run` opens it without. */
  readonly connecting?: Connecting
  /** With --watch: the plugin's module, and its options as they are once it exports this. */
  readonly reload?:
    | {
        readonly file: string
        readonly optionsOf: (info: LoadedInfo) => Promise<PluginSettings['pluginOptions']>
      }
    | undefined
  /** Where ctx.produce goes; closed at the end. */
  readonly produce: (record: OutgoingRecord) => Promise<void>
}

const TICK_MS = 1_000

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
  let opening = deps.connecting
  let journal: Journal | undefined
  const refetcher = openRefetcher({ topic: options.topic, properties: options.consumerProperties })
  let stopListening = () => {}
  try {
    if (options.journal)
      journal = await openJournal(journalPath(output.path, options.topic, options.group), text =>
        report({ type: 'problem', text }),
      )
    const ending = deferred<End>()
    stopListening = onStopSignal(signal => {
      report({ type: 'info', text: stoppingText(signal) })
      ending.resolve({ why: 'signal', signal })
    })
    let lookForWork = () => {}
    runtime.connect({
      onReady: () => lookForWork(),
      produce: deps.produce,
      log: deps.logFromPlugin,
      onBroken(error) {
        if (deps.reload === undefined) ending.resolve({ why: 'fatal', error })
        else
          report({
            type: 'problem',
            text: `${[error.message, ...error.facts].join(': ')}; waiting for a change`,
          })
      },
    })
    opening ??= connecting(options)
    let isEnding = false
    void ending.promise.then(() => {
      isEnding = true
    })
    // The summary stays last, whatever the broker answers by then.
    opening.onInfo(text => isEnding || report({ type: 'info', text }))
    const consumer = await unless(ending, opening.consumer)
    if ('why' in consumer) return notBegun(options, deps, consumer, started)
    if (options.dlq !== undefined) void warnIfMissing(options.dlq, consumer, report)
    const starting = setUp(
      runtime,
      setupOf(options, output),
      text => report({ type: 'info', text, waitsFor: text }),
      hasEnd(options) ? SETUP_MS : Number.POSITIVE_INFINITY,
    )
    const interrupted = await unless(ending, starting)
    if (interrupted) return notBegun(options, deps, interrupted, started)
    const onWork = (look: () => void) => {
      lookForWork = look
    }
    const beside = { refetcher, journal, onWork }
    return await consumeToEnd(options, deps, consumer, beside, output, ending, started)
  } finally {
    stopListening()
    await runtime.host.close(0)
    await refetcher.close()
    await opening?.close()
    await journal?.close()
    output.close()
  }
}

/** Told before a file fails and its letter is refused, half a minute later. */
async function warnIfMissing(dlq: string, consumer: FileConsumer, report: RunDeps['report']): Promise<void> {
  try {
    await topicPartitions(consumer.client, dlq, consumer.login, 'produce')
  } catch (error) {
    const text = `dead letters: ${(error as Error).message}; until it can be written, what fails for good is held`
    report({ type: 'problem', text })
  }
}

/** What `work` resolves to, or the end of the run if that comes first: a signal must not wait for a dead broker. */
async function unless<T>(ending: Deferred<End>, work: Promise<T>): Promise<T | End> {
  work.catch(() => {}) // after the end nobody asks for it
  return await Promise.race([work, ending.promise])
}

/** A run that was ended before it read anything. */
function notBegun(options: RunOptions, { report }: RunDeps, end: End, started: number): Outcome {
  const { exit, error } = outcome(end, options, NOTHING_COUNTED, true)
  if (error) report({ type: 'error', error })
  report({ type: 'summary', summary: summaryOf(NOTHING_COUNTED, [], started, exit) })
  return { exit, error }
}

interface Beside {
  readonly refetcher: Refetcher
  readonly journal: Journal | undefined
  /** Hears what is to be called when a thread has become ready. */
  readonly onWork: (look: () => void) => void
}

async function consumeToEnd(
  options: RunOptions,
  deps: RunDeps,
  consumer: FileConsumer,
  beside: Beside,
  output: OutputDir,
  ending: Deferred<End>,
  started: number,
): Promise<Outcome> {
  const { runtime, report } = deps
  const progress = runProgress(options, consumer)
  const retention = retentionLosses()
  const tally = runTally(consumer, offsets => consumer.commit(offsets), options.memoryBytes)
  const { refetcher, journal } = beside
  const hooks = new Set(deps.loaded.hooks)
  const work: Processor = processor({
    ...realEdges,
    settings: {
      ...options,
      diskPath: name => path.join(output.path, name),
      largestBuffer: constants.MAX_LENGTH,
      waitsForEnvironment: true,
      retriesHeld: !hasEnd(options),
    },
    host: runtime.host,
    hooks,
    store: runtime.store(output.tmp),
    commit: tally.commit,
    committedNow: () => consumer.committedNow(),
    endOffsets: () => consumer.endOffsets(),
    deadLetter: options.dlq === undefined ? async () => {} : letterSender(deps.produce, options.dlq),
    refetch: async (ranges, onRecord, signal) => {
      await refetcher.read(ranges, onRecord, signal)
    },
    journal,
    pause: () => consumer.pause(),
    resume: () => consumer.resume(),
    report,
    onChange: () => progress.check(work, () => ending.resolve({ why: 'goal' })),
    onStop: reason => ending.resolve({ why: 'stop', reason }),
  })
  /** What the run waits for in vain: for records, or once all are read and nothing runs for an answer to a commit. */
  function whatIsLost(): DfspError | undefined {
    const { lost } = consumer.health
    if (!progress.isRead(work)) return lost
    const { queued, running } = work.unfinished()
    if (queued + running.size > 0 || work.uncommitted === undefined) return undefined
    const { error, forMs } = work.uncommitted
    return lost ?? (error instanceof DfspError ? notPassing(error, forMs) : undefined)
  }
  /** What could not be read when the partitions were assigned. */
  let open: readonly string[] = []
  const still = stillRunning(report, realEdges.now)
  const stillTimer = setInterval(() => still(work.unfinished().running), TICK_MS)
  function tick(): void {
    work.tick()
    if (!hasEnd(options)) return
    if (work.blocked !== undefined && work.blocked.probes > 0)
      ending.resolve({ why: 'blocked', reason: work.blocked.reason })
    const { stuck } = consumer.health
    if (stuck !== undefined) ending.resolve({ why: 'stuck', reason: stuck })
    const lost = whatIsLost()
    if (lost !== undefined) ending.resolve({ why: 'lost', error: lost })
  }
  let isOver = false
  deps.onView?.(tally.view(work, () => statsOf(work, progress, consumer, started)))
  const stats = () => report({ type: 'stats', stats: statsOf(work, progress, consumer, started) })
  const statsTimer = options.statsMs > 0 ? setInterval(stats, options.statsMs) : undefined
  beside.onWork(() => isOver || work.tick())
  const timers = [
    setInterval(tick, TICK_MS),
    ...(options.maxTimeMs === undefined
      ? []
      : [setTimeout(() => ending.resolve({ why: 'goal' }), options.maxTimeMs)]),
  ]
  report({ type: 'info', text: `joining group ${options.group}` })
  consumer.start({
    onAssign(partitions) {
      tally.assigned(partitions)
      retention.assigned(partitions)
      work.assign(partitions)
      if (partitions.length === 0 || isOver) return
      report({
        type: 'info',
        text: `reading ${partitions.length} partitions of ${options.topic}`,
        fields: { group: options.group },
      })
      progress.aim(partitions)
      open = partitions.flatMap(partition => partition.open ?? [])
      progress.check(work, () => ending.resolve({ why: 'goal' }))
    },
    onRecords(records) {
      tally.read(records.length)
      retention.read(records)
      try {
        work.records(records)
      } catch (cause) {
        const error = new DfspError('E_INTERNAL', (cause as Error).message, { cause })
        ending.resolve({ why: 'fatal', error })
      }
    },
    wait: work.wait,
    onPartitionEnd(partition, offset) {
      progress.endSeen(partition)
      work.partitionEnd(partition, offset)
    },
    onRevoke: (partitions, lost) => work.revoke(partitions, lost, options.drainTimeoutMs),
    onLowWatermark(partition, low) {
      retention.low(
        partition,
        low,
        work.ledger.epoch(partition) === undefined ? low : work.ledger.position(partition),
      )
      work.lowWatermark(partition, low)
    },
    onFatal: error => ending.resolve({ why: 'fatal', error }),
    onProblem: text => report({ type: 'problem', text }),
  })

  const { reload } = deps
  const stopReloading =
    reload &&
    (await reloadOnChange(reload.file, {
      host: runtime.host,
      settingsOf: async info => setupOf({ ...options, pluginOptions: await reload.optionsOf(info) }, output),
      onReloaded(info) {
        hooks.clear()
        for (const name of info.hooks) hooks.add(name)
      },
      report,
    }))
  let end = await ending.promise
  isOver = true // a group that is joined at last is left again
  const readUpTo = progress.readUpTo(work)
  await stopReloading?.()
  for (const timer of timers) clearInterval(timer)
  let drained = true
  if (canCommit(end)) {
    consumer.stop()
    drained = await work.drain(options.drainTimeoutMs)
    const { uncommitted } = work
    if (!drained && uncommitted && end.why === 'goal')
      end = { why: 'uncommitted', reason: uncommitted.reason }
    await tearDown(runtime, options.drainTimeoutMs, text => report({ type: 'info', text }))
  } else work.abandon()
  clearInterval(stillTimer)
  clearInterval(statsTimer)
  const { assembling } = work.unfinished()
  const waiting =
    end.why === 'goal' && options.unprocessed === undefined
      ? incompleteAtEnd(assembling, readUpTo, options.incompleteAfterMs, retention.isCut)
      : undefined
  for (const event of waiting?.events ?? []) report(event)
  const unprocessed = (waiting?.overdue ?? options.unprocessed ?? 0) + retention.lostIn + work.counts.letGo
  const { exit, error } = outcome(end, options, work.counts, drained, unprocessed)
  if (end.why === 'goal') for (const text of open) report({ type: 'problem', text })
  if (error) report({ type: 'error', error })
  else if (end.why === 'stop') report({ type: 'problem', text: `stopped: ${end.reason}` })
  report({ type: 'summary', summary: summaryOf(work.counts, assembling, started, exit) })
  return { exit, error }
}
