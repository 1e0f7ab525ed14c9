/**
 * Reads given ranges of offsets, in rounds: each assigns one stretch of each partition (see core/offsets/stretches.ts) and ends
 * when every partition is past its own, by a record at or beyond its last offset, or by the end of the partition, since the last offsets
 * may hold no record (compaction, transaction markers). No call of consume is outstanding while a round is assigned,
 * so that nothing of an earlier one comes late.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../../base/errors.ts'
import { clip, common, joined, type OffsetRange, sortedRanges } from '../../core/offsets/offset-ranges.ts'
import { mostGap, stretches } from '../../core/offsets/stretches.ts'
import { listText } from '../../core/text/list-text.ts'
import { topicPartitions } from '../ask/topic.ts'
import { openTransaction, type Watermarks, watermarks } from '../ask/watermarks.ts'
import { type ClientError, ERR } from '../client-error.ts'
import { consume, FIRST_BYTES, meanWith } from '../consume.ts'
import { offsetsAt } from '../consumer/assignment.ts'
import type { ConsumedRecord } from '../consumer/consumer.ts'
import { explain } from '../explain.ts'
import { plainDetail } from '../failures.ts'
import { loginOf } from '../login.ts'
import { isolationOf } from '../properties.ts'

/** A client without a group, what it reads from, and as whom. */
export interface Reader {
  readonly client: RdKafka.KafkaConsumer
  readonly topic: string
  readonly properties: Readonly<Record<string, string>>
}

/** What a record has beside its value. */
export interface RecordFrame {
  readonly key: Buffer | null
  readonly headers: readonly (readonly [name: string, value: Buffer])[]
}

const STALL_MS = 60_000
const ERROR_WAIT_MS = 100

/** See `Refetcher.read`. Nothing is assigned to the client afterwards. */
export async function readRanges(
  reader: Reader,
  ranges: readonly OffsetRange[],
  onRecord: (record: ConsumedRecord, frame: () => RecordFrame) => void | Promise<void>,
  signal: AbortSignal,
): Promise<{ missing: OffsetRange[] }> {
  signal.throwIfAborted()
  const wanted = joined(sortedRanges(ranges), 0)
  const before = clip(wanted, await unlessAborted(extents(reader), signal))
  const passed: OffsetRange[] = []
  const next = stretches(before.inside)
  const isWanted = finder(before.inside)
  let meanBytes = 0
  try {
    for (;;) {
      const round = next(mostGap(meanBytes))
      if (round.length === 0) break
      meanBytes = await readRound(reader, round, meanBytes, {
        signal,
        onPassed: range => passed.push(range),
        onRecord: (record, frame) => (isWanted(record) ? onRecord(record, frame) : undefined),
      })
    }
  } finally {
    reader.client.unassign()
  }
  // Records that were deleted while they were read: what was passed over lies below the beginning of the log now.
  const lost = passed.length === 0 ? [] : clip(passed, await unlessAborted(extents(reader), signal)).outside
  const gone = common(before.inside, joined(sortedRanges(lost), 0))
  return { missing: joined(sortedRanges([...before.outside, ...gone]), 0) }
}

/** The answer, or the reason of the signal if that fires first: a silent broker is not waited for. */
export function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    void answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** See `Refetcher.offsetsAt`. */
export async function startsAt(
  { client, topic, properties }: Reader,
  time: number,
): Promise<ReadonlyMap<number, number>> {
  const login = loginOf(properties)
  const partitions = await topicPartitions(client, topic, login)
  return await offsetsAt(client, topic, partitions, time).catch(error => {
    throw explain(error as ClientError, { topic, login, doing: 'read offsets' })
  })
}

/** See `Refetcher.openTransactions`. */
export async function openTransactions(reader: Reader): Promise<string[]> {
  const found = [...(await extents(reader))]
  return found.flatMap(([partition, marks]) => openTransaction(reader.topic, partition, marks) ?? [])
}

/** See `Refetcher.extents`. */
export async function extents({
  client,
  topic,
  properties,
}: Reader): Promise<ReadonlyMap<number, Watermarks>> {
  const login = loginOf(properties)
  const partitions = await topicPartitions(client, topic, login)
  try {
    return await watermarks(client, topic, partitions, isolationOf(properties))
  } catch (error) {
    throw explain(error as ClientError, { topic, login, doing: 'read offsets' })
  }
}

interface RoundHandlers {
  readonly signal: AbortSignal
  onRecord(record: ConsumedRecord, frame: () => RecordFrame): void | Promise<void>
  /** Offsets of a stretch that were passed over without a record. */
  onPassed(range: OffsetRange): void
}

/** `meanBytes` is the size of a record as was seen so far, 0 at first; returns what it is then. */
async function readRound(
  { client, topic, properties }: Reader,
  round: readonly OffsetRange[],
  meanBytes: number,
  { signal, onRecord, onPassed }: RoundHandlers,
): Promise<number> {
  const login = loginOf(properties)
  const open = new Map(round.map(({ partition, from, to }) => [partition, { position: from, to }]))
  let mean = meanBytes
  let detail = 'no record came'
  let progress = performance.now()

  const pass = (partition: number, offset: number) => {
    const stretch = open.get(partition)
    if (!stretch || offset < stretch.position) return
    progress = performance.now()
    const end = Math.min(offset - 1, stretch.to)
    if (end >= stretch.position) onPassed({ partition, from: stretch.position, to: end })
    stretch.position = offset
    if (offset > stretch.to) open.delete(partition)
  }
  const onEnd = ({ partition }: { partition: number }) => ends.push(partition)
  const onError = (error: ClientError) => {
    detail = plainDetail(error.message)
  }
  /** Held back by a quota: that is slow, and no halt. */
  const onThrottle = ({ throttleTime }: { throttleTime: number }) => {
    progress = Math.max(progress, performance.now() + throttleTime)
  }
  let ends: number[] = []
  client.on('partition.eof', onEnd)
  client.on('event.error', onError)
  client.on('event.throttle', onThrottle)
  try {
    client.assign(round.map(({ partition, from }) => ({ topic, partition, offset: from })))
    while (open.size > 0) {
      signal.throwIfAborted()
      if (performance.now() - progress > STALL_MS)
        throw new DfspError('E_KAFKA', `reading ${topic} again came to a halt`, {
          facts: [
            `${detail} for ${STALL_MS / 1_000} s`,
            `at ${listText([...open].map(([p, { position }]) => `[${p}]@${position}`))}`,
          ],
        })
      let messages: RdKafka.Message[] = []
      try {
        messages = await consume(client, mean || FIRST_BYTES)
      } catch (error) {
        const told = failure(error as ClientError)
        if (told) throw told
        await delay(ERROR_WAIT_MS)
      }
      for (const message of messages) {
        const { partition, offset, size, timestamp = 0, value } = message
        mean = meanWith(mean || size, size)
        const stretch = open.get(partition)
        if (!stretch || offset < stretch.position) continue
        pass(partition, offset)
        if (offset > stretch.to) continue
        const taken = onRecord({ partition, offset, timestamp, value }, () => frameOf(message))
        if (taken instanceof Promise) {
          await taken
          progress = Math.max(progress, performance.now()) // who takes them may have no room for long
        }
        stretch.position = offset + 1
        if (offset === stretch.to) open.delete(partition)
      }
      for (const partition of ends) pass(partition, (open.get(partition)?.to ?? 0) + 1)
      ends = []
    }
    return mean
  } finally {
    client.removeListener('partition.eof', onEnd)
    client.removeListener('event.error', onError)
    client.removeListener('event.throttle', onThrottle)
  }

  /** What ends the read; undefined for what the client mends by itself. */
  function failure(error: ClientError): DfspError | undefined {
    // Nobody asks the group for anything: it need not be allowed.
    if (error.code === ERR.GROUP_AUTHORIZATION_FAILED) return undefined
    const told = explain(error, { topic, login, doing: 'read' })
    if (error.isFatal || told.code !== 'E_KAFKA') return told
    onError(error)
    return undefined
  }
}

function frameOf({ key, headers = [] }: RdKafka.Message): RecordFrame {
  const pairs = headers.flatMap(header => Object.entries(header))
  return {
    key: key === null || key === undefined ? null : Buffer.from(key),
    headers: pairs.map(([name, value]) => [name, Buffer.from(value as Buffer)] as const),
  }
}

/** Whether a record lies in one of the ranges, which are sorted; asked in order within a partition. */
function finder(ranges: readonly OffsetRange[]): (record: ConsumedRecord) => boolean {
  const left = new Map<number, OffsetRange[]>()
  for (const range of ranges.toReversed()) {
    const list = left.get(range.partition) ?? []
    list.push(range)
    left.set(range.partition, list)
  }
  return ({ partition, offset }) => {
    const list = left.get(partition) ?? []
    while ((list.at(-1)?.to ?? offset) < offset) list.pop()
    const next = list.at(-1)
    return next !== undefined && next.from <= offset
  }
}
