/** A whole file's way through the threads: which runs next, and what runs. */

import { deliveryId } from '../../core/chunks/generation.ts'
import type { FileJob } from '../../plugin/messages.ts'
import { finishedFiles } from '../processor-deps.ts'
import { isRunning, type OpenFile } from '../table/open-file.ts'
import { type AttemptsDeps, attempts } from './attempts.ts'
import { pathQueue } from './path-queue.ts'

export interface FileWork {
  /** Takes a whole file. */
  enqueue(file: OpenFile): void
  /** Something changed: starts what may start. */
  dispatch(): void
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

export interface FileWorkDeps extends AttemptsDeps {
  /** Something ended: memory may be free, commits due. */
  onChange(): void
}

export function fileWork(s: FileWorkDeps): FileWork {
  const { deps, files, breaker, counts, letters, journal, ends } = s
  const { settings, now } = deps
  const { settle, trip } = attempts(s)
  const queue = pathQueue(() => files.byNumber.values())
  const running = new Map<OpenFile, number>() // -> when it was given to a thread
  let paused = false
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
      const ended = settle(file, result, job, start)
      const again = typeof ended === 'object' ? await ended : ended
      if (again !== undefined) tryAgain(file, again)
    }
    // Dropped with its epoch or abandoned while it ran: the result counts for nothing.
    else file.stored.release()
    running.delete(file)
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

  /** It stays unresolved. */
  function leave(file: OpenFile): void {
    files.move(file, 'held')
    file.stored.release()
  }

  return {
    enqueue(file) {
      if (journal.has(file)) return ends.journalled(file)
      if (settings.leave?.(file.id)) return leave(file)
      if (ends.passIfOld(file)) return
      requeue(file)
      dispatch()
    },
    dispatch,
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
