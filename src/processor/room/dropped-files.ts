/** Files whose bytes were dropped, for want of room or because they were wrong: which are to be read again. */
import { PROBE_EVERY_MS } from '../../core/breaker.ts'
import type { Place } from '../../files/store.ts'
import type { Shared } from '../processor-deps.ts'
import { isWhole, type OpenFile } from '../table/open-file.ts'
import type { Budget } from './budget.ts'

export interface DroppedFiles {
  /** Drops a file's bytes; it is read again once all its chunks were seen and there is room. */
  drop(file: OpenFile): void
  /** Drops them since neither memory nor disk has room. */
  evict(file: OpenFile): void
  /** All chunks of an evicted file were seen. */
  ready(file: OpenFile): void
  /** There was no room just now, or the broker did not answer: none is read again for a while. */
  postpone(): void
  /** Takes the first ones for which there is room, and says where each goes; undefined where there is none. */
  take(budget: Budget, diskIsFull: boolean): Map<OpenFile, Place> | undefined
  /** Whether any is to be read again. */
  readonly areAny: boolean
}

/** Files for which room is looked at a time. */
const MOST_LOOKS = 1_000

export function droppedFiles({
  deps,
  files,
  counts,
  ahead,
}: Pick<Shared, 'deps' | 'files' | 'counts' | 'ahead'>): DroppedFiles {
  const { report, now } = deps
  /** Evicted files all of whose chunks were seen, in that order; some may have ended since. */
  const whole = new Set<OpenFile>()
  let retryAt = Number.NEGATIVE_INFINITY

  /** From now on its chunks are only counted. */
  function drop(file: OpenFile): void {
    ahead.forget(file)
    file.stored.release()
    if (file.seen) file.assembly = file.seen
    file.seen = undefined
    files.move(file, 'evicted')
    file.size = 0
    if (isWhole(file)) whole.add(file)
  }

  return {
    drop,
    evict(file) {
      if (counts.evicted === 0)
        report({
          type: 'problem',
          text: 'neither memory nor disk has room for all incomplete files: the youngest are dropped and read again later',
        })
      counts.evicted++
      drop(file)
    },
    ready: file => void whole.add(file),
    postpone() {
      retryAt = now() + PROBE_EVERY_MS
    },
    take(budget, diskIsFull) {
      if (whole.size === 0 || now() < retryAt) return undefined
      const taken = new Map<OpenFile, Place>()
      let { left } = budget
      let looks = 0
      for (const file of whole) {
        if (!isReady(file)) {
          whole.delete(file)
          continue
        }
        if (++looks > MOST_LOOKS) break
        const { bytes } = file.assembly
        const wanted = budget.placeFor(bytes)
        const place = wanted === 'memory' && bytes > left ? 'spool' : wanted
        // Memory has no room for it: it may go to disk, alone.
        if (place !== 'memory' && (diskIsFull || taken.size > 0)) continue
        taken.set(file, place)
        whole.delete(file)
        if (place !== 'memory') break
        left -= bytes
      }
      return taken.size > 0 ? taken : undefined
    },
    get areAny() {
      for (const file of whole) {
        if (isReady(file)) return true
        whole.delete(file)
      }
      return false
    },
  }
}

function isReady(file: OpenFile): boolean {
  return file.state === 'evicted' && isWhole(file)
}
