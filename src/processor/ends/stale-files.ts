/**
 * Files of which chunks are missing although everything that had arrived was read: told, and set aside where that is
 * asked for. What retention deletes of a file that would have to be read again makes it one of them, too.
 */
import { POLICIES } from '../../core/disposition.ts'
import type { Shared } from '../processor-deps.ts'
import { isOutdated, isWhole, type OpenFile } from '../table/open-file.ts'
import type { FileEnds } from './file-ends.ts'
import type { GiveUp } from './give-up.ts'

export interface StaleFiles {
  look(): void
  /** The log of a partition begins at `low` from now on. */
  lowWatermark(partition: number, low: number): void
}

export interface StaleFilesDeps extends Shared {
  readonly ends: FileEnds
  readonly giveUp: GiveUp
  /** Up to when everything that had arrived was read, in milliseconds of the processor's clock. */
  readTime(): number
}

export function staleFiles(s: StaleFilesDeps): StaleFiles {
  const { deps, ledger, files, known, ends, giveUp, phase } = s
  const { settings, report } = deps
  let isAsking = false

  /** Nothing new came of it although everything was read that had arrived. */
  function isStale(file: OpenFile, until: number): boolean {
    if (files.mayBeRest(file)) return false
    if (file.state !== 'assembling' && (file.state !== 'evicted' || isWhole(file))) return false
    return file.seen === undefined && until - file.lastProgress >= settings.incompleteAfterMs
  }

  function isToBeSetAside(file: OpenFile): boolean {
    return isOutdated(file) || known.has(file.digest) || POLICIES[settings.onIncomplete].act !== 'hold'
  }

  /** Only if the broker, asked now, has nothing unread: while it was away, the end that was seen last stood still. */
  async function setAside(): Promise<void> {
    isAsking = true
    try {
      const now = await deps.endOffsets()
      for (const [partition, end] of now)
        if (ledger.epoch(partition) === undefined || ledger.position(partition) < end) return
    } catch {
      return // it is asked again
    } finally {
      isAsking = false
    }
    if (phase.isEnding) return
    for (const file of files.byKey.values()) {
      if (!isStale(file, s.readTime()) || !isToBeSetAside(file)) continue
      const missing = `${file.assembly.count} of ${file.assembly.total} chunks arrived`
      if (isOutdated(file)) ends.passOver(file, 'superseded', missing)
      else if (known.has(file.digest)) ends.passOver(file, 'late', missing)
      else giveUp(file, 'incomplete', missing)
    }
  }

  return {
    look() {
      if (phase.isEnding) return
      const until = s.readTime()
      let isAny = false
      for (const file of files.byKey.values()) {
        if (!isStale(file, until)) continue
        if (isToBeSetAside(file)) isAny = true
        else if (!file.toldIncomplete) {
          file.toldIncomplete = true
          const { count: chunks, total } = file.assembly
          report({ type: 'incomplete', path: file.path, chunks, total })
        }
      }
      if (isAny && !isAsking) void setAside()
    },
    lowWatermark(partition, low) {
      for (const file of files.byKey.values()) {
        const lost = file.offsets.get(partition)
        if (lost === undefined || lost[0] >= low) continue
        const where = `${settings.topic}[${partition}] ${lost[0]}-${Math.min(lost[1], low - 1)}`
        if (file.state === 'evicted') {
          const error = `its records ${where} were deleted by retention before it could be read again`
          giveUp(file, 'incomplete', error)
        } else if (file.state === 'held' && !file.toldLost) {
          file.toldLost = true
          if (file.heldFor?.again !== 'letter') file.againAt = Number.POSITIVE_INFINITY
          const text = `${file.path} is held, and its records ${where} were deleted by retention: it cannot be tried again`
          report({ type: 'problem', text })
        }
      }
    },
  }
}
