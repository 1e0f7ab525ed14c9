/** Records read again by reference, beside the consumer and without its group: a second client that is given offsets. */
import type RdKafka from '@confluentinc/kafka-javascript'
import type { Extent, OffsetRange } from '../../core/offsets/offset-ranges.ts'
import { disconnected } from '../ask/admin.ts'
import { bareClient } from '../ask/bare-client.ts'
import { pollsBriefly } from '../consume.ts'
import type { ConsumedRecord } from '../consumer/consumer.ts'
import {
  extents,
  openTransactions,
  type RecordFrame,
  readRanges,
  startsAt,
  unlessAborted,
} from './read-ranges.ts'

export interface RefetchOptions {
  readonly topic: string
  readonly properties: Readonly<Record<string, string>>
}

export interface Refetcher {
  /**
   * Hands over the records that lie in `ranges`, in order within a partition; waits for a promise of `onRecord`.
   * `missing`: what the topic has no longer, or never had; single offsets without a record are not missing.
   * `frame` gives the rest of the record. Rejects with a DfspError, or with the reason of `signal`. A second read waits
   * until the first has ended.
   */
  read(
    ranges: readonly OffsetRange[],
    onRecord: (record: ConsumedRecord, frame: () => RecordFrame) => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<{ readonly missing: readonly OffsetRange[] }>
  /** What the topic has at present, by partition. */
  extents(): Promise<ReadonlyMap<number, Extent>>
  /** What cannot be read yet, a line for each partition where that is so. */
  openTransactions(): Promise<readonly string[]>
  /** Where records begin that are as young as `time` (ms since the epoch); without a partition that has none. */
  offsetsAt(time: number): Promise<ReadonlyMap<number, number>>
  /** A connection that is still being made is not waited for. */
  close(): Promise<void>
}

/** Connects when first read from. */
export function openRefetcher(options: RefetchOptions): Refetcher {
  let opening: Promise<RdKafka.KafkaConsumer> | undefined
  let opened: RdKafka.KafkaConsumer | undefined
  let isClosed = false
  let reading: Promise<unknown> = Promise.resolve()
  const client = () => {
    opening ??= connected(options).then(
      client => {
        opened = client
        if (isClosed) void disconnected(client)
        return client
      },
      error => {
        opening = undefined
        throw error
      },
    )
    return opening
  }
  return {
    read(ranges, onRecord, signal) {
      const read = reading.then(async () => {
        const reader = { client: await unlessAborted(client(), signal), ...options }
        return await readRanges(reader, ranges, onRecord, signal)
      })
      reading = read.catch(() => {})
      return read
    },
    extents: async () => await extents({ client: await client(), ...options }),
    openTransactions: async () => await openTransactions({ client: await client(), ...options }),
    offsetsAt: async time => await startsAt({ client: await client(), ...options }, time),
    async close() {
      isClosed = true
      await reading
      const client = opened
      if (client) await disconnected(client)
    },
  }
}

async function connected({ properties }: RefetchOptions): Promise<RdKafka.KafkaConsumer> {
  const client = await bareClient(properties, {
    default: { 'receive.message.max.bytes': 1_000_000_000 },
    fixed: {
      'queued.max.messages.kbytes': 16 * 1024,
      // What is asked for is there; a fetch that waits for more at one partition's end keeps the others waiting.
      'fetch.wait.max.ms': 5,
      'fetch.queue.backoff.ms': 10,
      'enable.partition.eof': true,
    },
  })
  pollsBriefly(client)
  return client
}
