/** What retention took before a run could process it: records that were not read, and chunks that files lack since. */
import { isCutFile, logBegins } from '../core/chunks/cut-file.ts'
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import type { OpenFile } from '../processor/table/open-file.ts'

export interface RetentionLosses {
  assigned(partitions: readonly AssignedPartition[]): void
  read(records: readonly { readonly partition: number; readonly timestamp: number }[]): void
  /** The log of a partition begins at `low` from now on, and was read up to `position`. */
  low(partition: number, low: number, position: number): void
  /** Whether a file of which chunks are missing can only be sent again. */
  isCut(file: OpenFile): boolean
  /** Partitions of which records were deleted before they were processed. */
  readonly lostIn: number
}

export function retentionLosses(): RetentionLosses {
  const begins = logBegins()
  const lows = new Map<number, number>()
  const lost = new Set<number>()
  return {
    assigned(partitions) {
      for (const { partition, start, low = 0, committed, end } of partitions) {
        if (start === low) begins.add(partition, low)
        if (committed !== undefined && committed < low && committed <= end) lost.add(partition)
      }
    },
    read(records) {
      for (const record of records) begins.read(record)
    },
    low(partition, low, position) {
      lows.set(partition, low)
      if (position < low) lost.add(partition)
    },
    isCut(file) {
      for (const [partition, [first]] of file.offsets) if (first < (lows.get(partition) ?? 0)) return true
      const { assembly, attempts, sentAt } = file
      const { total: chunks, count: present, highest } = assembly
      const part = { chunks, present, highest, firstSent: sentAt }
      return isCutFile({ ...part, wasWhole: attempts > 0 }, begins.times())
    },
    get lostIn() {
      return lost.size
    },
  }
}
