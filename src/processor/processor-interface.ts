/** What a run may ask of a processor. */
import type { Flow } from '../core/backpressure.ts'
import type { Ledger } from '../core/offsets/ledger.ts'
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import type { ConsumedRecord } from '../kafka/consumer/consumer.ts'
import type { Uncommitted } from './commit/commit-troubles.ts'
import type { Counts } from './processor-deps.ts'
import type { ReadAhead } from './reading/read-ahead.ts'
import type { DiskTrouble } from './room/disk-trouble.ts'
import type { OpenFile } from './table/open-file.ts'
import type { OpenFiles } from './table/open-files.ts'

export interface Processor {
  readonly ledger: Ledger
  readonly counts: Readonly<Counts>
  readonly files: Pick<OpenFiles, 'byKey' | 'count' | 'mayBeRest' | 'underWay'>
  assign(partitions: readonly AssignedPartition[]): void
  records(batch: readonly ConsumedRecord[]): void
  partitionEnd(partition: number, offset: number): void
  /** Resolves when more is to be read; undefined: at once. */
  readonly wait: ReadAhead['wait']
  /** Finishes what runs, commits, forgets the partitions. */
  revoke(partitions: readonly number[], lost: boolean, drainMs: number): Promise<void>
  /** Starts no more files, waits for the running ones, commits. False when they did not end in time. */
  drain(drainMs: number): Promise<boolean>
  /** Starts no more files, asks the running ones to stop and counts nothing of them, commits nothing. */
  abandon(): void
  /** Looks for files without progress and for things that may go on; called every second or so. */
  tick(): void
  /** The log of a partition begins at `low` from now on: what lay below was deleted. */
  lowWatermark(partition: number, low: number): void
  /** No file is queued, running, waiting or on its way to the dead letters, and all that can be is committed. */
  readonly quiet: boolean
  readonly flow: Flow
  /** Why everything pauses, and how often it was tried to go on; undefined while nothing is wrong. */
  readonly blocked: DiskTrouble['now']
  /**
   * Why the disk took none of the files that wait for it alone, again and again, while nothing else is under way.
   * Reading goes on: what else comes may find room in memory.
   */
  readonly starved: DiskTrouble['now']
  /** Why what is finished is not committed. */
  readonly uncommitted: Uncommitted | undefined
  /** Bytes of memory that files occupy. */
  readonly memoryBytes: number
  /** Up to when everything that had arrived was read, in milliseconds of its clock; -Infinity before that was so once. */
  readonly readUntil: number
  unfinished(): {
    readonly assembling: readonly OpenFile[]
    readonly queued: number
    readonly running: ReadonlyMap<OpenFile, number>
  }
}
