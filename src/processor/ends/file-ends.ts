/** How a file ends for good, its offsets resolved: processed, set aside, passed over for a newer content. */
import type { FileLetterReason } from '../../core/dead-letter.ts'
import type { Receipt } from '../../core/offsets/ledger.ts'
import type { FileResult, RunEvent } from '../../report/events.ts'
import type { Shared } from '../processor-deps.ts'
import type { OpenFile } from '../table/open-file.ts'

export interface FileEnds {
  /** The plugin returned null: older contents of its path will not run any more. Returns them. */
  outdate(file: OpenFile): readonly OpenFile[]
  /** Passes it over where a newer content of its path was processed before it was read again; says whether it did. */
  passIfOld(file: OpenFile): boolean
  /** It was processed, and that is noted. */
  done(file: OpenFile, ms: number): void
  /** The journal says that it was processed before the last stop. */
  journalled(file: OpenFile): void
  /** Resolves a file of which no more will come. */
  passOver(file: OpenFile, result: 'superseded' | 'late', why: string): void
  /** Resolves a file that is given up. */
  setAside(file: OpenFile, result: FileResult, how: ForGood, error: string, ms: number): void
  /** Counts how it ended; one that was held before is counted once, as it ended last. */
  count(file: OpenFile, result: FileLetterReason | 'ok'): void
  /** Reports how it ended, or that it is held. */
  told(
    file: OpenFile,
    result: FileResult,
    ms: number,
    more?: Pick<FileEvent, 'error' | 'setAside' | 'delayMs'> & { readonly attempt?: number },
  ): void
}

type FileEvent = Extract<RunEvent, { type: 'file' }>
/** Set aside with its offsets resolved. */
type ForGood = 'dead-lettered' | 'skipped'

/** Paths that are known to be done while records are read again. */
const MOST_DONE = 10_000
export const NEWER = 'a newer content of this path was processed'

export function fileEnds(s: Shared): FileEnds {
  const { deps, ledger, files, finished, latest, known, replays, counts, committing } = s
  const { report } = deps

  function count(file: OpenFile, result: FileLetterReason | 'ok'): void {
    if (file.heldFor?.result === 'failed') counts.failed--
    if (file.heldFor?.result === 'mismatch') counts.mismatched--
    file.heldFor = undefined
    if (result === 'failed') counts.failed++
    if (result === 'mismatch') counts.mismatched++
  }

  function setAside(file: OpenFile, result: FileResult, how: ForGood, error: string, ms: number): void {
    told(file, result, ms, { error, setAside: how })
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

  function told(
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
    latest.add(file.digest, (file.receipts[0] as Receipt).partition)
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
      told(file, 'ok', ms)
      finish(file)
    },
    journalled(file) {
      report({ type: 'info', text: `${file.path} was processed before the last stop, as the journal says` })
      counts.journalled++
      outdate(file)
      finish(file)
    },
    passOver,
    setAside,
    count,
    told,
  }
}
