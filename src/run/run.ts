/**
 * One run of `dfsp run`: connects, starts the plugin, consumes, stops and ends.
 *
 * run/ brings one run to its end, and has what other commands that run plugins need as well. It writes to no
 * terminal.
 */
import { type Journal, journalPath, openJournal } from '../files/journal.ts'
import { claimJournal } from '../files/journal-claim.ts'
import { type OutputDir, openOutputDir } from '../files/output-dir.ts'
import { topicPartitions } from '../kafka/ask/topic.ts'
import type { FileConsumer } from '../kafka/consumer/consumer.ts'
import { openRefetcher } from '../kafka/refetch/refetch.ts'
import type { Processor } from '../processor/processor.ts'
import { formatCount } from '../report/quantities.ts'
import { connecting } from './connecting.ts'
import { type Deferred, deferred } from './deferred.ts'
import { realEdges } from './edges.ts'
import { whyHalted } from './halted.ts'
import { incompleteAtEnd } from './incomplete-end.ts'
import { canCommit, type End, hasEnd, type Outcome, outcome } from './outcome.ts'
import { partitionOwners } from './partition-owners.ts'
import { SETUP_MS, setUp, setupOf, tearDown } from './plugin-life.ts'
import { reloadOnChange } from './plugin-watch.ts'
import { type RetentionLosses, retentionLosses } from './retention-losses.ts'
import { runHandlers } from './run-handlers.ts'
import type { RunDeps, RunOptions } from './run-options.ts'
import { type Opened, runProcessor } from './run-processor.ts'
import { NOTHING_COUNTED, runProgress, statsOf, summaryOf } from './run-progress.ts'
import { runTally } from './run-tally.ts'
import { onStopSignal, stoppingText } from './shutdown.ts'
import { stillRunning } from './still-running.ts'

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
      journal = await ownJournal(options, output, text => report({ type: 'problem', text }))
    const ending = deferred<End>()
    stopListening = onStopSignal(signal => {
      report({ type: 'info', text: stoppingText(signal) })
      ending.resolve({ why: 'signal', signal })
    })
    runtime.connect({
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
    // The summary stays last, whatever the broker answers by then.
    opening.onInfo(text => ending.isResolved || report({ type: 'info', text }))
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
    return await consumeToEnd(options, deps, { consumer, refetcher, journal, output }, ending, started)
  } finally {
    stopListening()
    await runtime.host.close(0)
    await refetcher.close()
    await opening?.close()
    await journal?.close()
    output.close()
  }
}

/** That of the member where it has a name; of others that share the topic none, if it is in this folder. */
async function ownJournal(
  { topic, group, member, shared }: RunOptions,
  { path, tmpDir }: OutputDir,
  tell: (text: string) => void,
): Promise<Journal> {
  const file = journalPath(path, topic, group, member)
  if (shared && member === undefined) claimJournal(file, tmpDir)
  return await openJournal(file, tell)
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

async function consumeToEnd(
  options: RunOptions,
  deps: RunDeps,
  opened: Opened,
  ending: Deferred<End>,
  started: number,
): Promise<Outcome> {
  const { runtime, report } = deps
  const { consumer } = opened
  const progress = runProgress(options, consumer)
  const retention = retentionLosses()
  const owners = options.shared ? partitionOwners(consumer, realEdges.now) : undefined
  const tally = runTally(consumer, options.memoryBytes, owners)
  const hooks = new Set(deps.loaded.hooks)
  const atGoal = () => ending.resolve({ why: 'goal' })
  const work: Processor = runProcessor(options, deps, opened, {
    hooks,
    commit: tally.commit,
    onChange: () => progress.check(work, atGoal),
    onStop: reason => ending.resolve({ why: 'stop', reason }),
    onFatal: error => ending.resolve({ why: 'fatal', error }),
  })
  const stats = () => statsOf(work, progress, consumer, owners?.view(), started)
  deps.onView?.(tally.view(work, stats))
  runtime.onReady(() => ending.isResolved || work.tick())

  const still = stillRunning(report, realEdges.now)
  const telling = [
    setInterval(() => still(work.unfinished().running), TICK_MS),
    ...(options.statsMs > 0
      ? [setInterval(() => report({ type: 'stats', stats: stats() }), options.statsMs)]
      : []),
  ]
  const looking = [
    setInterval(() => {
      work.tick()
      if (options.shared) progress.check(work, atGoal)
      const halted = hasEnd(options) ? whyHalted(work, progress, consumer) : undefined
      if (halted) ending.resolve(halted)
    }, TICK_MS),
    ...(options.maxTimeMs === undefined ? [] : [setTimeout(atGoal, options.maxTimeMs)]),
  ]
  report({ type: 'info', text: `joining group ${options.group}` })
  consumer.start(runHandlers(options, report, ending, { work, progress, retention, tally }))
  const stopReloading = await reloading(options, deps, opened.output, hooks)

  let end = await ending.promise
  const readUpTo = progress.readUpTo(work)
  await stopReloading?.()
  for (const timer of looking) clearInterval(timer)
  let drained = true
  if (canCommit(end)) {
    consumer.pauseForGood()
    drained = await work.drain(options.drainTimeoutMs)
    const { uncommitted } = work
    if (!drained && uncommitted && end.why === 'goal')
      end = { why: 'uncommitted', reason: uncommitted.reason }
    await tearDown(runtime, options.drainTimeoutMs, text => report({ type: 'info', text }))
  } else work.abandon()
  for (const timer of telling) clearInterval(timer)
  return await ended(options, deps, { end, drained, readUpTo, open: progress.open }, work, retention, started)
}

/** With --watch: the plugin is loaded anew when its files change, until the returned function is called. */
async function reloading(
  options: RunOptions,
  { runtime, report, reload }: RunDeps,
  output: OutputDir,
  hooks: Set<string>,
): Promise<(() => Promise<void>) | undefined> {
  if (reload === undefined) return undefined
  return await reloadOnChange(reload.file, {
    host: runtime.host,
    settingsOf: async info => setupOf({ ...options, pluginOptions: await reload.optionsOf(info) }, output),
    onReloaded(info) {
      hooks.clear()
      for (const name of info.hooks) hooks.add(name)
    },
    report,
  })
}

interface Ended {
  readonly end: End
  readonly drained: boolean
  readonly readUpTo: number | undefined
  /** What could not be read when the partitions were assigned. */
  readonly open: readonly string[]
}

/** Nothing runs any more: tells what is left, and how it ended. */
async function ended(
  options: RunOptions,
  { report }: RunDeps,
  { end, drained, readUpTo, open }: Ended,
  work: Processor,
  retention: RetentionLosses,
  started: number,
): Promise<Outcome> {
  const { assembling } = work.unfinished()
  const isAtGoal = end.why === 'goal'
  const waiting =
    isAtGoal && options.unprocessed === undefined
      ? await incompleteAtEnd(
          assembling.filter(file => !work.files.mayBeRest(file)),
          readUpTo,
          options.incompleteAfterMs,
          retention.isCut,
        )
      : undefined
  for (const event of waiting?.events ?? []) report(event)
  const { letGo } = work.counts
  if (letGo > 0 && isAtGoal) report({ type: 'problem', text: letGoText(letGo) })
  const unprocessed = (waiting?.overdue ?? options.unprocessed ?? 0) + retention.lostIn + letGo
  const { exit, error } = outcome(end, options, work.counts, drained, unprocessed)
  if (isAtGoal) for (const text of open) report({ type: 'problem', text })
  if (error) report({ type: 'error', error })
  else if (end.why === 'stop') report({ type: 'problem', text: `stopped: ${end.reason}` })
  report({ type: 'summary', summary: summaryOf(work.counts, assembling, started, exit) })
  return { exit, error }
}

function letGoText(times: number): string {
  return `unfinished files were let go ${formatCount(times)} times for want of --memory: start again, or give more --memory`
}
