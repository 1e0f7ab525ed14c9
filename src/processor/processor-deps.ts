/** What a processor is given, and what its parts have in common. */

import type { DfspError } from '../base/errors.ts'
import type { Values } from '../config/options/options.ts'
import type { Breaker } from '../core/breaker.ts'
import { type FileId, type FinishedGenerations, finishedGenerations } from '../core/chunks/generation.ts'
import type { DeadLetter } from '../core/dead-letter.ts'
import type { RetryPolicy } from '../core/disposition.ts'
import type { DoneBefore } from '../core/offsets/done-before.ts'
import type { Ledger } from '../core/offsets/ledger.ts'
import type { OffsetRange } from '../core/offsets/offset-ranges.ts'
import type { Replay } from '../core/offsets/replay.ts'
import type { Journal } from '../files/journal.ts'
import type { Store } from '../files/store.ts'
import type { CommittedOffset } from '../kafka/consumer/assignment.ts'
import type { OffsetCommit } from '../kafka/consumer/committer.ts'
import type { ConsumedRecord } from '../kafka/consumer/consumer.ts'
import type { Ended } from '../plugin/host/thread.ts'
import type { FileJob, Task } from '../plugin/messages.ts'
import type { RunEvent } from '../report/events.ts'
import type { Commits } from './commit/commits.ts'
import { type LatestFinished, latestFinished } from './commit/latest-finished.ts'
import type { DeadLetters } from './ends/dead-letters.ts'
import { type LastContents, lastContents } from './intake/last-contents.ts'
import type { DigestAhead, DigestThreads } from './reading/digest-ahead.ts'
import type { OpenFiles } from './table/open-files.ts'

/** The options that it works by, and what else it is told. */
export interface ProcessorSettings
  extends RetryPolicy,
    Pick<
      Values,
      | 'mode'
      | 'memoryBytes'
      | 'files'
      | 'maxFiles'
      | 'onIncomplete'
      | 'incompleteAfterMs'
      | 'breaker'
      | 'reprocessIdentical'
      | 'shared'
    > {
  readonly topic: string
  readonly group: string
  /** Absolute path of a file in `--mode disk` and `both`. */
  readonly diskPath: (path: string) => string
  /** Files that are not run now, and stay unresolved as they are. */
  readonly leave?: ((file: FileId) => boolean) | undefined
  /** How often a file was tried before, which its plugin is told besides; the policies count from anew. */
  readonly attemptsBefore?: ((file: FileId) => number) | undefined
  /** Bytes that one Buffer can hold: a larger file needs `--mode disk`. */
  readonly largestBuffer: number
  /** Where it is the environment for certain everything pauses; else it fails the file. */
  readonly waitsForEnvironment: boolean
  /** Files that are held since their attempts failed are tried again by themselves, with growing pauses. */
  readonly retriesHeld: boolean
}

export interface ProcessorDeps {
  readonly settings: ProcessorSettings
  readonly host: DigestThreads & {
    run(task: Task): Promise<Ended>
    readonly free: number
    /** Why there is no thread, and none can be started at present. */
    readonly shortage: string | undefined
    recall(): void
    abort(reason: string, of?: ReadonlySet<FileJob>): void
  }
  /** Hooks that the plugin has. */
  readonly hooks: ReadonlySet<string>
  readonly store: Store
  commit(offsets: readonly OffsetCommit[]): Promise<void>
  /** What the broker has committed of the owned partitions: asked when a commit was not answered well. */
  committedNow(): Promise<ReadonlyMap<number, CommittedOffset | undefined>>
  /** What the group had done of other topics, of which records read here may be copies; undefined: nothing. */
  readonly doneBefore?: DoneBefore | undefined
  /** How many partitions the topic has. */
  partitionCount(): number
  /** End offsets of the owned partitions as they are now. */
  endOffsets(): Promise<ReadonlyMap<number, number>>
  /** Resolves once all replicas have the letter. */
  deadLetter(letter: DeadLetter): Promise<void>
  /** Reads records again; resolves when all that the log still has of them were handed over. */
  refetch(
    ranges: readonly OffsetRange[],
    onRecord: (r: ConsumedRecord) => void,
    signal: AbortSignal,
  ): Promise<void>
  /** Files that were processed, between the plugin's null and the commit; undefined without --journal. */
  readonly journal: FinishedJournal | undefined
  pause(): void
  resume(): void
  report(event: RunEvent): void
  /** Monotonic milliseconds. */
  now(): number
  after(ms: number, then: () => void): () => void
  sha512(data: Uint8Array): Uint8Array
  /** 128 bits of a cryptographic hash, as text. */
  digest128(text: string): string
  /** A change after which the run may be over. */
  onChange(): void
  /** Go on is impossible or not wanted: the reason. */
  onStop(reason: string): void
  /** Go on would be wrong; what is finished is committed. */
  onFatal(error: DfspError): void
}

export type FinishedJournal = Pick<Journal, 'has' | 'append' | 'clear'>

export interface Counts {
  done: number
  failed: number
  mismatched: number
  skipped: number
  undecodable: number
  /** Tombstones and other records without a value. */
  empty: number
  filtered: number
  duplicates: number
  deadLettered: number
  /** Records that were resolved before this start, read again because they lie above the committed offset. */
  replayed: number
  /** Files that the journal knew to be processed. */
  journalled: number
  /** Times that a file's bytes were dropped for want of room. */
  evicted: number
  /** Times that an unfinished file was taken out of the table for want of memory. */
  letGo: number
  doneBytes: number
  receivedBytes: number
}

export const noCounts = (): Counts => ({
  ...{ done: 0, failed: 0, mismatched: 0, skipped: 0, undecodable: 0, empty: 0, filtered: 0, duplicates: 0 },
  ...{ deadLettered: 0, replayed: 0, journalled: 0, evicted: 0, letGo: 0, doneBytes: 0, receivedBytes: 0 },
})

/** Files that were processed, or set aside for good: those that are held come again. */
export function finishedFiles({ done, skipped, deadLettered }: Counts): number {
  return done + skipped + deadLettered
}

/** Those, and the ones that were given up in this run. */
export function triedFiles({ done, failed, mismatched }: Counts): number {
  return done + failed + mismatched
}

/** Whether files are taken up. */
export interface Phase {
  /** Partitions that are about to go: no file of theirs is begun. */
  readonly leaving: Set<number>
  /** The run ends: what is assigned or read from now on is for the next one. */
  isEnding: boolean
}

/** What is known of files that are no longer open. */
export interface History {
  /** By partition, while records are read again that the last commit spoke of. */
  readonly replays: Map<number, Replay>
  /** Generations that were processed. */
  readonly finished: FinishedGenerations
  /** Generations that were set aside, or known before this start: what comes of them in part is what is left of them. */
  readonly known: FinishedGenerations
  /** The latest of `finished`. */
  readonly latest: LatestFinished
  /**
   * Digests of paths of which a content was processed that no earlier process had tried, while records are read again:
   * an older one that had been tried may lie in a partition that is read later.
   */
  readonly doneMeanwhile: Set<string>
  readonly lastContents: LastContents
}

export const noHistory = ({ shared }: Pick<ProcessorSettings, 'shared'>): History => ({
  replays: new Map(),
  finished: finishedGenerations(),
  known: finishedGenerations(),
  latest: latestFinished(shared),
  doneMeanwhile: new Set(),
  lastContents: lastContents(),
})

export interface Shared extends History {
  readonly phase: Phase
  readonly deps: ProcessorDeps
  readonly ledger: Ledger
  readonly files: OpenFiles
  readonly breaker: Breaker
  readonly counts: Counts
  readonly committing: Commits
  readonly letters: DeadLetters
  readonly ahead: DigestAhead
}
