/** Why a run or another call ended, and what exit status that makes. */
import { DfspError, type ErrorCode } from '../base/errors.ts'
import type { Values } from '../config/options/options.ts'
import type { SummaryCounts } from './run-progress.ts'
import { type StopSignal, signalNumber } from './shutdown.ts'

/** Why a run ends. */
export type End =
  | { readonly why: 'signal'; readonly signal: StopSignal }
  /** Its goal (--until-end, --max-files, --max-time) is reached. */
  | { readonly why: 'goal' }
  /** A policy asked for it, or going on is impossible. */
  | { readonly why: 'stop'; readonly reason: string }
  | { readonly why: 'fatal'; readonly error: DfspError }
  /** A finite run cannot go on at present. */
  | { readonly why: 'blocked'; readonly reason: string }
  /** The same, since the broker does not hand over what it has. */
  | { readonly why: 'stuck'; readonly reason: string }
  /** The same, since what it needs of the broker is gone, refused or silent for too long. */
  | { readonly why: 'lost'; readonly error: DfspError }
  /** It came to its end, and the broker did not take the last commit. */
  | { readonly why: 'uncommitted'; readonly reason: string }

/** Fatal errors after which a commit is still answered. */
const ANSWERED: ReadonlySet<ErrorCode> = new Set(['E_ADDON', 'E_NOT_KEYED'])

/** Whatever ended it, what was finished is committed. */
export function canCommit(end: End): boolean {
  return end.why === 'fatal' ? ANSWERED.has(end.error.code) : end.why !== 'lost'
}

export interface CallEnd {
  readonly error?: DfspError | undefined
  /** What asked it to stop. */
  readonly signal?: StopSignal | undefined
  /** Files and records that could not be done with as asked. */
  readonly wrong?: number
}

/** Of a call that ends by itself: its error's status, 128 + n after a signal, 3 where something was wrong, else 0. */
export function exitStatus({ error, signal, wrong = 0 }: CallEnd): number {
  if (error !== undefined) return error.exitCode
  if (signal !== undefined) return 128 + signalNumber(signal)
  return wrong > 0 ? 3 : 0
}

export type Goals = Pick<Values, 'untilEnd' | 'maxFiles' | 'maxTimeMs'>

export interface Outcome {
  readonly exit: number
  readonly error: DfspError | undefined
}

/** It ends by itself. */
export function hasEnd({ untilEnd, maxFiles, maxTimeMs }: Goals): boolean {
  return untilEnd || maxFiles !== undefined || maxTimeMs !== undefined
}

export function outcome(
  end: End,
  goals: Goals,
  { failed, mismatched, undecodable }: SummaryCounts,
  drained: boolean,
  /** Files that wait too long for their missing chunks, and partitions that lost records before they were read. */
  unprocessed = 0,
): Outcome {
  const finite = hasEnd(goals)
  if (end.why === 'fatal' || end.why === 'lost') return endedBy(end.error)
  if (end.why === 'blocked') {
    const error = new DfspError('E_BREAKER', `nothing can be processed: ${end.reason}`, {
      facts: ['nothing was given up for it: the next start goes on where this one stopped'],
      next: 'mend the cause and start again; if it is the files that are bad: --breaker 0',
    })
    return endedBy(error)
  }
  if (end.why === 'stuck') {
    const error = new DfspError('E_KAFKA', end.reason, {
      facts: ['what came was processed and committed: the next start goes on there'],
      next: 'the lines above say what was tried; if a batch is damaged: kafka-consumer-groups.sh --reset-offsets goes past it',
    })
    return endedBy(error)
  }
  if (end.why === 'uncommitted') {
    const error = new DfspError('E_NOT_DRAINED', 'what was finished could not be committed', {
      facts: [end.reason, 'nothing is lost: the next start runs it again'],
    })
    return endedBy(error)
  }
  if (end.why === 'stop') return { exit: 3, error: undefined }
  const notDrained = drained ? undefined : notDrainedError()
  // Whoever asked for a continuous run's --json and went away is told apart from one that stopped it.
  if (end.why === 'signal' && (finite || end.signal === 'SIGPIPE'))
    return { exit: exitStatus(end), error: notDrained }
  if (notDrained !== undefined) return endedBy(notDrained)
  if (end.why === 'signal') return { exit: 0, error: undefined }
  return { exit: exitStatus({ wrong: failed + mismatched + undecodable + unprocessed }), error: undefined }
}

function notDrainedError(): DfspError {
  return new DfspError('E_NOT_DRAINED', 'files were still running when time was up', {
    facts: ['nothing is lost: the next start takes them up again, from their beginning'],
    next: 'a longer --drain-timeout; --timeout gives up an attempt that hangs',
  })
}

function endedBy(error: DfspError): Outcome {
  return { exit: exitStatus({ error }), error }
}
