/** The reader of a copy: a member of its group that answers a change of the assignment only when it is told to. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { ask, disconnected, TIMEOUT_MS } from '../ask/admin.ts'
import { topicPartitions } from '../ask/topic.ts'
import { watermarks } from '../ask/watermarks.ts'
import { type ClientError, ERR } from '../client-error.ts'
import { connect } from '../connect.ts'
import { consume, FIRST_BYTES, meanWith, pollsBriefly } from '../consume.ts'
import { assigner } from '../consumer/assigner.ts'
import {
  type AssignedPartition,
  type CommittedOffset,
  committedOffsets,
  startOffsets,
} from '../consumer/assignment.ts'
import type { OffsetCommit } from '../consumer/committer.ts'
import { type ConsumerArguments, consumerArguments } from '../consumer/consumer-arguments.ts'
import { ownClientId } from '../consumer/group.ts'
import { answerAtOnce } from '../consumer/ownership.ts'
import type { PartitionEnd } from '../consumer/read-loop.ts'
import { commitOutside } from '../consumer/shared-starts.ts'
import { deletedRecords } from '../consumer/watch/deleted-records.ts'
import { explain } from '../explain.ts'
import { type Login, loginOf } from '../login.ts'

export type ReadMessage = RdKafka.Message

export interface CopyMember {
  readonly client: RdKafka.KafkaConsumer
  readonly group: string
  readonly name: string
  readonly login: Login
  readonly given: ConsumerArguments
  /** Of the topic. */
  readonly partitions: readonly number[]
  /** What was assigned belongs to somebody else already. */
  readonly isLost: boolean
  /** Joins the group; `heard` hears of changes that are to be answered. */
  join(heard: (kind: 'assign' | 'revoke', partitions: readonly number[]) => void): void
  /** Where the group stands. Rejects with a ClientError, also while a transaction with these offsets is open. */
  starts(partitions: readonly number[]): Promise<readonly AssignedPartition[]>
  committed(partitions: readonly number[]): Promise<ReadonlyMap<number, CommittedOffset | undefined>>
  /** Records of an owned partition that are still to come, as far as was told. */
  behind(partition: number, position: number): number
  /** Commits where the group begins, by a client that has not joined; not where another member was faster. */
  commitStarts(offsets: readonly OffsetCommit[]): Promise<void>
  /** Deletes the records of another topic's partitions below these offsets. Rejects with a DfspError. */
  deleteBelow(topic: string, offsets: ReadonlyMap<number, number>): Promise<void>
  accept(places: readonly { readonly partition: number; readonly offset: number }[]): void
  giveUp(partitions: readonly number[]): void
  seek(place: { readonly partition: number; readonly offset: number }): Promise<void>
  /** What comes within a moment. Rejects with a ClientError. */
  read(): Promise<{ readonly messages: readonly ReadMessage[]; readonly ends: readonly PartitionEnd[] }>
  close(): Promise<void>
}

export interface CopyMemberOptions {
  readonly topic: string
  readonly group: string
  /** No other member of the group has it. */
  readonly name: string
  readonly properties: Readonly<Record<string, string>>
}

/** Connects; throws a DfspError where it cannot, or where there is no such topic. */
export async function openMember(
  { topic, group, name, properties }: CopyMemberOptions,
  { onInfo, onProblem }: { onInfo(text: string): void; onProblem(text: string): void },
): Promise<CopyMember> {
  const login = loginOf(properties)
  const named = { ...properties, 'client.id': ownClientId(true, name) }
  const given = consumerArguments(named, group, true)
  const global = { ...given.global, rebalance_cb: () => {} } as unknown as RdKafka.ConsumerGlobalConfig
  const { client } = await connect(
    ({ KafkaConsumer }) => new KafkaConsumer(global, given.topic),
    login,
    onInfo,
  )
  const assign = assigner(client, topic)
  let meanBytes = FIRST_BYTES
  let ends: PartitionEnd[] = []
  let closing = false
  let unanswered: (() => void) | undefined
  client.on('partition.eof', ({ partition, offset }) => ends.push({ partition, offset }))
  pollsBriefly(client)

  const partitions = await topicPartitions(client, topic, login).catch(error => {
    void disconnected(client)
    throw error
  })
  const deleted = deletedRecords({
    client,
    topic,
    watermarks: async list => await watermarks(client, topic, list, given.isolation),
    onProblem,
    onLow() {},
  })
  return {
    client,
    group,
    name,
    login,
    given,
    partitions,
    get isLost() {
      return assign.isLost
    },
    join(heard) {
      client.on('rebalance', (error: ClientError, list: readonly RdKafka.TopicPartition[]) => {
        const partitions = list.map(({ partition }) => partition)
        const isAssign = error.code === ERR.ASSIGN_PARTITIONS
        if (closing) return answerAtOnce(assign, isAssign, partitions)
        unanswered = () => answerAtOnce(assign, isAssign, partitions)
        heard(isAssign ? 'assign' : 'revoke', partitions)
      })
      client.subscribe([topic])
    },
    starts: async partitions =>
      await startOffsets({ client, topic, isolation: given.isolation }, partitions, 'earliest'),
    committed: async partitions => await committedOffsets(client, topic, partitions),
    commitStarts: async offsets => await commitOutside(client, topic, offsets),
    deleteBelow: async (of, offsets) => {
      const list = [...offsets].map(([partition, offset]) => ({ topic: of, partition, offset }))
      const refused = await ask<{ readonly error?: ClientError }[]>(client, (admin, done) =>
        admin.deleteRecords(list, { timeout: TIMEOUT_MS }, done),
      ).then(
        results => results.find(({ error }) => error?.code)?.error,
        error => error as ClientError,
      )
      if (refused !== undefined) throw explain(refused, { topic: of, login, doing: 'delete' })
    },
    behind(partition, position) {
      const end = closing ? 0 : client.getWatermarkOffsets(topic, partition).highOffset
      return Number.isSafeInteger(end) ? Math.max(0, end - position) : 0
    },
    accept(places) {
      assign.accept(places)
      unanswered = undefined
    },
    giveUp(list) {
      assign.giveUp(list)
      unanswered = undefined
    },
    seek: async place => await assign.seek(place, () => assign.isLost),
    async read() {
      const messages = await consume(client, meanBytes)
      for (const { size } of messages) meanBytes = meanWith(meanBytes, size)
      const seen = ends
      ends = []
      return { messages, ends: seen }
    },
    async close() {
      closing = true
      // The client waits for the answer before it leaves; there is one change at a time.
      unanswered?.()
      await deleted.end()
      await disconnected(client)
    },
  }
}
