/** A whole file's way through the threads: attempts, retries, and a pause where the environment is broken. */

import { deliveryId } from '../core/chunks/generation.ts'
import { afterFailure } from '../core/disposition.ts'
import { isEnvironmental } from '../core/environment.ts'
import type { Receipt } from '../core/offsets/ledger.ts'
import { faultLine } from '../core/plugin-fault.ts'
import { listText } from '../core/text/list-text.ts'
import type { Ended } from '../plugin/host/thread.ts'
import type { FileJob, TaskResult } from '../plugin/messages.ts'
import type { FileEnds } from './file-ends.ts'
import { mayHeal, type OpenFile, readForCopies } from './open-file.ts'
import { pathQueue } from './path-queue.ts'
import { type FinishedJournal, finishedFiles, type Shared } from './processor-deps.ts'

export interface FileWork {
  /** Takes a whole file. */
  enqueue(file: OpenFile): void
  /** Something changed: starts what may start. */
  dispatch(): void
  /** The journal has it: it was processed, though no commit may say so. */
  isJournalled(file: OpenFile): boolean
  /** The epoch of its partitions is over: whoever owns them next will see the file from its first chunk. */
  drop(file: OpenFile): void
  /** Starts no more files until `resume`. */
  pause(): void
  resume(): void
  /** Resolves once nothing runs and no dead letter is on its way; false after `ms`. */
  ended(ms: number): Promise<boolean>
  /** What still runs is of no more interest; its offsets stay unresolved. */
  abandon(reason: string): void
  readonly running: ReadonlyMap<OpenFile, number>
  readonly queued: number
  /** Whether a file waits that was never tried. */
  readonly hasUntried: boolean
}

export interface FileWorkDeps extends Shared {
  readonly ends: FileEnds
  /** Something ended: memory may be free, commits due. */
  onChange(): void
  /** Its bytes are gone or wrong: all its records are read again. */
  readAgain(file: OpenFile): void
}

/** What stands in the way of one path, such as a folder in the place of the file. */
const OF_ITS_PATH: ReadonlySet<string> = new Set(['EISDIR', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY', 'ENAMETOOLONG'])

export function fileWork(s: FileWorkDeps): FileWork {
  const { deps, ledger, files, breaker, counts, committing, letters, ends } = s
  const { settings, report, now, journal } = deps
  const queue = pathQueue(() => files.byNumber.values())
  const running = new Map<OpenFile, number>() // -> when it was given to a thread
  let paused = false
  /** When the latest attempt began that succeeded. */
  let wellAt = Number.NEGATIVE_INFINITY
  const waiters = new Set<() => void>() // of `ended`

  function dispatch(): void {
    if (deps.host.shortage !== undefined && !paused) noThread(deps.host.shortage)
    while (!paused && queue.hasNext && deps.host.free > 0 && wantsMore() && breaker.mayStart(now())) {
      // While the breaker is open a file that was never tried tells more than one that has failed.
      const file = (breaker.state === 'closed' ? undefined : queue.takeUntried()) ?? queue.take()
      if (file === undefined) break
      void run(file)
    }
    for (const look of waiters) look()
  }

  function wantsMore(): boolean {
    if (settings.maxFiles === undefined) return true
    return finishedFiles(counts) + running.size + files.count('parked') < settings.maxFiles
  }

  function requeue(file: OpenFile): void {
    files.move(file, 'queued')
    queue.add(file)
  }

  async function run(file: OpenFile): Promise<void> {
    files.move(file, 'running')
    const start = now()
    running.set(file, start)
    const job = jobOf(file)
    const result = await deps.host.run({ kind: 'process', file: job })
    if (result.kind === 'failed' && !result.hookCalled && deps.hooks.has('onFailure') && isRunning(file)) {
      await deps.host.run({ kind: 'onFailure', file: job, fault: result.fault })
    }
    if (isRunning(file)) {
      const ending = settle(file, result, result.ms ?? now() - start)
      if (ending !== undefined) await ending
    }
    // Dropped with its epoch or abandoned while it ran: the result counts for nothing.
    else file.stored.release()
    running.delete(file)
    if (file.state !== 'waiting') queue.free(file)
    s.onChange()
  }

  function jobOf(file: OpenFile): FileJob {
    return {
      path: file.path,
      topic: settings.topic,
      source: file.stored.source(file.size),
      sha512: file.sha512,
      ahead: s.ahead.take(file),
      mtime: file.mtime,
      deliveryId: deliveryId(settings.topic, file.id, deps.digest128),
      attempt: (settings.attemptsBefore?.(file.id) ?? 0) + file.attempts + 1,
      final: file.attempts >= settings.retries,
      diskPath: settings.mode === 'memory' ? null : settings.diskPath(file.path),
    }
  }

  function settle(file: OpenFile, result: Ended, ms: number): Promise<void> | undefined {
    if (result.kind === 'recalled') {
      // It was never begun.
      breaker.undecided()
      requeue(file)
      return
    }
    file.wasTried = true
    switch (result.kind) {
      case 'done': {
        wellAt = Math.max(wellAt, running.get(file) ?? wellAt)
        const older = ends.outdate(file)
        if (journal !== undefined) return note(file, older, journal, ms)
        succeeded(file, ms)
        return
      }
      case 'mismatch':
        breaker.undecided()
        return mismatched(file, result.actual, ms)
      case 'failed':
        if (result.fault.environment) environmental(file, faultLine(result.fault), ms)
        else failed(file, faultLine(result.fault), ms)
        return
      case 'io-error':
        ioError(file, result, ms)
        return
      case 'examined':
        throw new Error('a file was run and came back examined')
    }
  }

  /** With the older ones before it: after a kill none of them may run, since this one will not. */
  async function note(
    file: OpenFile,
    older: readonly OpenFile[],
    journal: FinishedJournal,
    ms: number,
  ): Promise<void> {
    try {
      await Promise.all([...older, file].map(each => journal.append(journalKey(each))))
    } catch (error) {
      trip(`the journal cannot be written: ${(error as Error).message}`, true)
      return done(file, ms)
    }
    succeeded(file, ms)
  }

  function succeeded(file: OpenFile, ms: number): void {
    if (breaker.succeeded()) report({ type: 'info', text: `resumed: ${file.path} was processed` })
    done(file, ms)
  }

  function done(file: OpenFile, ms: number): void {
    if (isRunning(file)) ends.done(file, ms)
    else file.stored.release()
  }

  /** With --reprocess-identical each delivery of a file is one of its own. */
  function journalKey(file: OpenFile): string {
    if (!settings.reprocessIdentical) return file.digest
    const first = Math.min(...file.offsets.keys())
    return deps.digest128(`${file.id}\0${first}\0${file.offsets.get(first)?.[0]}`)
  }

  function isJournalled(file: OpenFile): boolean {
    return journal?.has(journalKey(file)) ?? false
  }

  function failed(file: OpenFile, error: string, ms: number): void {
    const wasClosed = breaker.state === 'closed'
    if (breaker.failed(file.attempts === 0, error, now())) {
      if (wasClosed) tellPaused()
      return requeue(file)
    }
    ledger.touch((file.receipts[0] as Receipt).partition)
    committing.soon()
    const next = afterFailure(settings, file.attempts + 1)
    if (next.action !== 'retry') return ends.giveUp(file, 'failed', error, ms)
    file.attempts++
    report({ type: 'retry', path: file.path, attempt: file.attempts, error, delayMs: next.delayMs })
    files.move(file, 'waiting')
    deps.after(next.delayMs, () => {
      if (file.state !== 'waiting') return
      requeue(file)
      dispatch()
    })
  }

  /**
   * Not this file's fault, as is said: all wait, and it costs no attempt. Unless others, begun after the same was said of
   * it the last time, went well: what meets one file only must not hold up all.
   */
  function environmental(file: OpenFile, error: string, ms: number): void {
    if (!settings.waitsForEnvironment || wellAt > file.blamedAt) return failed(file, error, ms)
    file.blamedAt = now()
    trip(error, false)
    requeue(file)
  }

  function ioError(file: OpenFile, result: Extract<TaskResult, { kind: 'io-error' }>, ms: number): void {
    const { code, message } = result
    if (code === 'ENOENT' && isSource(file, result.path)) {
      breaker.undecided()
      return s.readAgain(file)
    }
    if (isEnvironmental(result)) return environmental(file, `dfsp could not store it: ${message}`, ms)
    // No further attempt changes it, and it says nothing of other files. Without a code it is dfsp's own refusal.
    if (code === '' || OF_ITS_PATH.has(code)) {
      breaker.undecided()
      return ends.giveUp(file, 'failed', message, ms)
    }
    failed(file, `dfsp could not store it: ${message}`, ms)
  }

  function isSource(file: OpenFile, path: string | undefined): boolean {
    const source = file.stored.source(file.size)
    return source.kind === 'disk' && source.path === path
  }

  /** The environment is broken, and no file can show it; nor, later, that it is not any more. */
  function noThread(reason: string): void {
    if (!queue.hasNext && running.size === 0) return
    if (breaker.state === 'probing' || breaker.mayStart(now())) trip(reason, true)
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

  async function mismatched(file: OpenFile, actual: string, ms: number): Promise<void> {
    const chunks = file.assembly.chunks()
    const examined = await deps.host.run({ kind: 'examine', file: jobOf(file), actual, chunks })
    if (!isRunning(file)) return file.stored.release()
    const bad = examined.kind === 'examined' ? examined.badChunks : []
    if (mayHeal(file)) {
      readForCopies(file)
      return s.readAgain(file)
    }
    const which =
      bad.length > 0
        ? `chunk ${listText(bad)} of ${file.assembly.total} is damaged`
        : 'each chunk is right by itself'
    ends.giveUp(file, 'mismatch', `SHA-512 of the content is not the announced one: ${which}`, ms, bad)
  }

  return {
    enqueue(file) {
      if (isJournalled(file)) return ends.journalled(file)
      if (settings.leave?.(file.id)) return ends.leave(file)
      if (ends.passIfOld(file)) return
      requeue(file)
      dispatch()
    },
    dispatch,
    isJournalled,
    drop(file) {
      // A thread may still read it, also where it was given up already.
      if (!running.has(file)) file.stored.release()
      files.move(file, 'closed')
      if (!running.has(file)) queue.free(file)
    },
    pause() {
      paused = true
      deps.host.recall()
    },
    resume() {
      paused = false
    },
    async ended(ms) {
      const isOver = () => running.size === 0 && letters.pending === 0
      if (isOver()) return true
      return await new Promise(resolve => {
        const cancel = deps.after(ms, () => {
          waiters.delete(look)
          resolve(false)
        })
        const look = () => {
          if (!isOver()) return
          waiters.delete(look)
          cancel()
          resolve(true)
        }
        waiters.add(look)
      })
    },
    abandon(reason) {
      for (const file of running.keys()) {
        // A stop that does not wait is no failure of the file.
        if (isRunning(file)) files.move(file, 'held')
      }
      deps.host.abort(reason)
    },
    running,
    get hasUntried() {
      return files.untried > 0
    },
    get queued() {
      return files.count('queued') + files.count('waiting')
    },
  }
}

function isRunning(file: OpenFile): boolean {
  return file.state === 'running'
}
