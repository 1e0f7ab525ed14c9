/**
 * What the client is told of partitions, in the words of whichever protocol the group speaks. Where another client is the
 * `reader`, the member of the group owns them and reads nothing: while a REVOKE is not answered librdkafka hands on nothing of
 * any partition, and the reader goes on with those that stay.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../../base/errors.ts'
import type { ClientError } from '../client-error.ts'

export interface PartitionPlace {
  readonly partition: number
  /** Where reading begins; without it at the committed offset. */
  readonly offset?: number
}

export interface Assigner {
  /** Partitions are taken and given one by one (cooperative-sticky, group.protocol=consumer), not all at once. */
  readonly isCooperative: boolean
  /** What was assigned belongs to somebody else already. */
  readonly isLost: boolean
  /** Answers an ASSIGN. */
  accept(places: readonly PartitionPlace[]): void
  /** Answers a REVOKE. */
  giveUp(partitions: readonly number[]): void
  pause(partitions: Iterable<number>): void
  resume(partitions: Iterable<number>): void
  /** Positions an assigned partition; throws E_KAFKA where that fails for seconds. */
  seek(place: PartitionPlace & { offset: number }, isOver: () => boolean): Promise<void>
}

const SEEK_MS = 5_000
const SEEK_RETRY_MS = 50
/** A partition that was just assigned takes a moment before it can be positioned. */
const MOST_SEEKS = 100

/** What the binding has and its published types have not. */
interface Incremental {
  incrementalAssign(list: readonly RdKafka.TopicPartition[]): void
  incrementalUnassign(list: readonly RdKafka.TopicPartition[]): void
  assignmentLost(): boolean
  rebalanceProtocol(): string
}

/** librdkafka's name of the end of a partition. */
const AT_END = -1

export function assigner(
  client: RdKafka.KafkaConsumer,
  topic: string,
  reader: RdKafka.KafkaConsumer = client,
): Assigner {
  const incremental = client as unknown as Incremental
  const readerIncremental = reader as unknown as Incremental
  const isOther = reader !== client
  /** By another reader. */
  const read = new Set<number>()
  const isCooperative = () => incremental.rebalanceProtocol() === 'COOPERATIVE'
  const named = (places: readonly PartitionPlace[]) => places.map(place => ({ topic, ...place }))
  const toppars = (partitions: Iterable<number>) => [...partitions].map(partition => ({ topic, partition }))
  const readable = (partitions: Iterable<number>) => {
    const list = isOther ? [...partitions].filter(partition => read.has(partition)) : partitions
    return toppars(list)
  }

  function own(places: readonly PartitionPlace[]): void {
    const list = toppars(places.map(({ partition }) => partition))
    incremental.incrementalAssign(list.map(place => ({ ...place, offset: AT_END })))
    if (list.length > 0) client.pause(list)
    const begun = places.filter(({ offset }) => offset !== undefined)
    if (begun.length > 0) readerIncremental.incrementalAssign(named(begun))
    for (const { partition } of begun) read.add(partition)
  }

  function disown(partitions: readonly number[]): void {
    const list = readable(partitions)
    if (list.length > 0) readerIncremental.incrementalUnassign(list)
    for (const partition of partitions) read.delete(partition)
    incremental.incrementalUnassign(toppars(partitions))
  }
  return {
    get isCooperative() {
      return isCooperative()
    },
    get isLost() {
      return incremental.assignmentLost()
    },
    accept(places) {
      if (isOther) own(places)
      else if (isCooperative()) incremental.incrementalAssign(named(places))
      else client.assign(named(places) as RdKafka.Assignment[])
    },
    giveUp(partitions) {
      if (isOther) disown(partitions)
      else if (isCooperative()) incremental.incrementalUnassign(toppars(partitions))
      else client.unassign()
    },
    pause(partitions) {
      const list = readable(partitions)
      if (list.length > 0) reader.pause(list)
    },
    resume(partitions) {
      const list = readable(partitions)
      if (list.length > 0) reader.resume(list)
    },
    async seek(place, isOver) {
      for (let tried = 1; !isOver(); tried++) {
        const error = await new Promise<ClientError | undefined>(resolve =>
          reader.seek({ topic, ...place }, SEEK_MS, failed => resolve(failed as ClientError | undefined)),
        )
        if (!error) return
        if (tried === MOST_SEEKS)
          throw new DfspError('E_KAFKA', `${topic}[${place.partition}] cannot be read from ${place.offset}`, {
            facts: [error.message],
            next: 'nothing is lost: start again',
            cause: error,
          })
        await delay(SEEK_RETRY_MS)
      }
    },
  }
}
