/**
 * The files that are open: received in part or whole, and not yet done.
 *
 * A file's states:
 * - `assembling`: chunks are missing;
 * - `queued`: whole, waits for a thread;
 * - `running`: a thread verifies or processes it;
 * - `waiting`: an attempt failed, the next comes after a delay;
 * - `held`: given up for this run, its offsets stay unresolved, its bytes are released;
 * - `closed`: resolved, or dropped with the epoch of one of its partitions. No longer in the table.
 */
import { type Assembly, assembly } from '../core/assembly.ts'
import type { Chunk } from '../core/chunk.ts'
import type { FileId } from '../core/generation.ts'
import type { Receipt } from '../core/ledger.ts'
import type { StoredFile } from '../files/store.ts'

export type FileState = 'assembling' | 'queued' | 'running' | 'waiting' | 'held' | 'closed'

const NEXT: Readonly<Record<FileState, readonly FileState[]>> = {
  assembling: ['queued', 'held', 'closed'],
  queued: ['running', 'closed'],
  running: ['assembling', 'waiting', 'held', 'closed'],
  waiting: ['queued', 'closed'],
  held: ['closed'],
  closed: [],
}

export interface OpenFile {
  /** The ledger's owner number. */
  readonly number: number
  readonly id: FileId
  readonly path: string
  readonly fileHash: Uint8Array
  readonly mtime: number
  readonly assembly: Assembly
  readonly stored: StoredFile
  readonly receipts: Receipt[]
  /** Lowest and highest offset of its records, by partition. */
  readonly offsets: Map<number, [number, number]>
  readonly state: FileState
  /** Size in bytes once it is whole, else 0. */
  size: number
  attempts: number
  /** Milliseconds at the last new chunk, by the clock that stands still while there is more to read. */
  lastProgress: number
  /** Chunks were bad in themselves and went missing again: a later copy is checked before it is taken. */
  damaged: boolean
  /** It was reported as incomplete. */
  reportedIncomplete: boolean
  /** A newer content of the same path was processed while this one was incomplete. */
  superseded: boolean
}

export interface OpenFiles {
  readonly byId: ReadonlyMap<FileId, OpenFile>
  open(id: FileId, path: string, chunk: Chunk, stored: StoredFile, now: number): OpenFile
  move(file: OpenFile, to: FileState): void
  count(state: FileState): number
}

export function openFiles(): OpenFiles {
  const byId = new Map<FileId, OpenFile>()
  const counts: Record<FileState, number> = {
    assembling: 0,
    queued: 0,
    running: 0,
    waiting: 0,
    held: 0,
    closed: 0,
  }
  let numbers = 0
  return {
    byId,
    open(id, path, chunk, stored, now) {
      const file: OpenFile = {
        number: numbers++,
        id,
        path,
        // A copy: the chunk is a view of its record, which must not outlive it.
        fileHash: Uint8Array.from(chunk.fileHash),
        mtime: chunk.mtime,
        assembly: assembly(chunk.total),
        stored,
        receipts: [],
        offsets: new Map(),
        state: 'assembling',
        size: 0,
        attempts: 0,
        lastProgress: now,
        damaged: false,
        reportedIncomplete: false,
        superseded: false,
      }
      byId.set(id, file)
      counts.assembling++
      return file
    },
    move(file, to) {
      if (!NEXT[file.state].includes(to))
        throw new Error(`${file.path} cannot go from ${file.state} to ${to}`)
      counts[file.state]--
      counts[to]++
      ;(file as { state: FileState }).state = to
      if (to === 'closed') byId.delete(file.id)
    },
    count: state => counts[state],
  }
}
