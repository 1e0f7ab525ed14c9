/**
 * One pass over a topic's records, without a group, to learn which files it has.
 *
 * inspect/ answers `ls`, `get` and `status`: it reads topics and groups and changes neither.
 */
import type { FileIndex } from '../core/chunks/file-index.ts'
import { type Extent, type OffsetRange, offsetsIn } from '../core/offsets/offset-ranges.ts'
import type { StartOffset } from '../core/offsets/start-offset.ts'
import type { Refetcher } from '../kafka/refetch/refetch.ts'

export interface ScanBounds {
  readonly from: StartOffset
  /** Milliseconds since the epoch; records from then on are left out. */
  readonly to: number | undefined
}

export interface ScanProgress {
  /** Offsets that lie behind, of those that are to be read. */
  readonly read: number
  readonly total: number
  readonly bytes: number
}

/**
 * Adds the records within the bounds to `index`, and with `restOfOpen` goes on beyond `to` until no file lacks a chunk
 * or the end is reached. Rejects as `Refetcher.read`.
 */
export async function scanTopic(
  refetcher: Pick<Refetcher, 'read' | 'extents' | 'offsetsAt'>,
  index: FileIndex,
  bounds: ScanBounds & { readonly restOfOpen?: boolean },
  signal: AbortSignal,
  onProgress: (progress: ScanProgress) => void = () => {},
): Promise<void> {
  const extents = await refetcher.extents()
  const ranges = await within(refetcher, extents, bounds)
  const total = offsetsIn(ranges)
  let read = 0
  const positions = new Map(ranges.map(({ partition, from }) => [partition, from]))
  for (const [partition, { low, high }] of extents)
    if (low === high || positions.get(partition) === low) index.begin(partition, low)
  const progress = { read: 0, total, bytes: 0 }
  const add = (record: Parameters<FileIndex['add']>[0]) => {
    index.add(record)
    read += Math.max(0, record.offset + 1 - (positions.get(record.partition) ?? record.offset))
    positions.set(record.partition, record.offset + 1)
    Object.assign(progress, { read, bytes: index.recordBytes })
    onProgress(progress)
  }
  await refetcher.read(ranges, add, signal)
  if (bounds.restOfOpen !== true || bounds.to === undefined || index.open === 0) return

  const enough = new AbortController()
  const beyond = await within(refetcher, extents, { from: { time: bounds.to }, to: undefined })
  try {
    await refetcher.read(
      beyond,
      record => {
        index.addRest(record)
        if (index.open === 0) enough.abort()
      },
      AbortSignal.any([signal, enough.signal]),
    )
  } catch (error) {
    if (!enough.signal.aborted) throw error
  }
}

async function within(
  { offsetsAt }: Pick<Refetcher, 'offsetsAt'>,
  extents: ReadonlyMap<number, Extent>,
  { from, to }: ScanBounds,
): Promise<OffsetRange[]> {
  const starts = typeof from === 'object' ? await offsetsAt(from.time) : undefined
  const ends = to === undefined ? undefined : await offsetsAt(to)
  return [...extents].flatMap(([partition, { low, high }]) => {
    const first = from === 'earliest' ? low : (starts?.get(partition) ?? high)
    const last = (ends?.get(partition) ?? high) - 1
    return first <= last ? [{ partition, from: first, to: last }] : []
  })
}
