/** How a file ends: processed, held, dead-lettered, passed over. */

import { deliveryId } from '../core/chunks/generation.ts'
import type { FileLetterReason } from '../core/dead-letter.ts'
import { heldPause, type Policy } from '../core/disposition.ts'
import { offsetRanges } from '../core/offsets/offset-ranges.ts'
import { copiedText } from '../core/text/shown-text.ts'
import type { FileResult, RunEvent, SetAside } from '../report/events.ts'
import { attemptsBegun, isOutdated, type OpenFile } from './open-file.ts'
import type { Shared } from './processor-deps.ts'

export interface FileEnds {
  /** The plugin returned null: older contents of its path will not run any more. Returns them. */
  outdate(file: OpenFile): readonly OpenFile[]
  /** Passes it over where a newer content of its path was processed before it was read again; says whether it did. */
  passIfOld(file: OpenFile): boolean
  /** It was processed, and that is noted. */
  done(file: OpenFile, ms: number): void
  /** The journal says that it was processed before the last stop. */
  journalled(file: OpenFile): void
  /** No further attempt for now. With bad chunks named, a good copy of them can still heal the file. */
  giveUp(
    file: OpenFile,
    result: FileLetterReason,
    error: string,
    ms?: number,
    badChunks?: readonly number[],
  ): void
  /** Not run now; a start that wants it will. */
  leave(file: OpenFile): void
  /** Resolves a file of which no more will come. */
  passOver(file: OpenFile, result: 'superseded' | 'late', why: string): void
}

type FileEvent = Extract<RunEvent, { type: 'file' }>

/** What is kept of the error of a file that is held: there may be any number of them. */
const KEPT_CHARS = 256
/** Paths that are known to be done while records are read again. */
const MOST_DONE = 10_000
const NEWER = 'a newer content of this path was processed'

export function fileEnds(s: Shared): FileEnds {
  const { deps, ledger, files, finished, latest, known, replays, counts, committing, letters } = s
  const { settings, report } = deps

  function giveUp(
    file: OpenFile,
    result: FileLetterReason,
    error: string,
    ms = 0,
    badChunks: readonly number[] = [],
  ): void {
    count(file, result)
    const policy: Policy = result === 'incomplete' ? settings.onIncomplete : settings.onError
    if (badChunks.length > 0 && (policy === 'hold' || policy === 'stop') && !isPassedOver(file)) {
      awaitCopies(file, error, ms, badChunks)
      if (policy === 'stop') deps.onStop(`${file.path}: ${error}`)
      return
    }
    if (file.state === 'running') file.attempts++
    switch (policy) {
      case 'skip':
        counts.skipped++
        return setAside(file, result, 'skipped', error, ms)
      case 'dlq':
        return void park(file, result, error, ms)
      case 'hold':
      case 'stop':
        hold(file, result, error, ms)
        if (policy === 'stop') deps.onStop(`${file.path}: ${error}`)
    }
  }

  /** A file that was held before is counted once, as it ended last. */
  function count(file: OpenFile, result: FileLetterReason | 'ok'): void {
    if (file.heldFor?.result === 'failed') counts.failed--
    if (file.heldFor?.result === 'mismatch') counts.mismatched--
    file.heldFor = undefined
    if (result === 'failed') counts.failed++
    if (result === 'mismatch') counts.mismatched++
  }

  /** A newer content of its path was processed: it does not run any more. */
  function isPassedOver(file: OpenFile): boolean {
    return isOutdated(file) && file.turn !== 0
  }

  /** Good copies of the bad chunks will heal it. The plugin was not called, so no attempt counts. */
  function awaitCopies(file: OpenFile, error: string, ms: number, badChunks: readonly number[]): void {
    reportFile(file, 'mismatch', ms, { error, setAside: 'held', attempt: attemptsBegun(file) })
    file.assembly.remove(badChunks)
    file.damaged = true
    file.checksChunks = true
    if (file.state === 'running') files.move(file, 'assembling')
    file.size = 0
  }

  /** It comes back by itself where a further attempt, or its letter, may succeed. */
  function hold(file: OpenFile, result: FileLetterReason, error: string, ms: number): void {
    if (isPassedOver(file)) return passOver(file, 'superseded', `${error}; ${NEWER}`)
    const { onError } = settings
    // Of an incomplete file the rest may have come, which is not looked at while it is held.
    const mayHelp =
      onError === 'dlq' ? result !== 'incomplete' : onError !== 'stop' && file.wasTried && result === 'failed'
    const delayMs = settings.retriesHeld && mayHelp ? heldPause(file.holds + 1) : undefined
    if (file.holds++ === 0 || delayMs === undefined) {
      const again = delayMs === undefined ? {} : { delayMs }
      reportFile(file, result, ms, { error, setAside: 'held', ...again })
    } else report({ type: 'retry', path: file.path, attempt: file.attempts, error, delayMs })
    file.heldFor = { result, error: copiedText(error, KEPT_CHARS) }
    file.againAt = deps.now() + (delayMs ?? Number.POSITIVE_INFINITY)
    files.move(file, 'held')
    file.stored.release()
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
      sha512: file.sha512,
      chunks: file.assembly.total,
      bytes: file.assembly.bytes,
      mtime: file.mtime,
      attempts: file.attempts,
      deliveryId: deliveryId(settings.topic, file.id, deps.digest128),
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
    reportFile(file, result, ms, { error, setAside: how })
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

  function passOver(file: OpenFile, result: 'superseded' | 'late', why: string): void {
    counts.skipped++
    setAside(file, result, 'skipped', why, 0)
  }

  function outdate(file: OpenFile): readonly OpenFile[] {
    noteDone(file)
    const older = files.outdate(file)
    for (const each of older) passOver(each, 'superseded', NEWER)
    return older
  }

  function noteDone({ path, triedBefore }: OpenFile): void {
    const { doneMeanwhile } = s
    if (replays.size === 0) return doneMeanwhile.clear()
    if (triedBefore) return
    doneMeanwhile.add(deps.digest128(path))
    if (doneMeanwhile.size > MOST_DONE) doneMeanwhile.delete(doneMeanwhile.values().next().value as string)
  }

  function passIfOld(file: OpenFile): boolean {
    const { doneMeanwhile } = s
    if (!file.triedBefore || doneMeanwhile.size === 0) return false
    if (!doneMeanwhile.has(deps.digest128(file.path))) return false
    passOver(file, 'superseded', NEWER)
    return true
  }

  function reportFile(
    file: OpenFile,
    result: FileResult,
    ms: number,
    more?: Pick<FileEvent, 'error' | 'setAside' | 'delayMs'> & { readonly attempt?: number },
  ): void {
    report({
      type: 'file',
      path: file.path,
      result,
      attempt: file.attempts,
      bytes: file.size,
      ms: Math.round(ms),
      arrival: {
        chunks: file.assembly.total,
        openMs: Math.round(deps.now() - file.openedAt),
        sentAt: file.sentAt,
      },
      partitions: Object.fromEntries(file.offsets),
      ...more,
    })
  }

  function finish(file: OpenFile): void {
    finished.add(file.digest)
    latest.add(file.digest)
    // Sent again after a restart, it is the newest content then, too.
    const before = s.lastContents.done(file)
    if (before !== undefined) latest.delete(before)
    close(file)
  }

  return {
    passIfOld,
    outdate,
    done(file, ms) {
      count(file, 'ok')
      file.attempts++
      counts.done++
      counts.doneBytes += file.size
      reportFile(file, 'ok', ms)
      finish(file)
    },
    journalled(file) {
      report({ type: 'info', text: `${file.path} was processed before the last stop, as the journal says` })
      counts.journalled++
      outdate(file)
      finish(file)
    },
    giveUp,
    leave(file) {
      files.move(file, 'held')
      file.stored.release()
    },
    passOver,
  }
}
