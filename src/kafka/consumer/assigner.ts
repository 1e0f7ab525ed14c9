/** What the client is told of partitions, in the words of whichever protocol the group speaks. */
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

export function assigner(client: RdKafka.KafkaConsumer, topic: string): Assigner {
  const incremental = client as unknown as Incremental
  const isCooperative = () => incremental.rebalanceProtocol() === 'COOPERATIVE'
  const named = (places: readonly PartitionPlace[]) => places.map(place => ({ topic, ...place }))
  const toppars = (partitions: Iterable<number>) => [...partitions].map(partition => ({ topic, partition }))
  return {
    get isCooperative() {
      return isCooperative()
    },
    get isLost() {
      return incremental.assignmentLost()
    },
    accept(places) {
      if (isCooperative()) incremental.incrementalAssign(named(places))
      else client.assign(named(places) as RdKafka.Assignment[])
    },
    giveUp(partitions) {
      if (isCooperative()) incremental.incrementalUnassign(toppars(partitions))
      else client.unassign()
    },
    pause(partitions) {
      const list = toppars(partitions)
      if (list.length > 0) client.pause(list)
    },
    resume(partitions) {
      const list = toppars(partitions)
      if (list.length > 0) client.resume(list)
    },
    async seek(place, isOver) {
      for (let tried = 1; !isOver(); tried++) {
        const error = await new Promise<ClientError | undefined>(resolve =>
          client.seek({ topic, ...place }, SEEK_MS, failed => resolve(failed as ClientError | undefined)),
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
