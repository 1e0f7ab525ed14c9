/** A whole file's way through the threads: attempts, retries, and what becomes of it in the end. */
import type { FileLetterReason } from '../core/dead-letter.ts'
import { afterFailure, type Policy } from '../core/disposition.ts'
import type { Receipt } from '../core/ledger.ts'
import { offsetRanges } from '../core/offset-ranges.ts'
import { faultLine } from '../plugin/fault.ts'
import type { FileJob, TaskResult } from '../plugin/messages.ts'
import type { FileResult, SetAside } from '../report/events.ts'
import type { OpenFile } from './open-files.ts'
import type { Shared } from './processor-deps.ts'

export interface FileWork {
  /** Takes a whole file. */
  enqueue(file: OpenFile): void
  /** Something changed: starts what may start. */
  dispatch(): void
  /** No further attempt in this run. With bad chunks named, a good copy of them can still heal the file. */
  giveUp(
    file: OpenFile,
    result: FileLetterReason,
    error: string,
    ms?: number,
    badChunks?: readonly number[],
  ): void
  /** Resolves a file of which no more will come. */
  passOver(file: OpenFile, result: 'superseded' | 'late', why: string): void
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
  /** Something ended: memory may be free, commits due. */
  onChange(): void
  /** Its bytes are gone or wrong: all its records are read again. */
  readAgain(file: OpenFile): void
}

/** System errors that concern every file and not this one. */
const ENVIRONMENT: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE'])

export function isEnvironment(code: string | undefined): boolean {
  return code !== undefined && ENVIRONMENT.has(code)
}

export function fileWork(s: FileWorkDeps): FileWork {
  const { deps, ledger, files, finished, latest, known, replays, breaker, counts, committing, letters } = s
  const { settings, report, now, journal } = deps
  const queue: OpenFile[] = []
  const running = new Map<OpenFile, number>() // -> when it was given to a thread
  let paused = false
  let onEnded: (() => void) | undefined

  // ---- attempts

  function dispatch(): void {
    while (!paused && queue.length > 0 && deps.host.free > 0 && wantsMore() && breaker.mayStart(now()))
      void run(next())
    onEnded?.()
  }

  /** While the breaker is open a file that was never tried tells more than one that has failed. */
  function next(): OpenFile {
    const at = breaker.state === 'closed' ? 0 : queue.findIndex(file => !file.wasTried)
    return queue.splice(Math.max(0, at), 1)[0] as OpenFile
  }

  function wantsMore(): boolean {
    const over = counts.done + counts.failed + counts.mismatched
    return settings.maxFiles === undefined || over + running.size < settings.maxFiles
  }

  function requeue(file: OpenFile): void {
    files.move(file, 'queued')
    queue.push(file)
  }

  async function run(file: OpenFile): Promise<void> {
    files.move(file, 'running')
    file.attempts++
    file.wasTried = true
    const start = now()
    running.set(file, start)
    const job = jobOf(file)
    const result = await deps.host.run({ kind: 'process', file: job })
    if (result.kind === 'failed' && !result.hookCalled && deps.hooks.has('onFailure') && isRunning(file)) {
      await deps.host.run({ kind: 'onFailure', file: job, fault: result.fault })
    }
    if (isRunning(file)) await settle(file, result, now() - start)
    // Dropped with its epoch or abandoned while it ran: the result counts for nothing.
    else file.stored.release()
    running.delete(file)
    s.onChange()
  }

  function jobOf(file: OpenFile): FileJob {
    return {
      path: file.path,
      topic: settings.topic,
      source: file.stored.source(file.size),
      sha512: file.fileHash,
      mtime: file.mtime,
      deliveryId: deliveryId(file),
      attempt: file.attempts,
      final: file.attempts > settings.onFailure.retries,
      diskPath: settings.mode === 'memory' ? null : settings.diskPath(file.path),
    }
  }

  function deliveryId(file: OpenFile): string {
    return Buffer.from(deps.digest128(`${settings.topic}\0${file.id}`), 'latin1').toString('hex')
  }

  async function settle(file: OpenFile, result: TaskResult, ms: number): Promise<void> {
    if (result.kind !== 'failed' && result.kind !== 'done') breaker.undecided()
    switch (result.kind) {
      case 'done':
        return await done(file, ms)
      case 'mismatch':
        return await mismatched(file, result.actual, ms)
      case 'failed':
        return failed(file, faultLine(result.fault), ms)
      case 'io-error':
        return ioError(file, result, ms)
      case 'examined':
        throw new Error('a file was run and came back examined')
    }
  }

  async function done(file: OpenFile, ms: number): Promise<void> {
    if (breaker.succeeded()) report({ type: 'info', text: `resumed: ${file.path} was processed` })
    if (journal !== undefined) {
      try {
        await journal.append(journalKey(file))
      } catch (error) {
        const text = `the journal cannot be written, a kill may repeat files: ${(error as Error).message}`
        report({ type: 'problem', text })
      }
      if (!isRunning(file)) return file.stored.release()
    }
    counts.done++
    counts.doneBytes += file.size
    reportFile(file, 'ok', ms)
    supersede(file)
    finished.add(file.digest)
    latest.add(file.digest)
    close(file)
  }

  /** With --reprocess-identical each delivery of a file is one of its own. */
  function journalKey(file: OpenFile): string {
    if (!settings.reprocessIdentical) return file.digest
    const first = Math.min(...file.offsets.keys())
    return deps.digest128(`${file.id}\0${first}\0${file.offsets.get(first)?.[0]}`)
  }

  function failed(file: OpenFile, error: string, ms: number): void {
    const wasClosed = breaker.state === 'closed'
    if (breaker.failed(file.attempts === 1, error, now())) {
      if (wasClosed) tellPaused()
      file.attempts--
      return requeue(file)
    }
    ledger.touch((file.receipts[0] as Receipt).partition)
    committing.soon()
    const next = afterFailure(settings.onFailure, file.attempts)
    if (next.action !== 'retry') return giveUp(file, 'failed', error, ms)
    report({ type: 'retry', path: file.path, attempt: file.attempts, error, delayMs: next.delayMs })
    files.move(file, 'waiting')
    deps.after(next.delayMs, () => {
      if (file.state !== 'waiting') return
      requeue(file)
      dispatch()
    })
  }

  function ioError(file: OpenFile, result: Extract<TaskResult, { kind: 'io-error' }>, ms: number): void {
    const { code, message } = result
    if (code === 'ENOENT' && isSource(file, result.path)) {
      file.attempts--
      return s.readAgain(file)
    }
    if (isEnvironment(code)) {
      const wasClosed = breaker.state === 'closed'
      breaker.trip(message, now())
      if (wasClosed) tellPaused()
      file.attempts--
      return requeue(file)
    }
    // Without a system's error code it is dfsp's own refusal, which no further attempt changes.
    if (code === '') return giveUp(file, 'failed', message, ms)
    failed(file, `dfsp could not store it: ${message}`, ms)
  }

  function isSource(file: OpenFile, path: string | undefined): boolean {
    const source = file.stored.source(file.size)
    return source.kind === 'disk' && source.path === path
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
    if (bad.length > 0 && file.hasUnreadCopies) {
      file.hasUnreadCopies = false
      file.checksChunks = true
      file.attempts--
      return s.readAgain(file)
    }
    const which =
      bad.length > 0
        ? `chunk ${bad.join(', ')} of ${file.assembly.total} is damaged`
        : 'each chunk is right by itself'
    giveUp(file, 'mismatch', `SHA-512 of the content is not the announced one: ${which}`, ms, bad)
  }

  // ---- ends

  function giveUp(
    file: OpenFile,
    result: FileLetterReason,
    error: string,
    ms = 0,
    badChunks: readonly number[] = [],
  ): void {
    if (result === 'failed') counts.failed++
    if (result === 'mismatch') counts.mismatched++
    const policy: Policy = result === 'incomplete' ? settings.onIncomplete : settings.onFailure.onError
    switch (policy) {
      case 'skip':
        counts.skipped++
        return setAside(file, result, 'skipped', error, ms)
      case 'dlq':
        return void park(file, result, error, ms)
      case 'hold':
      case 'stop':
        hold(file, result, error, ms, badChunks)
        if (policy === 'stop') deps.onStop(`${file.path}: ${error}`)
    }
  }

  function hold(
    file: OpenFile,
    result: FileLetterReason,
    error: string,
    ms: number,
    badChunks: readonly number[] = [],
  ): void {
    reportFile(file, result, ms, error, 'held')
    if (badChunks.length === 0) {
      files.move(file, 'held')
      return file.stored.release()
    }
    for (const index of badChunks) file.assembly.remove(index)
    file.damaged = true
    file.checksChunks = true
    if (isRunning(file)) {
      // The plugin was not called.
      file.attempts--
      files.move(file, 'assembling')
    }
    file.size = 0
  }

  async function park(file: OpenFile, reason: FileLetterReason, error: string, ms: number): Promise<void> {
    const offsets = file.receipts.flatMap(receipt => {
      const offset = ledger.offsetOf(receipt)
      return offset === undefined ? [] : [{ partition: receipt.partition, offset }]
    })
    files.move(file, 'parked')
    file.stored.release()
    const sent = await letters.send({
      kind: 'file',
      reason,
      topic: settings.topic,
      group: settings.group,
      path: file.path,
      sha512: Buffer.from(file.fileHash).toString('hex'),
      chunks: file.assembly.total,
      bytes: file.assembly.bytes,
      mtime: file.mtime,
      attempts: file.attempts,
      deliveryId: deliveryId(file),
      ranges: offsetRanges(offsets),
      exact: true,
      error,
      rounds: 0,
    })
    if (file.state !== 'parked') return
    if (!sent) return hold(file, reason, error, ms)
    counts.deadLettered++
    setAside(file, reason, 'dead-lettered', error, ms)
  }

  function setAside(file: OpenFile, result: FileResult, how: SetAside, error: string, ms: number): void {
    reportFile(file, result, ms, error, how)
    known.add(file.digest)
    close(file)
  }

  /** Done with, for good: its offsets are resolved, its bytes released. */
  function close(file: OpenFile): void {
    for (const receipt of file.receipts) ledger.resolve(receipt)
    for (const [partition, [first]] of file.offsets) {
      const replay = replays.get(partition)
      if (replay !== undefined && first < replay.end) replay.finish(file.digest)
    }
    file.stored.release()
    files.move(file, 'closed')
    committing.soon()
  }

  function supersede(newer: OpenFile): void {
    for (const file of files.ofPath(newer.path)) if (file.number < newer.number) file.superseded = true
  }

  function reportFile(file: OpenFile, result: FileResult, ms: number, error?: string, how?: SetAside): void {
    report({
      type: 'file',
      path: file.path,
      result,
      attempt: file.attempts,
      bytes: file.size,
      ms: Math.round(ms),
      partitions: Object.fromEntries(file.offsets),
      ...(error === undefined ? {} : { error }),
      ...(how === undefined ? {} : { setAside: how }),
    })
  }

  return {
    enqueue(file) {
      if (journal?.has(journalKey(file))) {
        report({ type: 'info', text: `${file.path} was processed before the last stop, as the journal says` })
        counts.journalled++
        finished.add(file.digest)
        latest.add(file.digest)
        return close(file)
      }
      requeue(file)
      dispatch()
    },
    dispatch,
    giveUp,
    passOver(file, result, why) {
      counts.skipped++
      setAside(file, result, 'skipped', why, 0)
    },
    drop(file) {
      const at = queue.indexOf(file)
      if (at !== -1) queue.splice(at, 1)
      if (file.state !== 'running') file.stored.release()
      files.move(file, 'closed')
    },
    pause() {
      paused = true
    },
    resume() {
      paused = false
    },
    async ended(ms) {
      const isOver = () => running.size === 0 && letters.pending === 0
      if (isOver()) return true
      return await new Promise(resolve => {
        const cancel = deps.after(ms, () => {
          onEnded = undefined
          resolve(false)
        })
        onEnded = () => {
          if (!isOver()) return
          onEnded = undefined
          cancel()
          resolve(true)
        }
      })
    },
    abandon(reason) {
      for (const file of running.keys()) {
        if (!isRunning(file)) continue
        // A stop that does not wait is no failure of the file.
        file.attempts--
        files.move(file, 'held')
      }
      deps.host.abort(reason)
    },
    running,
    get hasUntried() {
      return queue.some(file => !file.wasTried)
    },
    get queued() {
      return queue.length + files.count('waiting')
    },
  }
}

function isRunning(file: OpenFile): boolean {
  return file.state === 'running'
}
