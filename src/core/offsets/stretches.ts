/**
 * In which stretches many ranges of offsets are read: a new assignment costs a round trip, and so do some records that
 * are read and dropped. What is cheaper depends on how large they are, which is known once some were read.
 */
import type { OffsetRange } from './offset-ranges.ts'

/** As many records, or bytes, as are read in the time that a new assignment takes. */
const ROUND_RECORDS = 4_096
const ROUND_BYTES = 4 * 1024 * 1024
/** What one fetch brings along in any case. */
const LEAST_RECORDS = 16

/** Up to so many unwanted records are read rather than passed over, where they have `recordBytes` each; 0 = not known. */
export function mostGap(recordBytes: number): number {
  if (recordBytes === 0) return LEAST_RECORDS
  return Math.max(LEAST_RECORDS, Math.min(ROUND_RECORDS, Math.floor(ROUND_BYTES / recordBytes)))
}

/**
 * Gives one stretch of each partition at a time, none once all were given; together they hold the ranges, which are
 * sorted and without overlaps. A stretch goes on over gaps of up to `gap` offsets.
 */
export function stretches(ranges: readonly OffsetRange[]): (gap: number) => OffsetRange[] {
  const left = new Map<number, { next: number; readonly end: number }>()
  for (let start = 0; start < ranges.length; ) {
    const { partition } = ranges[start] as OffsetRange
    let end = start
    while (ranges[end]?.partition === partition) end++
    left.set(partition, { next: start, end })
    start = end
  }
  return gap => {
    const found: OffsetRange[] = []
    for (const [partition, rest] of left) {
      const { from, to: first } = ranges[rest.next++] as OffsetRange
      let to = first
      for (; rest.next < rest.end; rest.next++) {
        const range = ranges[rest.next] as OffsetRange
        if (range.from - to - 1 > gap) break
        to = range.to
      }
      found.push({ partition, from, to })
      if (rest.next === rest.end) left.delete(partition)
    }
    return found
  }
}
