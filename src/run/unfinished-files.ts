/** The files that a group has left unfinished: held, failed or incomplete, as its last commit tells them. */
import type { Chunk } from '../core/chunk.ts'
import { decodeChunk } from '../core/chunk-codec.ts'
import { acceptedRecord, fileHash40 } from '../core/commit-record.ts'
import { fileId } from '../core/generation.ts'
import { type OffsetRange, offsetRanges } from '../core/offset-ranges.ts'
import { relativePath } from '../core/output-path.ts'
import { type Replay, replay } from '../core/replay.ts'
import type { AssignedPartition } from '../kafka/assignment.ts'
import type { ConsumedRecord } from '../kafka/consumer.ts'
import type { Refetcher } from '../kafka/refetch.ts'
import type { UnfinishedFile } from '../report/unfinished-text.ts'
import { realEdges } from './edges.ts'

export interface Unfinished {
  readonly files: readonly UnfinishedFile[]
  /** Records that are no chunks. */
  readonly records: number
  /** Records of these files and those that are no chunks, as far as the last commit speaks of them. */
  readonly unresolved: number
  /** There was more to read than was allowed: files may be missing, or chunks of them. */
  readonly isPartial: boolean
  /** Up to where those files reach, by partition. */
  readonly goals: ReadonlyMap<number, number>
}

interface Found {
  readonly path: string
  readonly chunks: number
  readonly attempts: number
  readonly places: { readonly partition: number; readonly offset: number }[]
  readonly indexes: Set<number>
  bytes: number
  sentAt: number
}

/**
 * Reads what lies above the committed offsets, as far as the last commit speaks of it, and for files that lack chunks
 * what lies above that; `mostRecords` at most. Rejects as `Refetcher.read`.
 */
export async function unfinishedFiles(
  partitions: readonly AssignedPartition[],
  refetcher: Pick<Refetcher, 'read'>,
  signal: AbortSignal,
  mostRecords = Number.POSITIVE_INFINITY,
): Promise<Unfinished> {
  const replays = new Map<number, Replay>()
  const goals = new Map<number, number>()
  const attempts = new Map<number, number>()
  const goalOf = (partition: number) => goals.get(partition) as number
  for (const { partition, start, committed, metadata, end } of partitions) {
    goals.set(partition, start)
    const record = committed === undefined ? undefined : acceptedRecord(metadata, committed, end)
    if (record === undefined || 'refused' in record || record.position <= start) continue
    goals.set(partition, record.position)
    replays.set(partition, replay(record))
    for (const [hash, count] of record.attempts) attempts.set(hash, Math.max(count, attempts.get(hash) ?? 0))
  }
  const files = new Map<string, Found>()
  let records = 0
  let unresolved = 0
  let seen = 0
  let isPartial = false
  /** Ends when `enough` fires, or after so many records as are allowed. */
  async function readSome(
    ranges: readonly OffsetRange[],
    onRecord: (record: ConsumedRecord) => void,
    enough = new AbortController(),
  ): Promise<void> {
    try {
      await refetcher.read(
        ranges,
        record => {
          if (++seen > mostRecords) {
            isPartial = true
            enough.abort()
          } else onRecord(record)
        },
        AbortSignal.any([signal, enough.signal]),
      )
    } catch (error) {
      if (!enough.signal.aborted) throw error
    }
  }
  await readSome(
    partitions.flatMap(({ partition, start }) => {
      const stretches = replays.get(partition)?.rest(start).stretches ?? [[start, goalOf(partition)] as const]
      return stretches.map(([from, end]) => ({ partition, from, to: end - 1 }))
    }),
    ({ partition, offset, timestamp, value }) => {
      if (value === null || value.length === 0) return
      const before = replays.get(partition) as Replay
      const named = namedChunk(value)
      if (named === undefined) {
        if (before.isResolved(offset, undefined)) return
        records++
        unresolved++
        return
      }
      const digest = realEdges.digest128(named.id)
      const hash = fileHash40(digest)
      if (before.isResolved(offset, hash) || before.isFinished(digest)) return
      const { path, chunk } = named
      const file = files.get(named.id) ?? {
        path,
        chunks: chunk.total,
        attempts: attempts.get(hash) ?? 0,
        places: [],
        indexes: new Set<number>(),
        bytes: 0,
        sentAt: timestamp,
      }
      files.set(named.id, file)
      unresolved++
      add(file, chunk, { partition, offset, timestamp })
    },
  )

  // A commit is behind what was read; the rest of a file that it names lies above.
  const open = new Set([...files].filter(([, file]) => !isWhole(file)).map(([id]) => id))
  if (open.size > 0 && !isPartial) {
    const enough = new AbortController()
    await readSome(
      partitions.map(({ partition, end }) => ({ partition, from: goalOf(partition), to: end - 1 })),
      ({ partition, offset, timestamp, value }) => {
        const named = value === null ? undefined : namedChunk(value)
        const file = named && open.has(named.id) ? files.get(named.id) : undefined
        if (named === undefined || file === undefined) return
        add(file, named.chunk, { partition, offset, timestamp })
        goals.set(partition, offset + 1)
        if (isWhole(file)) open.delete(named.id)
        if (open.size === 0) enough.abort()
      },
      enough,
    )
  }
  const told = [...files.values()].map(toldOf).sort((a, b) => (a.path < b.path ? -1 : 1))
  return { files: told, records, unresolved, isPartial, goals }
}

function namedChunk(value: Uint8Array) {
  const chunk = decodeChunk(value)
  if (chunk.kind !== 'chunk') return undefined
  const named = relativePath(chunk.subdir, chunk.filename, chunk.append)
  return 'path' in named ? { chunk, path: named.path, id: fileId(named.path, chunk) } : undefined
}

function add(
  file: Found,
  chunk: Chunk,
  { partition, offset, timestamp }: Pick<ConsumedRecord, 'partition' | 'offset' | 'timestamp'>,
): void {
  file.places.push({ partition, offset })
  file.sentAt = Math.min(file.sentAt, timestamp)
  if (file.indexes.has(chunk.index)) return
  file.indexes.add(chunk.index)
  file.bytes += chunk.data.length
}

function isWhole({ indexes, chunks }: Found): boolean {
  return indexes.size === chunks
}

function toldOf({ path, chunks, attempts, places, indexes, bytes, sentAt }: Found): UnfinishedFile {
  return { path, chunks, present: indexes.size, bytes, attempts, ranges: offsetRanges(places), sentAt }
}
