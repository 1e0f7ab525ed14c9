/** Turns one consume() result into records to hand on: those of partitions that were read when the call began, in order. */
import type RdKafka from '@confluentinc/kafka-javascript'
import type { Owned } from './owned.ts'
import type { PartitionEnd } from './read-loop.ts'

export interface ConsumedRecord {
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly value: Buffer | null
  /** Only where they were asked for; of those with one name the last. */
  readonly headers?: ReadonlyMap<string, Uint8Array>
}

export interface DeliveryDeps {
  readonly withHeaders: boolean
  readonly owned: Pick<Owned, 'readSince'>
  onRecords(records: readonly ConsumedRecord[]): void
  onPartitionEnd(partition: number, offset: number): void
  /** An offset came again: the log is another one. Nothing of the batch was handed on. */
  onWentBack(partition: number, from: number, to: number): void
  /** Something came: the broker answers. */
  onAlive(): void
  now(): number
}

/**
 * Messages that were in a running call when their partition was revoked arrive after the revocation, and where the
 * partition came back, before its replay: only what was owned since before the call began counts.
 */
export function delivery(deps: DeliveryDeps) {
  return (messages: readonly RdKafka.Message[], ends: readonly PartitionEnd[], turn: number): void => {
    const { owned } = deps
    const since = deps.now()
    const records: ConsumedRecord[] = []
    for (const { partition, offset, timestamp, value, headers } of messages) {
      const position = owned.readSince(turn, partition)
      if (!position) continue
      if (offset < position.next) return deps.onWentBack(partition, position.next, offset)
      position.next = offset + 1
      position.since = since
      const record = { partition, offset, timestamp: timestamp ?? 0, value }
      records.push(deps.withHeaders ? { ...record, headers: headersOf(headers) } : record)
    }
    const counted = ends.filter(({ partition }) => owned.readSince(turn, partition) !== undefined)
    if (records.length + counted.length > 0) deps.onAlive()
    if (records.length > 0) deps.onRecords(records)
    for (const { partition, offset } of counted) {
      const position = owned.readSince(turn, partition)
      if (!position || offset < position.next) continue
      position.next = offset
      position.since = since
      position.endedAt = since
      deps.onPartitionEnd(partition, offset)
    }
  }
}

function headersOf(list: RdKafka.MessageHeader[] = []): ReadonlyMap<string, Uint8Array> {
  return new Map(
    list.flatMap(header =>
      Object.entries(header).map(([name, value]) => [name, Buffer.from(value)] as const),
    ),
  )
}
