/** What a consumer begins with: a connection, a topic that is there and a group without another member. */
import { setTimeout as delay } from 'node:timers/promises'
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../../base/errors.ts'
import type { GroupCommit } from '../../core/offsets/done-before.ts'
import type { StartOffset } from '../../core/offsets/start-offset.ts'
import { disconnected } from '../ask/admin.ts'
import { mustKnowConsumerProtocol } from '../ask/consumer-protocol.ts'
import { commitsElsewhere } from '../ask/group-commits.ts'
import { topicPartitions } from '../ask/topic.ts'
import { connect } from '../connect.ts'
import { type Login, loginOf } from '../login.ts'
import { type ConsumerArguments, consumerArguments } from './consumer-arguments.ts'
import { waitForGroup } from './group.ts'
import { commitStarts } from './shared-starts.ts'

export interface ConsumerOptions {
  readonly topic: string
  readonly group: string
  readonly properties: Readonly<Record<string, string>>
  /** Where to begin in a group that has committed nothing. */
  readonly from: StartOffset
  readonly waitForTopic: boolean
  /** Other processes that say so own partitions of the topic beside this one: each file lies in one of them. */
  readonly shared: boolean
  /** Hand on the records' headers, too. */
  readonly headers?: true
}

/** A client that is connected, and no member of the group yet. */
export interface Connection {
  readonly client: RdKafka.KafkaConsumer
  /** What reads: another client where partitions are shared, see `assigner`. */
  readonly reader: RdKafka.KafkaConsumer
  readonly login: Login
  readonly options: ConsumerOptions
  readonly given: ConsumerArguments
  /** Of the topic, as it was told last. */
  readonly partitions: { count: number }
  /** What the group has committed in other topics. */
  readonly elsewhere: ReadonlyMap<string, readonly GroupCommit[]>
  /** One of the cluster. */
  readonly broker: RdKafka.Metadata['brokers'][number] | undefined
  onInfo(text: string): void
}

const TOPIC_RETRY_MS = 1_000

/** Throws a DfspError where the broker cannot be reached, the topic is not there or the group is in use. */
export async function openConnection(
  options: ConsumerOptions,
  onInfo: (text: string) => void,
): Promise<Connection> {
  const { group, properties, shared } = options
  const login = loginOf(properties)
  const given = consumerArguments(properties, group, shared)
  // With a function of its own the binding leaves the answers to us; what is to be answered comes as an event, too.
  const global = { ...given.global, rebalance_cb: () => {} } as unknown as RdKafka.ConsumerGlobalConfig
  const { client, metadata } = await connect(
    ({ KafkaConsumer }) => new KafkaConsumer(global, given.topic),
    login,
    onInfo,
  )
  try {
    const all = await existingTopic(client, options, login, onInfo)
    if (!given.isClassic) await mustKnowConsumerProtocol(properties)
    const [elsewhere] = await Promise.all([
      committedElsewhere(client, options, onInfo),
      waitForGroup(client, group, { ...given, shared }, onInfo),
    ])
    if (shared)
      await commitStarts({ client, topic: options.topic, isolation: given.isolation }, all, options.from)
    const partitions = { count: all.length }
    const reader = shared ? await openReader(given, login, onInfo) : client
    const [broker] = metadata.brokers
    return { client, reader, login, options, given, partitions, elsewhere, broker, onInfo }
  } catch (error) {
    void disconnected(client)
    throw error
  }
}

async function committedElsewhere(
  client: RdKafka.KafkaConsumer,
  { topic, group }: ConsumerOptions,
  onInfo: (text: string) => void,
): Promise<Connection['elsewhere']> {
  try {
    return await commitsElsewhere(client, group, topic)
  } catch (error) {
    onInfo(
      `what group ${group} has committed in other topics is not known (${(error as Error).message}): if ${topic} has copies of their records, files that were done run again`,
    )
    return new Map()
  }
}

/** It never joins, and asks the coordinator nothing; the group is named as librdkafka wants one. */
async function openReader(
  { global, topic }: ConsumerArguments,
  login: Login,
  onInfo: (text: string) => void,
): Promise<RdKafka.KafkaConsumer> {
  const { 'group.instance.id': _, 'group.protocol': __, ...rest } = global
  const own = rest as unknown as RdKafka.ConsumerGlobalConfig
  const { client } = await connect(({ KafkaConsumer }) => new KafkaConsumer(own, topic), login, onInfo)
  return client
}

async function existingTopic(
  client: RdKafka.KafkaConsumer,
  options: ConsumerOptions,
  login: Login,
  onWaiting: (text: string) => void,
): Promise<readonly number[]> {
  for (let told = false; ; told = true) {
    try {
      return await topicPartitions(client, options.topic, login)
    } catch (error) {
      if (!options.waitForTopic || !(error instanceof DfspError) || error.code !== 'E_TOPIC_MISSING')
        throw error
      if (!told) onWaiting(`topic "${options.topic}" does not exist yet: waiting for it`)
      await delay(TOPIC_RETRY_MS)
    }
  }
}
