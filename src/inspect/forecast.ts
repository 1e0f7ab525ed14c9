/** What a group would read of a topic if a run began now: where it would begin, and which files wait. */

import { fileIndex } from '../core/chunks/file-index.ts'
import { fileId } from '../core/chunks/generation.ts'
import { namedChunk } from '../core/chunks/named-chunk.ts'
import { acceptedRecord, fileHash40 } from '../core/offsets/commit-record.ts'
import { type Replay, replay } from '../core/offsets/replay.ts'
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import type { ConsumedRecord } from '../kafka/consumer/consumer.ts'
import type { Refetcher } from '../kafka/refetch/refetch.ts'
import type { Forecast } from '../report/commands/forecast-text.ts'
import { realEdges } from '../run/edges.ts'

export interface ForecastOptions {
  /** Only these paths. */
  readonly files: RegExp | undefined
  /** Milliseconds that it may read. */
  readonly mostMs: number
}

/** Rejects as `Refetcher.read`. */
export async function forecast(
  partitions: readonly AssignedPartition[],
  refetcher: Pick<Refetcher, 'read'>,
  { files, mostMs }: ForecastOptions,
  signal: AbortSignal,
): Promise<Forecast> {
  const replays = new Map<number, Replay>()
  for (const { partition, committed, metadata, start, end } of partitions) {
    const record = committed === undefined ? undefined : acceptedRecord(metadata, committed, end)
    if (record !== undefined && !('refused' in record) && record.position > start)
      replays.set(partition, replay(record))
  }
  const index = fileIndex({ wanted: path => files?.test(path) ?? true, places: false })
  const until = performance.now() + mostMs
  const enough = new AbortController()
  let processed = 0
  let isPartial = false
  try {
    await refetcher.read(
      partitions.map(({ partition, start, end }) => ({ partition, from: start, to: end - 1 })),
      record => {
        if (performance.now() > until) {
          isPartial = true
          enough.abort()
        } else if (isResolved(replays.get(record.partition), record)) processed++
        else index.add(record)
      },
      AbortSignal.any([signal, enough.signal]),
    )
  } catch (error) {
    if (!enough.signal.aborted) throw error
  }
  const all = index.files()
  const whole = all.filter(({ present, chunks }) => present === chunks)
  return {
    records: partitions.reduce((sum, { start, end }) => sum + end - start, 0),
    processed,
    files: whole.length,
    bytes: whole.reduce((sum, file) => sum + file.bytes, 0),
    incomplete: all.length - whole.length,
    undecodable: index.undecodable.count,
    read: index.records + processed,
    isPartial,
  }
}

function isResolved(before: Replay | undefined, { offset, value }: ConsumedRecord): boolean {
  if (before === undefined || offset >= before.end) return false
  const found = namedChunk(value)
  if ('refused' in found) return before.isResolved(offset, undefined)
  const digest = realEdges.digest128(fileId(found.path, found.chunk))
  return before.isResolved(offset, fileHash40(digest)) || before.isFinished(digest)
}
