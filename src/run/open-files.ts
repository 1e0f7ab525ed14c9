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
 * - `held`: given up for this run, its offsets stay unresolved, its bytes are released;
 * - `closed`: resolved, or dropped with the epoch of one of its partitions. No longer in the table.
 */
import { type Assembly, assembly } from '../core/assembly.ts'
import type { Chunk } from '../core/chunk.ts'
import { fileHash40 } from '../core/commit-record.ts'
import { type FileId, hexOf } from '../core/generation.ts'
import type { Receipt } from '../core/ledger.ts'
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
  held: ['closed'],
  closed: [],
}

/** Whole and not finished: they will free what they occupy without a further record. */
const UNDER_WAY: ReadonlySet<FileState> = new Set(['queued', 'running', 'waiting'])

export interface OpenFile {
  /** The ledger's owner number; ascending with age. */
  readonly number: number
  readonly id: FileId
  /** 128 bits of a hash of `id`. */
  readonly digest: string
  /** The 40 bits of it that stand for the file in commit records. */
  readonly hash: number
  readonly path: string
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
  /** Lowest timestamp of its records, in milliseconds since the epoch. */
  sentAt: number
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
  /** A newer content of the same path was processed while this one was incomplete. */
  superseded: boolean
}

export interface OpenFiles {
  readonly byId: ReadonlyMap<FileId, OpenFile>
  readonly byNumber: ReadonlyMap<number, OpenFile>
  /** Open generations of one path. */
  ofPath(path: string): Iterable<OpenFile>
  open(
    given: Pick<OpenFile, 'id' | 'digest' | 'path' | 'stored' | 'attempts' | 'lastProgress'>,
    chunk: Chunk,
  ): OpenFile
  move(file: OpenFile, to: FileState): void
  count(state: FileState): number
  /** Files that are queued, running or waiting, and their bytes. */
  readonly underWay: { readonly files: number; readonly bytes: number }
  /** Bytes of the files that are queued. */
  readonly queuedBytes: number
}

export function openFiles(): OpenFiles {
  const byId = new Map<FileId, OpenFile>()
  const byNumber = new Map<number, OpenFile>()
  const byPath = new Map<string, OpenFile[]>()
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
  const note = (file: OpenFile, sign: 1 | -1) => {
    counts[file.state] += sign
    if (file.state === 'queued') queuedBytes += sign * file.size
    if (!UNDER_WAY.has(file.state)) return
    underWay.files += sign
    underWay.bytes += sign * file.size
  }
  let numbers = 0
  return {
    byId,
    byNumber,
    ofPath: path => byPath.get(path) ?? [],
    open(given, chunk) {
      // Each field by name: a spread makes this literal thirty times slower.
      const { id, digest, path, stored, attempts, lastProgress } = given
      const file: OpenFile = {
        id,
        digest,
        path,
        stored,
        attempts,
        lastProgress,
        number: numbers++,
        openedAt: given.lastProgress,
        sentAt: Number.POSITIVE_INFINITY,
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
        superseded: false,
      }
      byId.set(file.id, file)
      byNumber.set(file.number, file)
      const others = byPath.get(file.path)
      if (others) others.push(file)
      else byPath.set(file.path, [file])
      note(file, 1)
      return file
    },
    move(file, to) {
      if (!NEXT[file.state].includes(to))
        throw new Error(`${file.path} cannot go from ${file.state} to ${to}`)
      note(file, -1)
      ;(file as { state: FileState }).state = to
      note(file, 1)
      if (to !== 'closed') return
      byId.delete(file.id)
      byNumber.delete(file.number)
      const others = (byPath.get(file.path) as OpenFile[]).filter(other => other !== file)
      if (others.length === 0) byPath.delete(file.path)
      else byPath.set(file.path, others)
    },
    count: state => counts[state],
    underWay,
    get queuedBytes() {
      return queuedBytes
    },
  }
}
