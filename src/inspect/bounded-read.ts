/** Reads of a topic that have a limit together: of records, and of time. */
import type { OffsetRange } from '../core/offsets/offset-ranges.ts'
import type { ConsumedRecord } from '../kafka/consumer/consumer.ts'
import type { Refetcher } from '../kafka/refetch/refetch.ts'

export interface BoundedRead {
  /** Ends when `enough` fires, or after so much as is allowed. Rejects as `Refetcher.read`. */
  read(
    ranges: readonly OffsetRange[],
    onRecord: (record: ConsumedRecord) => void,
    enough?: AbortController,
  ): Promise<void>
  /** Records so far. */
  readonly seen: number
  /** There was more to read than was allowed. */
  readonly isPartial: boolean
}

export function boundedRead(
  refetcher: Pick<Refetcher, 'read'>,
  limits: { readonly records: number; readonly ms: number },
  signal: AbortSignal,
): BoundedRead {
  const until = performance.now() + limits.ms
  let seen = 0
  let isPartial = false
  return {
    async read(ranges, onRecord, enough = new AbortController()) {
      const stop = () => {
        isPartial = true
        enough.abort()
      }
      const left = until - performance.now()
      const timer = Number.isFinite(left) ? setTimeout(stop, Math.max(0, left)) : undefined
      try {
        await refetcher.read(
          ranges,
          record => {
            if (++seen > limits.records || performance.now() > until) stop()
            else onRecord(record)
          },
          AbortSignal.any([signal, enough.signal]),
        )
      } catch (error) {
        if (!enough.signal.aborted) throw error
      } finally {
        clearTimeout(timer)
      }
    },
    get seen() {
      return seen
    },
    get isPartial() {
      return isPartial
    },
  }
}
