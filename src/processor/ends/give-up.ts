/** A file that is given up: dead-lettered or skipped for good, or held for now, as the policies say. */
import { deliveryId } from '../../core/chunks/generation.ts'
import type { FileLetterReason } from '../../core/dead-letter.ts'
import { type GivenUp, heldPause, POLICIES } from '../../core/disposition.ts'
import type { Receipt } from '../../core/offsets/ledger.ts'
import { offsetRanges } from '../../core/offsets/offset-ranges.ts'
import { copiedText } from '../../core/text/shown-text.ts'
import type { Shared } from '../processor-deps.ts'
import { attemptsBegun, isOutdated, isRunning, type OpenFile } from '../table/open-file.ts'
import { type FileEnds, NEWER } from './file-ends.ts'

/** No further attempt for now. Where it is held, good copies of the bad chunks can still heal it. */
export type GiveUp = (
  file: OpenFile,
  result: FileLetterReason,
  error: string,
  ms?: number,
  badChunks?: readonly number[],
) => void

/** One more attempt at a file is over; the next commit is to say so. */
export function counted({ ledger, committing }: Pick<Shared, 'ledger' | 'committing'>, file: OpenFile): void {
  file.attempts++
  ledger.touch((file.receipts[0] as Receipt).partition)
  committing.soon()
}

/** What is kept of the error of a file that is held: there may be any number of them. */
const KEPT_CHARS = 256
const NONE: readonly number[] = []

export function giveUp(s: Shared & { readonly ends: FileEnds }): GiveUp {
  const { deps, ledger, files, counts, letters, ends } = s
  const { settings, report } = deps

  function policyOf(result: FileLetterReason): GivenUp {
    return POLICIES[result === 'incomplete' ? settings.onIncomplete : settings.onError]
  }

  /** Good copies of the bad chunks will make it whole again. The plugin was not called, so no attempt counts. */
  function awaitCopies(file: OpenFile, error: string, ms: number, badChunks: readonly number[]): void {
    ends.told(file, 'mismatch', ms, { error, setAside: 'held', attempt: attemptsBegun(file) })
    file.assembly.remove(badChunks)
    file.damaged = true
    file.checksChunks = true
    if (isRunning(file)) files.move(file, 'assembling')
    file.size = 0
  }

  /** It comes back by itself where a further attempt, or its letter, may succeed. */
  function hold(file: OpenFile, result: FileLetterReason, error: string, ms: number): void {
    if (isPassed(file)) return ends.passOver(file, 'superseded', `${error}; ${NEWER}`)
    const { again } = policyOf(result)
    const mayHelp = again === 'letter' || (again === 'attempt' && file.wasTried && result === 'failed')
    const delayMs = settings.retriesHeld && mayHelp ? heldPause(file.holds + 1) : undefined
    if (file.holds++ > 0 && delayMs !== undefined)
      report({ type: 'retry', path: file.path, attempt: file.attempts, error, delayMs })
    else
      ends.told(file, result, ms, { error, setAside: 'held', ...(delayMs === undefined ? {} : { delayMs }) })
    file.heldFor = { result, error: copiedText(error, KEPT_CHARS), again }
    file.againAt = deps.now() + (delayMs ?? Number.POSITIVE_INFINITY)
    files.move(file, 'held')
    file.stored.release()
  }

  async function park(file: OpenFile, reason: FileLetterReason, error: string, ms: number): Promise<void> {
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
      ranges: offsetRanges(ledger.unresolved(file.receipts)),
      exact: true,
      error,
      rounds: 0,
    })
    if (file.state !== 'parked') return
    if (!sent) return hold(file, reason, error, ms)
    counts.deadLettered++
    ends.setAside(file, reason, 'dead-lettered', error, ms)
  }

  return (file, result, error, ms = 0, badChunks = NONE) => {
    ends.count(file, result)
    const { act, endsRun } = policyOf(result)
    if (act === 'hold' && badChunks.length > 0 && !isPassed(file)) awaitCopies(file, error, ms, badChunks)
    else {
      if (isRunning(file)) counted(s, file)
      if (act === 'letter') void park(file, result, error, ms)
      else if (act === 'hold') hold(file, result, error, ms)
      else {
        counts.skipped++
        ends.setAside(file, result, 'skipped', error, ms)
      }
    }
    if (endsRun) deps.onStop(`${file.path}: ${error}`)
  }
}

/** It was whole before a content of its path that was processed: it does not run any more. */
function isPassed(file: OpenFile): boolean {
  return isOutdated(file) && file.turn !== 0
}
