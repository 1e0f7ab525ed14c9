/**
 * The files that a group has left unfinished: held, failed or incomplete, as its last commit tells them, and beyond that
 * those of which chunks are missing.
 */
import type { Chunk } from '../core/chunks/chunk.ts'
import { isCutFile, logBegins } from '../core/chunks/cut-file.ts'
import { type FileId, fileId } from '../core/chunks/generation.ts'
import { type NamedChunk, namedChunk } from '../core/chunks/named-chunk.ts'
import { acceptedRecord, fileHash40 } from '../core/offsets/commit-record.ts'
import { OffsetRuns, offsetsIn } from '../core/offsets/offset-ranges.ts'
import { type Replay, replay } from '../core/offsets/replay.ts'
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import type { ConsumedRecord } from '../kafka/consumer/consumer.ts'
import type { Refetcher } from '../kafka/refetch/refetch.ts'
import type { UnfinishedFile } from '../report/commands/unfinished-text.ts'
import { realEdges } from '../run/edges.ts'
import { boundedRead } from './bounded-read.ts'

export interface Unfinished {
  readonly files: readonly LeftFile[]
  /** Records that are no chunks. */
  readonly records: number
  /** Records of these files and those that are no chunks, as far as the last commit speaks of them. */
  readonly unresolved: number
  /** There was more to read than was allowed: files may be missing, or chunks of them. */
  readonly isPartial: boolean
  /** Records that no commit speaks of, and that were too many to look for incomplete files among them. */
  readonly unread: number
  /** Up to where the files reach of which the commits speak, by partition. */
  readonly goals: ReadonlyMap<number, number>
}

export interface LeftFile extends UnfinishedFile {
  readonly id: FileId
}

/** What may be read. */
export interface ReadLimits {
  readonly records: number
  readonly ms: number
  /** With no more records than this above what the commits speak of, files that lack chunks are looked for there, too. */
  readonly beyond: number
}

export const NO_LIMIT: ReadLimits = {
  records: Number.POSITIVE_INFINITY,
  ms: Number.POSITIVE_INFINITY,
  beyond: 0,
}

interface Found {
  readonly id: FileId
  readonly path: string
  readonly chunks: number
  readonly attempts: number
  readonly runs: OffsetRuns
  readonly indexes: Set<number>
  highest: number
  bytes: number
  sentAt: number
  lastSentAt: number
}

/**
 * Reads what lies above the committed offsets, as far as the last commit speaks of it, and for files that lack chunks
 * what lies above that. Rejects as `Refetcher.read`.
 */
export async function unfinishedFiles(
  partitions: readonly AssignedPartition[],
  refetcher: Pick<Refetcher, 'read'>,
  signal: AbortSignal,
  limits: ReadLimits = NO_LIMIT,
): Promise<Unfinished> {
  const { replays, goals, attempts, finished } = committedIn(partitions)
  const begins = logBegins()
  for (const { partition, start, low = 0 } of partitions) if (start === low) begins.add(partition, low)
  const goalOf = (partition: number) => goals.get(partition) as number
  const files = new Map<FileId, Found>()
  let records = 0
  let unresolved = 0
  const topic = boundedRead(refetcher, limits, signal)
  await topic.read(
    partitions.flatMap(({ partition, start }) => {
      const stretches = replays.get(partition)?.rest(start).stretches ?? [[start, goalOf(partition)] as const]
      return stretches.map(([from, end]) => ({ partition, from, to: end - 1 }))
    }),
    record => {
      begins.read(record)
      const { partition, offset, value } = record
      if (value === null || value.length === 0) return
      const before = replays.get(partition) as Replay
      const named = namedChunk(value)
      if ('refused' in named) {
        if (before.isResolved(offset, undefined)) return
        records++
        unresolved++
        return
      }
      const id = fileId(named.path, named.chunk)
      const digest = realEdges.digest128(id)
      const hash = fileHash40(digest)
      if (before.isResolved(offset, hash) || before.isFinished(digest)) return
      unresolved++
      add(fileOf(files, id, named, attempts.get(hash) ?? 0), named.chunk, record)
    },
  )

  // A commit is behind what was read; the rest of a file that it names lies above, and so may all of a further one.
  const open = new Set([...files].filter(([, file]) => !isWhole(file)).map(([id]) => id))
  const beyond = partitions.map(({ partition, end }) => ({ partition, from: goalOf(partition), to: end - 1 }))
  const waiting = offsetsIn(beyond)
  const looksForMore = waiting <= Math.min(limits.beyond, limits.records - topic.seen)
  const further = new Map<FileId, Found>()
  if (!topic.isPartial && (open.size > 0 || (looksForMore && waiting > 0))) {
    const enough = new AbortController()
    await topic.read(
      beyond,
      record => {
        begins.read(record)
        const { partition, offset, value } = record
        const named = namedChunk(value)
        if ('refused' in named) return
        const id = fileId(named.path, named.chunk)
        const file = files.get(id)
        if (file === undefined) {
          if (looksForMore && !finished.has(realEdges.digest128(id)))
            add(fileOf(further, id, named, 0), named.chunk, record)
          return
        }
        if (!open.has(id)) return
        add(file, named.chunk, record)
        goals.set(partition, offset + 1)
        if (isWhole(file)) open.delete(id)
        if (open.size === 0 && !looksForMore) enough.abort()
      },
      enough,
    )
  }
  // Those that are whole only wait for their turn.
  const { isPartial } = topic
  const incomplete = isPartial ? [] : [...further.values()].filter(file => !isWhole(file))
  const told = [...files.values(), ...incomplete]
    .map(file => toldOf(file, begins.times()))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
  return {
    ...{ files: told, records, unresolved, isPartial, goals },
    unread: looksForMore ? 0 : waiting,
  }
}

/** What the last commits say: by partition what is resolved, and up to where they speak; by hash and digest of files. */
function committedIn(partitions: readonly AssignedPartition[]) {
  const replays = new Map<number, Replay>()
  const goals = new Map<number, number>()
  const attempts = new Map<number, number>()
  const finished = new Set<string>()
  for (const { partition, start, committed, metadata, end } of partitions) {
    goals.set(partition, start)
    const record = committed === undefined ? undefined : acceptedRecord(metadata, committed, end)
    if (record === undefined || 'refused' in record) continue
    for (const digest of record.finished) finished.add(digest)
    if (record.position <= start) continue
    goals.set(partition, record.position)
    replays.set(partition, replay(record))
    for (const [hash, count] of record.attempts) attempts.set(hash, Math.max(count, attempts.get(hash) ?? 0))
  }
  return { replays, goals, attempts, finished }
}

function fileOf(files: Map<FileId, Found>, id: FileId, { path, chunk }: NamedChunk, attempts: number): Found {
  const known = files.get(id)
  if (known !== undefined) return known
  const file: Found = {
    ...{ id, path, chunks: chunk.total, attempts, runs: new OffsetRuns(), indexes: new Set() },
    ...{ highest: 0, bytes: 0, sentAt: Number.POSITIVE_INFINITY, lastSentAt: Number.NEGATIVE_INFINITY },
  }
  files.set(id, file)
  return file
}

function add(
  file: Found,
  chunk: Chunk,
  { partition, offset, timestamp }: Pick<ConsumedRecord, 'partition' | 'offset' | 'timestamp'>,
): void {
  file.runs.add(partition, offset)
  file.sentAt = Math.min(file.sentAt, timestamp)
  file.lastSentAt = Math.max(file.lastSentAt, timestamp)
  if (file.indexes.has(chunk.index)) return
  file.indexes.add(chunk.index)
  file.highest = Math.max(file.highest, chunk.index)
  file.bytes += chunk.data.length
}

function isWhole({ indexes, chunks }: Found): boolean {
  return indexes.size === chunks
}

function toldOf(file: Found, begins: Iterable<number>): LeftFile {
  const { id, path, chunks, attempts, runs, indexes, highest, bytes, sentAt, lastSentAt } = file
  const present = indexes.size
  const part = { chunks, present, highest, firstSent: sentAt, wasWhole: attempts > 0 }
  return {
    ...{ id, path, chunks, present, bytes, attempts, ranges: runs.ranges(), sentAt, lastSentAt },
    isCut: isCutFile(part, begins),
  }
}
