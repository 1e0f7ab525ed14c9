/** How much of --memory is in use, and what follows of it: whether to read, and where new chunks go. */
import { type Flow, highMark, lowMark, nextFlow } from '../../core/backpressure.ts'
import type { Place } from '../../files/store.ts'
import type { Shared } from '../processor-deps.ts'
import { FREE_TABLE_BYTES } from './let-go.ts'

export interface Budget {
  readonly flow: Flow
  /** More is in use than where reading pauses; than down to where files are dropped when nothing else frees it. */
  readonly isHigh: boolean
  readonly isAboveLow: boolean
  /** Bytes that may be put into memory when files are read again. */
  readonly left: number
  /** Where a file of so many bytes goes. */
  placeFor(bytes: number): Place
  /** Something changed: pauses or resumes reading; see `Load`. */
  look(stopped: boolean, diskFull: boolean): void
}

export function budget(
  { deps, files, committing }: Pick<Shared, 'deps' | 'files' | 'committing'>,
  onPause: (isPaused: boolean) => void,
): Budget {
  const { settings, store } = deps
  const budgetBytes = settings.memoryBytes
  const low = lowMark(budgetBytes)
  const high = highMark(budgetBytes)
  let flow: Flow = 'flow'

  function usedBytes(): number {
    return store.memoryBytes + Math.max(0, files.tableBytes - FREE_TABLE_BYTES)
  }

  return {
    get flow() {
      return flow
    },
    get isHigh() {
      return usedBytes() >= high
    },
    get isAboveLow() {
      return usedBytes() >= low
    },
    get left() {
      // Incomplete files may fill memory above the low mark for ever.
      return (files.underWay.files === 0 ? high : low) - usedBytes()
    },
    placeFor(bytes) {
      const isLarge = bytes >= budgetBytes / 2 || bytes > settings.largestBuffer
      if (isLarge || settings.mode === 'disk') return 'disk'
      return flow === 'spool' ? 'spool' : 'memory'
    },
    look(stopped, diskFull) {
      const { files: queuedFiles, bytes: queuedBytes } = files.underWay
      const next = nextFlow(flow, {
        memoryBytes: usedBytes(),
        queuedBytes,
        queuedFiles,
        budgetBytes,
        recordFill: committing.fill,
        stopped,
        diskFull,
      })
      if (next === flow) return
      const wasPaused = flow === 'pause'
      flow = next
      if (wasPaused === (next === 'pause')) return
      onPause(next === 'pause')
      if (next === 'pause') deps.pause()
      else deps.resume()
    },
  }
}
