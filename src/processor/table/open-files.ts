/** The table of open files: finds them, moves them from state to state, counts them and what the table itself takes. */

import { assembly } from '../../core/chunks/assembly.ts'
import type { Chunk } from '../../core/chunks/chunk.ts'
import { type FileId, sha512Of } from '../../core/chunks/generation.ts'
import { fileHash40 } from '../../core/offsets/commit-record.ts'
import type { Receipt } from '../../core/offsets/ledger.ts'
import { type FileState, isIdle, type OpenFile } from './open-file.ts'
import { pathContents } from './path-contents.ts'
import { youngFiles } from './young-files.ts'

const NEXT: Readonly<Record<FileState, readonly FileState[]>> = {
  assembling: ['queued', 'evicted', 'parked', 'held', 'leaving', 'closed'],
  evicted: ['assembling', 'parked', 'held', 'leaving', 'closed'],
  queued: ['running', 'leaving', 'closed'],
  running: ['assembling', 'evicted', 'queued', 'waiting', 'parked', 'held', 'leaving', 'closed'],
  waiting: ['queued', 'leaving', 'closed'],
  parked: ['held', 'closed'],
  held: ['evicted', 'parked', 'leaving', 'closed'],
  leaving: ['closed'],
  closed: [],
}

/** Whole and not finished: they will free what they occupy without a further record. */
const UNDER_WAY: ReadonlySet<FileState> = new Set(['queued', 'running', 'waiting'])

export interface OpenFiles {
  /** By id; where each file lies in one partition, by partition and id. */
  readonly byKey: ReadonlyMap<string, OpenFile>
  readonly byNumber: ReadonlyMap<number, OpenFile>
  /** The one to which a record of a partition belongs. */
  find(partition: number, id: FileId): OpenFile | undefined
  open(
    partition: number,
    given: Pick<OpenFile, 'id' | 'digest' | 'path' | 'stored' | 'attempts' | 'lastProgress'>,
    chunk: Chunk,
  ): OpenFile
  move(file: OpenFile, to: FileState): void
  /** It is whole: gives it its turn if it has none. */
  whole(file: OpenFile): void
  /** It was processed. Returns the older contents of its path that are stuck or queued, which are outdated by that. */
  outdate(file: OpenFile): readonly OpenFile[]
  count(state: FileState): number
  /** Those of which chunks are missing, or have to be read again. */
  incomplete(): readonly OpenFile[]
  /** Files that are queued, running or waiting, and their bytes. */
  readonly underWay: { readonly files: number; readonly bytes: number }
  /** Bytes of the files that are queued. */
  readonly queuedBytes: number
  /** Files that are queued and were never tried. */
  readonly untried: number
  /** Bytes of memory that the table itself takes, names and records included; about. */
  readonly tableBytes: number
  /** One more record of a file. */
  received(file: OpenFile, receipt: Receipt): void
  /** The bytes of an assembling file were moved from memory to disk. */
  spilled(file: OpenFile): void
  /** Takes an unfinished file out of the table; its records stay unresolved. */
  letGo(file: OpenFile): void
  /** It was opened after another was let go: it may be what is left of one that was, and its other chunks lie on the topic. */
  mayBeRest(file: OpenFile): boolean
  /** Of the files that are assembling in memory, or elsewhere, the one that was opened last. Damaged ones do not count. */
  youngest(isInMemory: boolean): OpenFile | undefined
}

const NO_RECEIPTS: Receipt[] = []

/** What an open file takes in the table beside its path and its records, and how many copies of the path. */
const FILE_BYTES = 1_600
const PATH_COPIES = 3
/** A receipt, and what the assembly notes of a chunk. */
const RECORD_BYTES = 120

/**
 * `shared`: a partition and its files may go while the others stay, so a file that was sent to two partitions (their number
 * was raised in between) is two.
 */
export function openFiles(shared = false): OpenFiles {
  const byKey = new Map<string, OpenFile>()
  const keyOf = (partition: number, id: FileId) => (shared ? `${partition}\0${id}` : id)
  const byNumber = new Map<number, OpenFile>()
  const contents = pathContents()
  const counts: Record<FileState, number> = {
    assembling: 0,
    evicted: 0,
    queued: 0,
    running: 0,
    waiting: 0,
    parked: 0,
    held: 0,
    leaving: 0,
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
  /** The next number when the first file was let go. */
  let letGoBefore = Number.POSITIVE_INFINITY
  const young = youngFiles(() => counts.assembling)

  function move(file: OpenFile, to: FileState): void {
    if (!NEXT[file.state].includes(to)) throw new Error(`${file.path} cannot go from ${file.state} to ${to}`)
    note(file, -1)
    ;(file as { state: FileState }).state = to
    note(file, 1)
    if (isIdle(file)) contents.stuck(file)
    if (to === 'assembling') young.assembling(file)
    if (to !== 'closed') return
    byKey.delete(file.key)
    byNumber.delete(file.number)
    tableBytes -= file.tableBytes
    contents.closed(file)
  }

  return {
    byKey,
    byNumber,
    find: (partition, id) => byKey.get(keyOf(partition, id)),
    open(partition, given, chunk) {
      // Each field by name: a spread makes this literal thirty times slower.
      const { id, digest, path, stored, attempts, lastProgress } = given
      const file: OpenFile = {
        id,
        key: keyOf(partition, id),
        digest,
        path,
        contents: contents.opened(path),
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
        sha512: sha512Of(id),
        mtime: chunk.mtime,
        assembly: assembly(chunk.total),
        receipts: NO_RECEIPTS,
        offsets: new Map(),
        state: 'assembling',
        size: 0,
        wasTried: false,
        seen: undefined,
        damaged: false,
        checksChunks: false,
        hasUnreadCopies: false,
        readForCopiesAt: 0,
        toldIncomplete: false,
        toldLost: false,
        blamedAt: Number.POSITIVE_INFINITY,
        heldFor: undefined,
        holds: 0,
        againAt: Number.POSITIVE_INFINITY,
      }
      byKey.set(file.key, file)
      byNumber.set(file.number, file)
      tableBytes += file.tableBytes
      note(file, 1)
      young.opened(file)
      return file
    },
    move,
    whole: contents.whole,
    outdate: contents.outdate,
    incomplete: () => [...byKey.values()].filter(isIncomplete),
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
    received(file, receipt) {
      // An array that grows from nothing makes room for 17.
      if (file.receipts.length === 0) file.receipts = [receipt]
      else file.receipts.push(receipt)
      file.tableBytes += RECORD_BYTES
      tableBytes += RECORD_BYTES
    },
    spilled: young.assembling,
    letGo(file) {
      move(file, 'closed')
      letGoBefore = Math.min(letGoBefore, numbers)
    },
    mayBeRest: ({ number }) => number >= letGoBefore,
    youngest: young.youngest,
  }
}

function isIncomplete({ state, damaged, heldFor }: OpenFile): boolean {
  return (state === 'assembling' || state === 'evicted') && !damaged && heldFor === undefined
}
