/**
 * One `dfsp retry`: files of which there are dead letters are fetched by reference, assembled, verified and given to the
 * plugin once more. A letter is resolved after the plugin's null, or once a newer letter of the file is acknowledged.
 */

import { DfspError } from '../base/errors.ts'
import type { Values } from '../config/options/options.ts'
import type { FileLetter } from '../core/dead-letter.ts'
import { offsetsIn, rangesText } from '../core/offsets/offset-ranges.ts'
import { missingTopics } from '../kafka/ask/missing-topics.ts'
import { openRefetcher } from '../kafka/refetch/refetch.ts'
import { lostText } from '../report/commands/retry-plan-text.ts'
import type { SetAside } from '../report/events.ts'
import { deferred } from '../run/deferred.ts'
import { letterSender } from '../run/letter-sender.ts'
import { type End, type Outcome, outcome } from '../run/outcome.ts'
import { NOTHING_COUNTED, type SummaryCounts, summaryOf } from '../run/run-progress.ts'
import { onSignal, onStopSignal, stoppingText } from '../run/shutdown.ts'
import type { FileEnd } from './fetched-files.ts'
import { type LetterBox, openLetterBox } from './letter-box.ts'
import { withNewer } from './newer-contents.ts'
import { countEnd, type RerunOptions, type RerunUses, rerun, rerunEvent } from './rerun.ts'
import { letters, meansNone, type RetryFile, type RetryPlan, withGone } from './retry-plan.ts'

/** `group` is the one in which letters are resolved; with `topic` only letters of its files. */
export interface RetryOptions extends RerunOptions, Pick<Values, 'topic' | 'max' | 'dryRun'> {
  readonly dlq: string
  /** Only these files and folders; all when empty. */
  readonly paths: readonly string[]
}

export interface RetryDeps extends RerunUses {
  showPlan(plan: RetryPlan): void
  /** Whether to go on, once the plan was shown; may throw a DfspError. */
  confirm(plan: RetryPlan): Promise<boolean>
}

/** Throws what keeps it from showing the plan; what ends it later is reported before the summary and returned. */
export async function retry(options: RetryOptions, deps: RetryDeps): Promise<Outcome> {
  const { report } = deps
  const started = performance.now()
  const counts = { ...NOTHING_COUNTED }
  const ending = deferred<End>()
  const listen = options.dryRun ? onSignal : onStopSignal
  const stopListening = listen(signal => {
    report({ type: 'info', text: stoppingText(signal) })
    ending.resolve({ why: 'signal', signal })
  })
  let box: LetterBox | undefined
  let drained = true
  let absent = 0
  try {
    const found = letters(options.paths, options.topic, options.max)
    const opening = openLetterBox(
      { topic: options.dlq, group: options.group, properties: options.consumerProperties },
      {
        onLetter: found.add,
        tell: (type, text) => report({ type, text }),
      },
    )
    opening.catch(() => {})
    const early = await Promise.race([opening, ending.promise])
    if (!('why' in early)) {
      box = early
      void box.broken.then(error => ending.resolve({ why: 'fatal', error }))
      const isRead = await Promise.race([box.read.then(() => true), ending.promise.then(() => false)])
      if (isRead) {
        const plan = found.plan()
        absent = tellAbsent(options, plan, report)
        drained = await carryOut(options, deps, { box, counts, ending, plan })
      }
    }
    const end = await ending.promise
    const goals = { untilEnd: true, maxFiles: undefined, maxTimeMs: undefined }
    const { exit, error } = outcome(end, goals, counts, drained, absent)
    if (error) report({ type: 'error', error })
    report({ type: 'summary', summary: summaryOf(counts, [], started, exit) })
    return { exit, error }
  } finally {
    stopListening()
    await deps.plugin?.runtime.host.close(0)
    await box?.close()
  }
}

/** How many of the paths that were named no letter is of. */
function tellAbsent(
  { paths, dlq }: RetryOptions,
  { files, untaken }: RetryPlan,
  report: RetryDeps['report'],
): number {
  const absent = meansNone(paths, [
    ...files.map(({ letter }) => letter.path),
    ...untaken.map(({ path }) => path),
  ])
  for (const path of absent)
    report({
      type: 'problem',
      text: `no dead letter in ${dlq} is of ${path}, or below it: --dry-run lists what is there`,
    })
  return absent.length
}

interface Work {
  readonly box: LetterBox
  readonly counts: { -readonly [K in keyof SummaryCounts]: number }
  readonly ending: ReturnType<typeof deferred<End>>
  readonly plan: RetryPlan
}

/** False when files were still running at the end of the time that a stop leaves them. */
async function carryOut(options: RetryOptions, deps: RetryDeps, given: Work): Promise<boolean> {
  const { box, counts, ending } = given
  const stop = new AbortController()
  void ending.promise.then(() => stop.abort(new Error('the retry was ended')))
  const looking = looked(options, given.plan, stop.signal).catch(error => {
    if (stop.signal.aborted) return undefined
    throw error
  })
  const plan = await Promise.race([looking, ending.promise.then(() => undefined)])
  if (plan === undefined) return true
  deps.showPlan(plan)
  counts.failed += plan.leftAlone.length
  counts.undecodable += plan.refused.length
  const isNothing = plan.files.length + plan.lost.length + plan.superseded.length + plan.records.length === 0
  if (options.dryRun || isNothing || !(await confirmed(deps.confirm(plan), ending))) {
    if (options.dryRun) Object.assign(counts, { failed: 0, undecodable: 0 })
    ending.resolve({ why: 'goal' })
    return true
  }
  let drained = true
  try {
    if (plan.files.length > 0) drained = await runFiles(options, deps, { ...given, plan }, stop.signal)
    // They were shown; nothing else can be done with them.
    if (!stop.signal.aborted) {
      for (const file of plan.lost) tellLost(file, { box, counts, report: deps.report })
      for (const file of plan.superseded) tellSuperseded(file, { box, counts, report: deps.report })
    }
    for (const { received } of stop.signal.aborted ? [] : plan.records) box.resolve(received.receipt)
    ending.resolve({ why: 'goal' })
  } catch (error) {
    if (!(error instanceof DfspError) && !stop.signal.aborted) throw error
    if (error instanceof DfspError) ending.resolve({ why: 'fatal', error })
  }
  await box.commit()
  return drained
}

/** The plan, with what the topics say of its files. Rejects with the reason of `signal`. */
async function looked(options: RetryOptions, plan: RetryPlan, signal: AbortSignal): Promise<RetryPlan> {
  const properties = options.consumerProperties
  const open = (topic: string) => openRefetcher({ topic, properties })
  const there = await withGone(plan, {
    missingTopics: topics => missingTopics(topics, properties),
    async extentsOf(topic) {
      signal.throwIfAborted()
      const refetcher = open(topic)
      return await refetcher.extents().finally(refetcher.close)
    },
  })
  // What is named is run whatever came since.
  return options.paths.length > 0 ? there : await withNewer(there, open, signal)
}

/** Its letters are resolved: they lead nowhere. */
function tellLost(
  file: RetryFile,
  { box, counts, report }: Pick<Work, 'box' | 'counts'> & Pick<RetryDeps, 'report'>,
): void {
  const { letter, letters: all, ranges, gone } = file
  const left = offsetsIn(ranges) - offsetsIn(gone)
  const error = `at most ${left} of ${letter.chunks} chunks are left; ${lostText(file, rangesText(gone))}`
  const found: FileEnd = { result: 'incomplete', error, bytes: 0, ms: 0 }
  countEnd(counts, found)
  counts.skipped++
  for (const { receipt } of all) box.resolve(receipt)
  report(rerunEvent(file, found, letter.attempts, 'skipped'))
}

function tellSuperseded(
  file: RetryFile,
  { box, counts, report }: Pick<Work, 'box' | 'counts'> & Pick<RetryDeps, 'report'>,
): void {
  counts.skipped++
  for (const { receipt } of file.letters) box.resolve(receipt)
  const found: FileEnd = {
    result: 'superseded',
    error: 'a newer content of its path was sent',
    bytes: 0,
    ms: 0,
  }
  report(rerunEvent(file, found, file.letter.attempts, 'skipped'))
}

/** A question that nobody answers must not outlast a signal. */
async function confirmed(answer: Promise<boolean>, ending: Work['ending']): Promise<boolean> {
  return await Promise.race([answer, ending.promise.then(() => false)])
}

async function runFiles(
  options: RetryOptions,
  deps: RetryDeps,
  { box, counts, ending, plan }: Work,
  signal: AbortSignal,
): Promise<boolean> {
  const { report } = deps
  const send = letterSender(deps.produce, options.dlq)

  async function settle(file: RetryFile, found: FileEnd): Promise<void> {
    const resolve = () => {
      for (const { receipt } of file.letters) box.resolve(receipt)
    }
    const tell = (what: FileEnd, setAside?: SetAside) =>
      report(rerunEvent(file, what, file.letter.attempts + 1, setAside))
    countEnd(counts, found)
    if (found.result === 'ok') {
      resolve()
      return tell(found)
    }
    if (found.result === 'incomplete' && file.gone.length > 0) {
      counts.skipped++
      resolve()
      const error = `${found.error}; ${lostText(file, rangesText(file.gone))}`
      return tell({ ...found, error }, 'skipped')
    }
    try {
      await send(nextLetter(file.letter, found))
      counts.deadLettered++
      resolve()
      tell(found, 'dead-lettered')
    } catch (error) {
      report({
        type: 'problem',
        text: `the dead letter of ${file.letter.path} was refused: ${(error as Error).message}`,
      })
      tell(found, 'held')
    }
  }

  return await rerun(options, { ...deps, ending, signal, onEnd: settle }, plan.files)
}

function nextLetter(letter: FileLetter, { result, error, bytes }: FileEnd): FileLetter {
  return {
    ...letter,
    reason: result === 'mismatch' || result === 'incomplete' ? result : 'failed',
    error,
    bytes: Math.max(letter.bytes, bytes),
    attempts: letter.attempts + (result === 'failed' ? 1 : 0),
    rounds: letter.rounds + 1,
  }
}
