/**
 * A file that is open: received in part or whole, and not yet done. Its states:
 * - `assembling`: chunks are missing, or are being read again;
 * - `evicted`: its bytes were dropped for want of room; its chunks are counted on, and read again once all were seen;
 * - `queued`: whole, waits for a thread;
 * - `running`: a thread verifies or processes it;
 * - `waiting`: an attempt failed, the next comes after a delay;
 * - `parked`: given up, its dead letter is on its way;
 * - `held`: given up for now, left to another run, or abandoned while it ran. Its offsets stay unresolved and its bytes are
 *   released, once no thread reads them; it may be read again later;
 * - `leaving`: one of its partitions is about to go, and no thread has it. It stands in the commit record till then;
 * - `closed`: resolved, let go for want of room, or dropped with the epoch of one of its partitions. No longer in the table.
 */
import type { Assembly } from '../../core/chunks/assembly.ts'
import type { FileId } from '../../core/chunks/generation.ts'
import type { FileLetterReason } from '../../core/dead-letter.ts'
import type { GivenUp } from '../../core/disposition.ts'
import type { Heap } from '../../core/heap.ts'
import type { Receipt } from '../../core/offsets/ledger.ts'
import type { StoredFile } from '../../files/store.ts'

export type FileState =
  | 'assembling'
  | 'evicted'
  | 'queued'
  | 'running'
  | 'waiting'
  | 'parked'
  | 'held'
  | 'leaving'
  | 'closed'

const IDLE: ReadonlySet<FileState> = new Set(['assembling', 'evicted', 'held'])

export interface OpenFile {
  /** The ledger's owner number; ascending with age. */
  readonly number: number
  readonly id: FileId
  /** In the table. */
  readonly key: string
  readonly contents: PathContents
  /** Of the table, which are this file's. */
  tableBytes: number
  /** 128 bits of a hash of `id`. */
  readonly digest: string
  /** The 40 bits of it that stand for the file in commit records. */
  readonly hash: number
  readonly path: string
  /** Its place in the order in which files became whole; 0 until it is whole for the first time. */
  turn: number
  /** By an earlier process: it was whole before those that were not. */
  readonly triedBefore: boolean
  /** Of the whole file, in hexadecimal. */
  readonly sha512: string
  readonly mtime: number
  assembly: Assembly
  stored: StoredFile
  receipts: Receipt[]
  /** Lowest and highest offset of its records, by partition. */
  readonly offsets: Map<number, [number, number]>
  readonly state: FileState
  /** Size in bytes once it is whole, else 0. */
  size: number
  /** Attempts that have failed, or succeeded. */
  attempts: number
  /** A thread was at it in this run. */
  wasTried: boolean
  /** When its first chunk came, in milliseconds of the processor's clock. */
  readonly openedAt: number
  /** Lowest and highest timestamp of its records, in milliseconds since the epoch. */
  sentAt: number
  lastSentAt: number
  /** When the last new chunk came, in milliseconds of the processor's clock. */
  lastProgress: number
  /** All its chunks were seen before it was evicted, and this is what was known of them. */
  seen: Assembly | undefined
  /** Chunks were bad in themselves and went missing again, until good copies of them come. */
  damaged: boolean
  /** Each chunk is compared with its own digest before it is taken. */
  checksChunks: boolean
  /** Further copies of its chunks came while it was whole, and were not looked at. */
  hasUnreadCopies: boolean
  /** Of how many records it was when it was read again for its copies the last time; 0 = never. */
  readForCopiesAt: number
  /** It was told that it is incomplete. */
  toldIncomplete: boolean
  /** It was told that it is held and no longer in the log. */
  toldLost: boolean
  /** When it was said of it that the environment fails, the last time; in milliseconds of the processor's clock. */
  blamedAt: number
  /** Why it was held, once it was, and what of it is tried again; counted so, until it ends otherwise. */
  heldFor:
    | { readonly result: FileLetterReason; readonly error: string; readonly again: GivenUp['again'] }
    | undefined
  /** How often it was held. */
  holds: number
  /** Where it is held: when it is tried again by itself; infinite = not. */
  againAt: number
}

/**
 * The open contents of one path. They run one at a time, in the order of their turns; see work/path-queue.ts. One that is
 * older than a content that was processed does not run any more, or whoever writes by path would be left with it.
 */
export interface PathContents {
  /** How many are open. */
  count: number
  /** Those that have been whole and wait for nothing that comes by itself: held, evicted, damaged. */
  stuck: Heap<OpenFile> | undefined
  /** The one that a thread has, or that is tried again after a delay: none of the others runs meanwhile. */
  busy: OpenFile | undefined
  /** The one that runs next. */
  offered: OpenFile | undefined
  /** Those that are queued behind it. */
  behind: Heap<OpenFile> | undefined
  /** The latest turn, and the highest number, of those that were processed. */
  doneTurn: number
  doneNumber: number
}

/** It goes on only by what comes from outside it: further records, room, a person. */
export function isIdle({ state }: OpenFile): boolean {
  return IDLE.has(state)
}

/**
 * Copies that were not looked at may make it right. Each time it has to have twice as many records as before: who sends
 * copies one by one must not have all of it read again for each.
 */
export function mayHeal({ hasUnreadCopies, receipts, readForCopiesAt }: OpenFile): boolean {
  return hasUnreadCopies && receipts.length >= 2 * readForCopiesAt
}

/** It will be read again, and the last copy of each chunk that is right by its own digest counts. */
export function readForCopies(file: OpenFile): void {
  file.hasUnreadCopies = false
  file.readForCopiesAt = file.receipts.length
  file.checksChunks = true
}

export type Attempted = Pick<OpenFile, 'attempts'> & Partial<Pick<OpenFile, 'state'>>

/** With the one that runs: should the process be killed by it, it counts. */
export function attemptsBegun({ attempts, state }: Attempted): number {
  return state === 'running' ? attempts + 1 : attempts
}

/** A thread has it, and its answer counts. */
export function isRunning({ state }: OpenFile): boolean {
  return state === 'running'
}

/** A record of it lies in one of the partitions. */
export function liesIn({ offsets }: OpenFile, partitions: ReadonlySet<number>): boolean {
  if (partitions.size > 0) for (const partition of offsets.keys()) if (partitions.has(partition)) return true
  return false
}

/** All its chunks are there, or were. */
export function isWhole({ assembly }: OpenFile): boolean {
  return assembly.count === assembly.total
}

/** A newer content of its path was processed; if it was whole before that one, it does not run any more. */
export function isOutdated({ turn, number, contents }: OpenFile): boolean {
  return turn === 0 ? number < contents.doneNumber : turn < contents.doneTurn
}
