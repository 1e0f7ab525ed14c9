/** A whole file's way through the threads: which runs next, and what runs. */

import { deliveryId } from '../../core/chunks/generation.ts'
import type { FileJob } from '../../plugin/messages.ts'
import { finishedFiles } from '../processor-deps.ts'
import { isRunning, liesIn, type OpenFile } from '../table/open-file.ts'
import { type AttemptsDeps, attempts } from './attempts.ts'
import { pathQueue } from './path-queue.ts'
import { waits as newWaits } from './waits.ts'

export interface FileWork {
  /** Takes a whole file. */
  enqueue(file: OpenFile): void
  /** Something changed: starts what may start. */
  dispatch(): void
  /** The epoch of its partitions is over: whoever owns them next will see the file from its first chunk. */
  drop(file: OpenFile): void
  /** One of its partitions is about to go, and no thread has it: it does not run any more. */
  leave(file: OpenFile): void
  /** Resolves once nothing runs and no dead letter is on its way, of the partitions that are given or of all; false after `ms`. */
  ended(ms: number, partitions?: ReadonlySet<number>): Promise<boolean>
  /** Asks the threads that run these files to stop. */
  abort(files: readonly OpenFile[], reason: string): void
  /** What still runs is of no more interest; its offsets stay unresolved. */
  abandon(reason: string): void
  readonly running: ReadonlyMap<OpenFile, number>
  readonly queued: number
  /** Whether a file waits that was never tried. */
  readonly hasUntried: boolean
}

export interface FileWorkDeps extends AttemptsDeps {
  /** Something ended: memory may be free, commits due. */
  onChange(): void
}

export function fileWork(s: FileWorkDeps): FileWork {
  const { deps, files, breaker, counts, letters, journal, ends, phase } = s
  const { settings, now } = deps
  const { settle, trip } = attempts(s)
  const queue = pathQueue(() => files.byNumber.values())
  const running = new Map<OpenFile, number>() // -> when it was given to a thread
  const jobs = new Map<OpenFile, FileJob>() // of those
  const waits = newWaits(deps.after)

  function dispatch(): void {
    if (deps.host.shortage !== undefined && !phase.isEnding) noThread(deps.host.shortage)
    while (!phase.isEnding && queue.hasNext && deps.host.free > 0 && wantsMore() && breaker.mayStart(now())) {
      const file = breaker.state === 'closed' ? queue.take() : queue.takeProbe()
      if (file === undefined) break
      void run(file)
    }
    waits.look()
  }

  /** The environment is broken, and no file can show it; nor, later, that it is not any more. */
  function noThread(reason: string): void {
    if (!queue.hasNext && running.size === 0) return
    if (breaker.state === 'probing' || breaker.mayStart(now())) trip(reason, true)
  }

  function wantsMore(): boolean {
    if (settings.maxFiles === undefined) return true
    return finishedFiles(counts) + running.size + files.count('parked') < settings.maxFiles
  }

  function requeue(file: OpenFile): void {
    if (liesIn(file, phase.leaving)) return leave(file)
    files.move(file, 'queued')
    queue.add(file)
  }

  async function run(file: OpenFile): Promise<void> {
    files.move(file, 'running')
    const start = now()
    running.set(file, start)
    const job = jobOf(file)
    jobs.set(file, job)
    const result = await deps.host.run({ kind: 'process', file: job })
    if (result.kind === 'failed' && !result.hookCalled && deps.hooks.has('onFailure') && isRunning(file)) {
      await deps.host.run({ kind: 'onFailure', file: job, fault: result.fault })
    }
    if (isRunning(file)) {
      const ended = settle(file, result, job, start)
      const again = typeof ended === 'object' ? await ended : ended
      if (liesIn(file, phase.leaving)) leave(file)
      else if (again !== undefined) tryAgain(file, again)
    }
    // Dropped with its epoch or abandoned while it ran: the result counts for nothing.
    else file.stored.release()
    running.delete(file)
    jobs.delete(file)
    if (file.state !== 'waiting') queue.free(file)
    s.onChange()
  }

  function tryAgain(file: OpenFile, delayMs: number): void {
    if (delayMs === 0) return requeue(file)
    files.move(file, 'waiting')
    deps.after(delayMs, () => {
      if (file.state !== 'waiting') return
      requeue(file)
      dispatch()
    })
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

  /** For another run: it stays unresolved. */
  function leaveOut(file: OpenFile): void {
    files.move(file, 'held')
    file.stored.release()
  }

  /** A thread may still read it, also where it was given up already: then it is released by the answer. */
  function releaseUnread(file: OpenFile): void {
    if (!running.has(file)) file.stored.release()
  }

  function leave(file: OpenFile): void {
    if (file.state === 'parked' || file.state === 'leaving' || file.state === 'closed') return
    files.move(file, 'leaving')
    releaseUnread(file)
  }

  return {
    enqueue(file) {
      if (journal.has(file)) return ends.journalled(file)
      if (settings.leave?.(file.id)) return leaveOut(file)
      if (ends.passIfOld(file)) return
      requeue(file)
      dispatch()
    },
    dispatch,
    drop(file) {
      releaseUnread(file)
      files.move(file, 'closed')
      if (!running.has(file)) queue.free(file)
    },
    leave,
    ended(ms, partitions) {
      return waits.until(ms, () => {
        if (partitions === undefined) return running.size === 0 && letters.pending === 0
        for (const file of running.keys()) if (liesIn(file, partitions)) return false
        return !letters.isAnyOf(partitions)
      })
    },
    abort(of, reason) {
      if (of.length > 0) deps.host.abort(reason, new Set(of.map(file => jobs.get(file) as FileJob)))
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
