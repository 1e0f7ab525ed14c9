/** Where partitions begin and end, and up to where they can be read. */

import type { Client } from '../addon.ts'
import { type ClientError, ERR } from '../client-error.ts'
import type { Isolation } from '../properties.ts'
import { ask, type ListedOffset, TIMEOUT_MS } from './admin.ts'

export interface Watermarks {
  /** Offset of the oldest record. */
  readonly low: number
  /** Up to where can be read: offset of the record to come next, or of the first one of an open transaction. */
  readonly high: number
  /** Offset of the record to come next. */
  readonly last: number
}

/** What a reader has to know of an open transaction; undefined where there is none. */
export function openTransaction(topic: string, partition: number, marks: Watermarks): string | undefined {
  const count = marks.last - marks.high
  if (count <= 0) return undefined
  const records = count === 1 ? '1 record' : `${count} records`
  return `${records} of ${topic}[${partition}] wait for a transaction that is open: from offset ${marks.high} on nothing can be read until its producer or the broker ends it`
}

/**
 * Watermarks of many partitions, in a few requests for each of their brokers; rejects where one of them has none at
 * present. With `read_committed` the end lies before the first record of an open transaction.
 */
export async function watermarks(
  client: Client,
  topic: string,
  partitions: readonly number[],
  isolation: Isolation,
): Promise<Map<number, Watermarks>> {
  if (partitions.length === 0) return new Map()
  const offsetsAt = (timestamp: number, level: Isolation) =>
    ask<ListedOffset[]>(client, (admin, done) =>
      admin.listOffsets(
        partitions.map(partition => ({ topic, partition, offset: { timestamp } })),
        { timeout: TIMEOUT_MS, isolationLevel: level === 'read_committed' ? 1 : 0 },
        done,
      ),
    )
  // One after the other: what was there before, and cannot be read now, is of a transaction.
  const bothEnds = async () => {
    const lasts = await offsetsAt(LATEST, 'read_uncommitted')
    return [lasts, isolation === 'read_uncommitted' ? lasts : await offsetsAt(LATEST, isolation)] as const
  }
  const [lows, [lasts, highs]] = await Promise.all([offsetsAt(EARLIEST, isolation), bothEnds()])
  for (const { error } of [...lows, ...lasts, ...highs]) if (error) throw error
  const byPartition = (found: readonly ListedOffset[]) =>
    new Map(found.map(({ partition, offset }) => [partition, offset]))
  const ends = byPartition(highs)
  const last = byPartition(lasts)
  const marks = new Map<number, Watermarks>()
  for (const { partition, offset: low } of lows) {
    const high = ends.get(partition) ?? -1
    // Negative: not answered, as while the client closes.
    if (low < 0 || high < low) throw UNANSWERED
    marks.set(partition, { low, high, last: Math.max(high, last.get(partition) ?? high) })
  }
  if (marks.size < partitions.length) throw UNANSWERED
  return marks
}

const UNANSWERED: ClientError = { code: ERR.TIMED_OUT, message: 'no answer for some partitions' }

/** OffsetSpec of the binding. */
const EARLIEST = -2
const LATEST = -1
