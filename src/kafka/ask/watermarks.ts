/** Where partitions begin and end, and up to where they can be read. */

import type { Client } from '../addon.ts'
import { type ClientError, ERR } from '../client-error.ts'
import type { Isolation } from '../properties.ts'
import { ask, type ListedOffset, TIMEOUT_MS } from './admin.ts'
import { sentAt } from './sent-at.ts'

export interface Watermarks {
  /** Offset of the oldest record. */
  readonly low: number
  /** Up to where can be read: offset of the record to come next, or of the first one of an open transaction. */
  readonly high: number
  /** Offset of the record to come next. */
  readonly last: number
  /** When the first record of an open transaction was sent, in milliseconds since the epoch. */
  readonly openSince?: number | undefined
}

/** The longest that brokers let a transaction be, unless they are told otherwise: then they end it themselves. */
const BROKER_ENDS_MS = 15 * 60_000

/** What a reader has to know of an open transaction; undefined where there is none. */
export function openTransaction(
  topic: string,
  partition: number,
  { high, last, openSince }: Watermarks,
): string | undefined {
  const count = last - high
  if (count <= 0) return undefined
  const records = count === 1 ? '1 record' : `${count} records`
  const since = openSince === undefined ? '' : ` since ${new Date(openSince).toISOString().slice(0, 19)}Z`
  const isOld = openSince !== undefined && Date.now() - openSince > BROKER_ENDS_MS
  const next = isOld
    ? `; if that one is gone: kafka-transactions.sh --bootstrap-server HOST abort --topic ${topic} --partition ${partition} --start-offset ${high}`
    : ''
  return `${records} of ${topic}[${partition}] wait for a transaction that is open${since}: from offset ${high} on nothing can be read until its producer or the broker ends it${next}`
}

/** By partition: the first record of its open transaction, and when that was sent where it is known. */
export type FirstOpen = Map<number, { readonly offset: number; readonly since: number | undefined }>

/**
 * Watermarks of many partitions, in a few requests for each of their brokers; rejects where one of them has none at
 * present. With `read_committed` the end lies before the first record of an open transaction;
 * when that was sent is asked once where `firstOpen` is kept.
 */
export async function watermarks(
  client: Client,
  topic: string,
  partitions: readonly number[],
  isolation: Isolation,
  firstOpen: FirstOpen = new Map(),
): Promise<Map<number, Watermarks>> {
  if (partitions.length === 0) return new Map()
  const listed = (times: Iterable<readonly [partition: number, timestamp: number]>, level: Isolation) =>
    ask<ListedOffset[]>(client, (admin, done) =>
      admin.listOffsets(
        Array.from(times, ([partition, timestamp]) => ({ topic, partition, offset: { timestamp } })),
        { timeout: TIMEOUT_MS, isolationLevel: level === 'read_committed' ? 1 : 0 },
        done,
      ),
    )
  const offsetsAt = (timestamp: number, level: Isolation) =>
    listed(
      partitions.map(partition => [partition, timestamp]),
      level,
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
  await addOpenSince(marks, firstOpen, times => listed(times, 'read_uncommitted'))
  return marks
}

async function addOpenSince(
  marks: Map<number, Watermarks>,
  firstOpen: FirstOpen,
  firstSince: Parameters<typeof sentAt>[1],
): Promise<void> {
  const open = [...marks].filter(([, { high, last }]) => last > high)
  const unknown = open.filter(([partition, { high }]) => firstOpen.get(partition)?.offset !== high)
  const offsets = new Map(unknown.map(([partition, { high }]) => [partition, high]))
  const sent = await sentAt(offsets, firstSince, Date.now())
  for (const [partition, offset] of offsets) firstOpen.set(partition, { offset, since: sent.get(partition) })
  for (const [partition, at] of open)
    marks.set(partition, { ...at, openSince: firstOpen.get(partition)?.since })
}

const UNANSWERED: ClientError = { code: ERR.TIMED_OUT, message: 'no answer for some partitions' }

/** OffsetSpec of the binding. */
const EARLIEST = -2
const LATEST = -1
