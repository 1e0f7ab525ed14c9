/** How a run stands, for whoever asks: nothing of it is worked out while nobody does. */
import type { RunStats } from '../events.ts'
import type { SharingView } from './sharing.ts'

export interface RunView {
  stats(): RunStats
  /** Why it does not process what comes: the broker is away, the group is not joined, the breaker is open. */
  notReady(): string | undefined
  /** Why consuming is dead, or cannot be told from it; a breaker or a full disk only makes it wait. */
  notConsuming(): string | undefined
  /** By partition, in order of their numbers; empty while they are not owned. */
  partitions(): readonly PartitionView[]
  /** Of a run that shares its topic. */
  sharing(): SharingView | undefined
  /** Files that are received in part or whole, and not done with; each is looked at when it is asked for. */
  files(): Iterable<FileView>
  fileCounts(): Readonly<Record<FileViewState, number>>
  counts(): CountsView
  /**
   * Asks the broker where the partitions end and who has the others, so that `partitions`, `stats` and `sharing` tell of now;
   * gives up after a second.
   */
  refresh(): Promise<void>
}

export interface PartitionView {
  readonly partition: number
  /** What is committed; undefined while the group has nothing committed. */
  readonly committed: number | undefined
  /** Offset of the record to be read next. */
  readonly position: number
  /** Offset behind the last record that can be read. */
  readonly end: number
}

export type FileViewState = 'assembling' | 'queued' | 'running' | 'held'

export interface FileView {
  readonly path: string
  readonly state: FileViewState
  readonly chunks: number
  readonly total: number
  readonly attempts: number
  /** Since its first chunk was read. */
  readonly openMs: number
  /** Since its latest chunk came. */
  readonly idleMs: number
  /** Since it was given to a thread. */
  readonly runningMs: number | undefined
  /** Why it is held. */
  readonly error?: string | undefined
  /** Held: until it is tried again by itself; undefined = at the next start. */
  readonly againMs?: number | undefined
}

export interface CountsView {
  /** Records read. */
  readonly records: number
  /** Content bytes of files that were processed. */
  readonly doneBytes: number
  readonly receivedBytes: number
  readonly commits: number
  readonly failedCommits: number
  /** Characters of the longest metadata in the last commit. */
  readonly ledgerChars: number
  readonly memoryLimit: number
  /** Names of the summary. */
  readonly done: number
  readonly failed: number
  readonly mismatched: number
  readonly skipped: number
  readonly deadLettered: number
  readonly undecodable: number
  readonly duplicates: number
}
