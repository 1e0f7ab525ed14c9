/**
 * The files that are open: received in part or whole, and not yet done.
 *
 * A file's states:
 * - `assembling`: chunks are missing, or are being read again;
 * - `evicted`: its bytes were dropped for want of room; its chunks are counted on, and read again once all were seen;
 * - `queued`: whole, waits for a thread;
 * - `running`: a thread verifies or processes it;
 * - `waiting`: an attempt failed, the next comes after a delay;
 * - `parked`: given up, its dead letter is on its way;
 * - `held`: given up for now, its offsets stay unresolved, its bytes are released; it may be read again later;
 * - `closed`: resolved, or dropped with the epoch of one of its partitions. No longer in the table.
 */
import { type Assembly, assembly } from '../core/chunks/assembly.ts'
import type { Chunk } from '../core/chunks/chunk.ts'
import { type FileId, hexOf } from '../core/chunks/generation.ts'
import type { FileLetterReason } from '../core/dead-letter.ts'
import { type Heap, heap } from '../core/heap.ts'
import { fileHash40 } from '../core/offsets/commit-record.ts'
import type { Receipt } from '../core/offsets/ledger.ts'
import type { StoredFile } from '../files/store.ts'

export type FileState =
  | 'assembling'
  | 'evicted'
  | 'queued'
  | 'running'
  | 'waiting'
  | 'parked'
  | 'held'
  | 'closed'

const NEXT: Readonly<Record<FileState, readonly FileState[]>> = {
  assembling: ['queued', 'evicted', 'parked', 'held', 'closed'],
  evicted: ['assembling', 'parked', 'held', 'closed'],
  queued: ['running', 'closed'],
  running: ['assembling', 'evicted', 'queued', 'waiting', 'parked', 'held', 'closed'],
  waiting: ['queued', 'closed'],
  parked: ['held', 'closed'],
  held: ['evicted', 'parked', 'closed'],
  closed: [],
}

/** Whole and not finished: they will free what they occupy without a further record. */
const UNDER_WAY: ReadonlySet<FileState> = new Set(['queued', 'running', 'waiting'])

const IDLE: ReadonlySet<FileState> = new Set(['assembling', 'evicted', 'held'])

export interface OpenFile {
  /** The ledger's owner number; ascending with age. */
  readonly number: number
  readonly id: FileId
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
  readonly receipts: Receipt[]
  /** Lowest and highest offset of its records, by partition. */
  readonly offsets: Map<number, [number, number]>
  readonly state: FileState
  /** Size in bytes once it is whole, else 0. */
  size: number
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
  /** It was reported as incomplete, or as held and no longer in the log. */
  reportedIncomplete: boolean
  /** When it was said of it that the environment fails, the last time; in milliseconds of the processor's clock. */
  blamedAt: number
  /** Why it was held, once it was; counted so, until it ends otherwise. */
  heldFor: { readonly result: FileLetterReason; readonly error: string } | undefined
  /** How often it was held. */
  holds: number
  /** Where it is held: when it is tried again by itself; infinite = not. */
  againAt: number
}

/**
 * The open contents of one path. They run one at a time, in the order of their turns; see path-queue.ts. One that is
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

export interface OpenFiles {
  readonly byId: ReadonlyMap<FileId, OpenFile>
  readonly byNumber: ReadonlyMap<number, OpenFile>
  open(
    given: Pick<OpenFile, 'id' | 'digest' | 'path' | 'stored' | 'attempts' | 'lastProgress'>,
    chunk: Chunk,
  ): OpenFile
  move(file: OpenFile, to: FileState): void
  /** It is whole: gives it its turn if it has none. */
  whole(file: OpenFile): void
  /** It was processed. Returns the older contents of its path that are stuck or queued, which are outdated by that. */
  outdate(file: OpenFile): readonly OpenFile[]
  count(state: FileState): number
  /** Files that are queued, running or waiting, and their bytes. */
  readonly underWay: { readonly files: number; readonly bytes: number }
  /** Bytes of the files that are queued. */
  readonly queuedBytes: number
  /** Files that are queued and were never tried. */
  readonly untried: number
  /** Bytes of memory that the table itself takes, names and records included; about. */
  readonly tableBytes: number
  /** One more record of a file. */
  grew(file: OpenFile): void
  /** The bytes of an assembling file were moved from memory to disk. */
  spilled(file: OpenFile): void
  /** Files that are idle, the one that has had no new chunk for longest first; those that have been whole come last. */
  idle(): OpenFile[]
  /** Of the files that are assembling in memory, or elsewhere, the one that was opened last. Damaged ones do not count. */
  youngest(isInMemory: boolean): OpenFile | undefined
}

/** What an open file takes in the table beside its path and its records, and how many copies of the path. */
const FILE_BYTES = 1_600
const PATH_COPIES = 3
/** A receipt, and what the assembly notes of a chunk. */
const RECORD_BYTES = 120
/** Items of a heap below which it is not looked through for those that went on. */
const LEAST_TO_CLEAR = 100
const NONE: readonly OpenFile[] = []
const byAge = ({ number }: OpenFile) => -number

/** It goes on only by what comes from outside it: further records, room, a person. */
export function isIdle({ state }: OpenFile): boolean {
  return IDLE.has(state)
}

/** A newer content of its path was processed; if it was whole before that one, it does not run any more. */
export function isOutdated({ turn, number, contents }: OpenFile): boolean {
  return turn === 0 ? number < contents.doneNumber : turn < contents.doneTurn
}

export function openFiles(): OpenFiles {
  const byId = new Map<FileId, OpenFile>()
  const byNumber = new Map<number, OpenFile>()
  const byPath = new Map<string, PathContents>()
  const counts: Record<FileState, number> = {
    assembling: 0,
    evicted: 0,
    queued: 0,
    running: 0,
    waiting: 0,
    parked: 0,
    held: 0,
    closed: 0,
  }
  const underWay = { files: 0, bytes: 0 }
  let queuedBytes = 0
  let untried = 0
  const note = (file: OpenFile, sign: 1 | -1) => {
    counts[file.state] += sign
    if (file.state === 'queued') {
      queuedBytes += sign * file.size
      if (!file.wasTried) untried += sign
    }
    if (!UNDER_WAY.has(file.state)) return
    underWay.files += sign
    underWay.bytes += sign * file.size
  }
  let tableBytes = 0
  let numbers = 0
  let turns = 0
  let earlyTurns = Number.MIN_SAFE_INTEGER
  const assemblingIn = { memory: heap(byAge), elsewhere: heap(byAge) }
  /** The file that was opened last. Most files are whole with their first record and are never looked for by age. */
  let newest: OpenFile | undefined

  function isYoung(file: OpenFile, isInMemory: boolean): boolean {
    return file.state === 'assembling' && !file.damaged && (file.stored.place === 'memory') === isInMemory
  }

  /** Its heap forgets those that went on when they have become the most of it. */
  function noteAssembling(file: OpenFile): void {
    const isInMemory = file.stored.place === 'memory'
    const young = isInMemory ? assemblingIn.memory : assemblingIn.elsewhere
    if (young.size > 2 * counts.assembling + LEAST_TO_CLEAR) young.keep(other => isYoung(other, isInMemory))
    young.add(file)
  }

  function noteNewest(next?: OpenFile): void {
    if (newest?.state === 'assembling') noteAssembling(newest)
    newest = next
  }

  /** With one more of them open. */
  function contentsOf(path: string): PathContents {
    const found = byPath.get(path)
    if (found !== undefined) {
      found.count++
      return found
    }
    const contents: PathContents = {
      count: 1,
      stuck: undefined,
      busy: undefined,
      offered: undefined,
      behind: undefined,
      doneTurn: Number.NEGATIVE_INFINITY,
      doneNumber: -1,
    }
    byPath.set(path, contents)
    return contents
  }

  function noteStuck(file: OpenFile): void {
    if (file.turn === 0) return
    file.contents.stuck ??= heap(({ turn }) => turn)
    file.contents.stuck.add(file)
  }

  return {
    byId,
    byNumber,
    open(given, chunk) {
      // Each field by name: a spread makes this literal thirty times slower.
      const { id, digest, path, stored, attempts, lastProgress } = given
      const file: OpenFile = {
        id,
        digest,
        path,
        contents: contentsOf(path),
        tableBytes: FILE_BYTES + PATH_COPIES * path.length,
        turn: 0,
        triedBefore: attempts > 0,
        stored,
        attempts,
        lastProgress,
        number: numbers++,
        openedAt: given.lastProgress,
        sentAt: Number.POSITIVE_INFINITY,
        lastSentAt: Number.NEGATIVE_INFINITY,
        hash: fileHash40(given.digest),
        sha512: hexOf(chunk.fileHash),
        mtime: chunk.mtime,
        assembly: assembly(chunk.total),
        receipts: [],
        offsets: new Map(),
        state: 'assembling',
        size: 0,
        wasTried: false,
        seen: undefined,
        damaged: false,
        checksChunks: false,
        hasUnreadCopies: false,
        reportedIncomplete: false,
        blamedAt: Number.POSITIVE_INFINITY,
        heldFor: undefined,
        holds: 0,
        againAt: Number.POSITIVE_INFINITY,
      }
      byId.set(file.id, file)
      byNumber.set(file.number, file)
      tableBytes += file.tableBytes
      note(file, 1)
      noteNewest(file)
      return file
    },
    move(file, to) {
      if (!NEXT[file.state].includes(to))
        throw new Error(`${file.path} cannot go from ${file.state} to ${to}`)
      note(file, -1)
      ;(file as { state: FileState }).state = to
      note(file, 1)
      if (isIdle(file)) noteStuck(file)
      if (to === 'assembling') noteAssembling(file)
      if (to !== 'closed') return
      byId.delete(file.id)
      byNumber.delete(file.number)
      tableBytes -= file.tableBytes
      if (--file.contents.count === 0) byPath.delete(file.path)
    },
    whole(file) {
      if (file.turn !== 0) return
      file.turn = file.triedBefore ? ++earlyTurns : ++turns
      // One that is assembling goes on at once.
      if (file.state === 'evicted') noteStuck(file)
    },
    outdate({ contents, turn, number }) {
      contents.doneTurn = Math.max(contents.doneTurn, turn)
      contents.doneNumber = Math.max(contents.doneNumber, number)
      if (contents.count === 1) return NONE
      const older = new Set<OpenFile>() // some are in more than one of the places
      const add = (other: OpenFile) => {
        if (isIdle(other) || other.state === 'queued') older.add(other)
      }
      if (contents.offered !== undefined && contents.offered.turn < turn) add(contents.offered)
      for (const heap of [contents.stuck, contents.behind])
        for (let other = heap?.peek(); other !== undefined && other.turn < turn; other = heap?.peek()) {
          heap?.take()
          add(other)
        }
      return [...older]
    },
    count: state => counts[state],
    underWay,
    get queuedBytes() {
      return queuedBytes
    },
    get untried() {
      return untried
    },
    get tableBytes() {
      return tableBytes
    },
    grew(file) {
      file.tableBytes += RECORD_BYTES
      tableBytes += RECORD_BYTES
    },
    spilled: noteAssembling,
    idle: () =>
      [...byNumber.values()]
        .filter(isIdle)
        .sort(
          (a, b) =>
            Number(a.turn !== 0) - Number(b.turn !== 0) ||
            a.lastProgress - b.lastProgress ||
            a.number - b.number,
        ),
    youngest(isInMemory) {
      noteNewest()
      const young = isInMemory ? assemblingIn.memory : assemblingIn.elsewhere
      for (let file = young.peek(); file !== undefined; file = young.peek()) {
        if (isYoung(file, isInMemory)) return file
        young.take()
      }
      return undefined
    },
  }
}
