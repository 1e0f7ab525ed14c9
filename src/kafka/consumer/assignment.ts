/** Where reading begins in each assigned partition: the committed offset, if the log still has it. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { isOwnRecord } from '../../core/offsets/commit-record.ts'
import type { StartOffset } from '../../core/offsets/start-offset.ts'
import type { Client } from '../addon.ts'
import { openTransaction, type Watermarks, watermarks } from '../ask/watermarks.ts'
import type { Isolation } from '../properties.ts'

export interface AssignedPartition {
  readonly partition: number
  /** Offset of the first record that will be read. */
  readonly start: number
  /** Offset at which its log begins; undefined where nobody asked. */
  readonly low?: number
  /** What the group has committed; undefined when nothing. */
  readonly committed: number | undefined
  /** The metadata of that commit; of what another client wrote without the last character, see `sameMetadata`. */
  readonly metadata: string | undefined
  /** The partition's end: offset of the record to come next. */
  readonly end: number
  /** The topic is another one of the same name than before: nothing that was known of it counts. */
  readonly anew?: boolean
  /** What is to be said of records that cannot be read yet. */
  readonly open?: string | undefined
  /** What is to be said about the start: lost or skipped records, with exact offsets. */
  readonly notice: string | undefined
}

const TIMEOUT_MS = 10_000

/** A member of the group, or a client that knows its name. */
export interface Asked {
  readonly client: RdKafka.KafkaConsumer
  /** What is asked about the topic, if not `client`. */
  readonly ask?: Client
  readonly topic: string
  readonly isolation: Isolation
}

/**
 * `from` holds for a group that has committed nothing at all, as far as these partitions go; a partition that is new to an
 * existing group is read from its first record, and so is one of a topic that was made `anew`, for which no commit counts.
 */
export async function startOffsets(
  { client, ask = client, topic, isolation }: Asked,
  partitions: readonly number[],
  from: StartOffset,
  anew = false,
): Promise<AssignedPartition[]> {
  if (partitions.length === 0) return []
  const committed = anew
    ? new Map<number, CommittedOffset>()
    : await committedOffsets(client, topic, partitions)
  const times =
    typeof from === 'object' && !anew && isNewGroup(committed)
      ? await offsetsAt(client, topic, partitions, from.time)
      : undefined
  const marks = await watermarks(ask, topic, partitions, isolation)
  return startsOf(topic, partitions, { committed, marks, times, from, anew })
}

/** Nothing is committed, as far as these partitions go. */
export function isNewGroup(committed: ReadonlyMap<number, CommittedOffset | undefined>): boolean {
  return [...committed.values()].every(found => found === undefined)
}

/** What was asked about partitions that are to be read. */
export interface Found {
  readonly committed: ReadonlyMap<number, CommittedOffset | undefined>
  readonly marks: ReadonlyMap<number, Watermarks>
  /** First offsets from the time on at which a new group is to begin. */
  readonly times?: ReadonlyMap<number, number> | undefined
  readonly from: StartOffset
  readonly anew: boolean
}

/** See `startOffsets`. */
export function startsOf(
  topic: string,
  partitions: readonly number[],
  { committed, marks, times, from, anew }: Found,
): AssignedPartition[] {
  const isFromFirst = anew || !isNewGroup(committed) || from === 'earliest'
  return partitions.map(partition => {
    const at = marks.get(partition) as Watermarks
    const { low, high } = at
    const open = openTransaction(topic, partition, at)
    const found = committed.get(partition)
    const base = {
      partition,
      low,
      committed: found?.offset,
      metadata: found?.metadata,
      end: high,
      anew,
      open,
    }
    if (found) return { ...base, ...withinLog(`${topic}[${partition}]`, found, low, high) }
    if (isFromFirst) return { ...base, start: low, notice: undefined }
    return { ...base, start: times?.get(partition) ?? high, notice: undefined }
  })
}

function withinLog(
  name: string,
  { offset, metadata }: CommittedOffset,
  low: number,
  high: number,
): { start: number; notice: string | undefined } {
  if (offset > high) {
    const notice = `${name}: the committed offset ${offset} lies beyond the end ${high}: the topic was made anew or cut; reading it from ${low}`
    return { start: low, notice }
  }
  if (offset < low) {
    const notice = `${name}: records ${offset}-${low - 1} were deleted by retention before they were processed`
    return { start: low, notice }
  }
  if (offset > low && !isOwnRecord(metadata)) {
    const notice = `${name}: the group's offset ${offset} was not committed by dfsp (a tool moved it, or another program used the group): reading begins there, records ${low}-${offset - 1} are passed over`
    return { start: offset, notice }
  }
  return { start: offset, notice: undefined }
}

export interface CommittedOffset {
  readonly offset: number
  readonly metadata: string | undefined
}

/** What the group has committed, by partition. */
export async function committedOffsets(
  client: RdKafka.KafkaConsumer,
  topic: string,
  partitions: readonly number[],
): Promise<Map<number, CommittedOffset | undefined>> {
  if (partitions.length === 0) return new Map()
  const list = partitions.map(partition => ({ topic, partition }))
  const answers = await new Promise<RdKafka.TopicPartitionOffsetAndMetadata[]>((resolve, reject) =>
    client.committed(list, TIMEOUT_MS, (error, found) => (error ? reject(error) : resolve(found))),
  )
  const offsets = new Map<number, CommittedOffset | undefined>()
  for (const answer of answers) {
    // A partition whose offset could not be read comes as an Error among the others.
    if (answer instanceof Error) throw answer
    if (answer.error) throw answer.error
    const known = Number.isSafeInteger(answer.offset) && answer.offset >= 0
    offsets.set(
      answer.partition,
      known ? { offset: answer.offset, metadata: answer.metadata ?? undefined } : undefined,
    )
  }
  return offsets
}

/** The first offset whose record is at least as young as `time`; a partition without such a record is left out. */
export async function offsetsAt(
  client: RdKafka.KafkaConsumer,
  topic: string,
  partitions: readonly number[],
  time: number,
): Promise<Map<number, number>> {
  const list = partitions.map(partition => ({ topic, partition, offset: time }))
  const found = await new Promise<RdKafka.TopicPartitionOffset[]>((resolve, reject) =>
    client.offsetsForTimes(list, TIMEOUT_MS, (error, offsets) => (error ? reject(error) : resolve(offsets))),
  )
  return new Map(found.filter(f => f.offset >= 0).map(f => [f.partition, f.offset]))
}
