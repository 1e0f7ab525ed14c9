/** What comes of an attempt: the file is done, tried again or given up, and all pauses where the environment is broken. */
import { afterFailure } from '../../core/disposition.ts'
import { isEnvironmental, isOfItsPath } from '../../core/environment.ts'
import { faultLine } from '../../core/plugin-fault.ts'
import { listText } from '../../core/text/list-text.ts'
import type { Ended } from '../../plugin/host/thread.ts'
import type { FileJob, TaskResult } from '../../plugin/messages.ts'
import type { FileEnds } from '../ends/file-ends.ts'
import { counted, type GiveUp } from '../ends/give-up.ts'
import type { Shared } from '../processor-deps.ts'
import { isRunning, mayHeal, type OpenFile, readForCopies } from '../table/open-file.ts'
import type { Journalled } from './journalled.ts'

/** Milliseconds until the file is to be tried again, 0 = it is queued at once; undefined = it is not. */
export type Again = number | undefined

export interface AttemptsDeps extends Shared {
  readonly journal: Journalled
  readonly ends: FileEnds
  readonly giveUp: GiveUp
  /** Its bytes are gone or wrong: all its records are read again. */
  dropBytes(file: OpenFile): void
}

type IoError = Extract<TaskResult, { kind: 'io-error' }>

export interface Attempts {
  /** Takes what a thread answered to the attempt at `job` that began at `start`. */
  settle(file: OpenFile, result: Ended, job: FileJob, start: number): Again | Promise<Again>
  /** Pauses everything: the environment seems broken, or is for certain. */
  trip(reason: string, certain: boolean): void
}

export function attempts(s: AttemptsDeps): Attempts {
  const { deps, breaker, journal, ends, giveUp } = s
  const { settings, report, now } = deps
  /** When the latest attempt began that succeeded. */
  let wellAt = Number.NEGATIVE_INFINITY

  function settle(file: OpenFile, result: Ended, job: FileJob, start: number): Again | Promise<Again> {
    const ms = result.ms ?? now() - start
    if (isUndecided(file, result)) breaker.undecided()
    if (result.kind === 'recalled') return 0 // it was never begun
    file.wasTried = true
    switch (result.kind) {
      case 'done': {
        wellAt = Math.max(wellAt, start)
        const older = ends.outdate(file)
        if (journal.append !== undefined) return noted(file, older, journal.append, ms)
        return succeeded(file, ms)
      }
      case 'mismatch':
        return mismatched(file, result.actual, job, ms)
      case 'failed':
        if (result.fault.environment) return environmental(file, faultLine(result.fault), ms)
        if (result.fault.ofItsPath) return attemptFailed(file, faultLine(result.fault), ms)
        return failed(file, faultLine(result.fault), ms)
      case 'io-error':
        return ioError(file, result, ms)
      case 'examined':
        throw new Error('a file was run and came back examined')
    }
  }

  /** With the older ones before it: after a kill none of them may run, since this one will not. */
  async function noted(
    file: OpenFile,
    older: readonly OpenFile[],
    append: NonNullable<Journalled['append']>,
    ms: number,
  ): Promise<undefined> {
    try {
      await append([...older, file])
    } catch (error) {
      trip(`the journal cannot be written: ${(error as Error).message}`, true)
      return done(file, ms)
    }
    return succeeded(file, ms)
  }

  function succeeded(file: OpenFile, ms: number): undefined {
    if (breaker.succeeded()) report({ type: 'info', text: `resumed: ${file.path} was processed` })
    return done(file, ms)
  }

  function done(file: OpenFile, ms: number): undefined {
    if (isRunning(file)) ends.done(file, ms)
    else file.stored.release()
  }

  function failed(file: OpenFile, error: string, ms: number): Again {
    const wasClosed = breaker.state === 'closed'
    if (breaker.failed(file.attempts === 0, error, now())) {
      if (wasClosed) tellPaused()
      return 0
    }
    return attemptFailed(file, error, ms)
  }

  /** Of this file alone: it is tried again or given up, whatever the breaker says. */
  function attemptFailed(file: OpenFile, error: string, ms: number): Again {
    const next = afterFailure(settings, file.attempts + 1)
    if (next.action !== 'retry') {
      giveUp(file, 'failed', error, ms)
      return undefined
    }
    counted(s, file)
    report({ type: 'retry', path: file.path, attempt: file.attempts, error, delayMs: next.delayMs })
    return next.delayMs
  }

  /**
   * The plugin, or a write, blames the environment: all wait, and it costs no attempt. Unless others, begun after the same
   * was said of it the last time, went well: what meets one file only must not hold up all.
   */
  function environmental(file: OpenFile, error: string, ms: number): Again {
    if (!settings.waitsForEnvironment || wellAt > file.blamedAt) return failed(file, error, ms)
    file.blamedAt = now()
    trip(error, false)
    return 0
  }

  function ioError(file: OpenFile, result: IoError, ms: number): Again {
    const { message } = result
    const error = `dfsp could not store it: ${message}`
    if (isSourceLost(file, result)) s.dropBytes(file)
    else if (isEnvironmental(result)) return environmental(file, error, ms)
    else if (isUnalterable(result)) giveUp(file, 'failed', message, ms)
    else return failed(file, error, ms)
    return undefined
  }

  function trip(reason: string, certain: boolean): void {
    const wasClosed = breaker.state === 'closed'
    breaker.trip(reason, certain, now())
    if (wasClosed) tellPaused()
  }

  function tellPaused(): void {
    report({
      type: 'problem',
      text: `paused: ${breaker.reason}; nothing is given up meanwhile, one file is tried every 10 s [E_BREAKER]`,
    })
  }

  async function mismatched(file: OpenFile, actual: string, job: FileJob, ms: number): Promise<undefined> {
    const chunks = file.assembly.chunks()
    const examined = await deps.host.run({ kind: 'examine', file: job, actual, chunks })
    if (!isRunning(file)) {
      file.stored.release()
      return
    }
    const bad = examined.kind === 'examined' ? examined.badChunks : []
    if (mayHeal(file)) {
      readForCopies(file)
      s.dropBytes(file)
      return
    }
    let which = 'each chunk is right by itself'
    if (bad.length > 0) which = `chunk ${listText(bad)} of ${file.assembly.total} is damaged`
    else if (examined.kind !== 'examined') which = 'which chunks are damaged is not known'
    giveUp(file, 'mismatch', `SHA-512 of the content is not the announced one: ${which}`, ms, bad)
  }

  return { settle, trip }
}

/** It says nothing of the environment: the next attempt may be made at once. */
function isUndecided(file: OpenFile, result: Ended): boolean {
  if (result.kind === 'failed') return result.fault.ofItsPath === true && !result.fault.environment
  if (result.kind !== 'io-error') return result.kind === 'recalled' || result.kind === 'mismatch'
  if (isSourceLost(file, result)) return true
  return !isEnvironmental(result) && isUnalterable(result)
}

/** No further attempt changes it, and it says nothing of other files. Without a code it is dfsp's own refusal. */
function isUnalterable(error: IoError): boolean {
  return error.code === '' || isOfItsPath(error)
}

/** Its own temporary file is gone. */
function isSourceLost(file: OpenFile, { code, path }: IoError): boolean {
  if (code !== 'ENOENT') return false
  const source = file.stored.source(file.size)
  return source.kind === 'disk' && source.path === path
}
