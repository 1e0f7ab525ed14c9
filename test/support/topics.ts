/** What tests do with a cluster, real or mock, beside the product: topics, raw records, commits. */

import kafka, {
  type ConsumerGlobalConfig,
  type GlobalConfig,
  type LibrdKafkaError,
  type MessageHeader,
  type ProducerGlobalConfig,
  type TopicPartitionOffsetAndMetadata,
} from '@confluentinc/kafka-javascript'
import { until } from './until.ts'

const TIMEOUT_MS = 60_000

export type RawRecord = {
  /** Absent or -1: librdkafka's partitioner chooses by the key. */
  partition?: number
  key?: Buffer | string | null
  value: Buffer | null
  /** Milliseconds since the epoch. */
  timestamp?: number
  headers?: MessageHeader[]
}

/** Creates a topic on a real broker and waits until it is known there (the mock cluster has no such request: its topics appear on first use). */
export async function createTopic(
  brokers: string,
  topic: string,
  partitions: number,
  config: Readonly<Record<string, string>> = {},
  replicas = 1,
): Promise<void> {
  const admin = kafka.AdminClient.create({ 'bootstrap.servers': brokers })
  try {
    await answer<void>(done =>
      admin.createTopic(
        { topic, num_partitions: partitions, replication_factor: replicas, config },
        TIMEOUT_MS,
        done,
      ),
    )
  } finally {
    admin.disconnect()
  }
  await led(brokers, topic, partitions)
}

/** Resolves when so many partitions have a leader: the controller answers before the brokers have heard of it. */
async function led(brokers: string, topic: string, partitions: number): Promise<void> {
  await withConsumer({ 'bootstrap.servers': brokers, 'group.id': 'dfsp-test-reader' }, consumer =>
    until(async () => {
      const found = await partitionsKnown(consumer, topic)
      return found.filter(({ leader }) => leader >= 0).length >= partitions
    }),
  )
}

export async function deleteTopic(brokers: string, topic: string): Promise<void> {
  const admin = kafka.AdminClient.create({ 'bootstrap.servers': brokers })
  try {
    await answer<void>(done => admin.deleteTopic(topic, TIMEOUT_MS, done))
  } finally {
    admin.disconnect()
  }
}

/** Deletes the records of partitions below the given offsets, as retention does; a real broker only. */
export async function deleteRecords(
  brokers: string,
  topic: string,
  before: readonly { partition: number; offset: number }[],
): Promise<void> {
  const admin = kafka.AdminClient.create({ 'bootstrap.servers': brokers })
  try {
    const list = before.map(({ partition, offset }) => ({ topic, partition, offset }))
    await answer(done => admin.deleteRecords(list, { timeout: TIMEOUT_MS }, done))
  } finally {
    admin.disconnect()
  }
}

/** Grows a topic to `partitions`; resolves when they can be written. */
export async function addPartitions(brokers: string, topic: string, partitions: number): Promise<void> {
  await withAdmin(brokers, admin =>
    answer<void>(done => admin.createPartitions(topic, partitions, TIMEOUT_MS, done)),
  )
  await led(brokers, topic, partitions)
}

/** Deletes a group without members, with its offsets. */
export async function deleteGroup(brokers: string, group: string): Promise<void> {
  await withAdmin(brokers, admin =>
    answer<unknown>(done => admin.deleteGroups([group], { timeout: TIMEOUT_MS }, done)),
  )
}

async function withAdmin<T>(brokers: string, use: (admin: kafka.IAdminClient) => Promise<T>): Promise<T> {
  const admin = kafka.AdminClient.create({ 'bootstrap.servers': brokers })
  try {
    return await use(admin)
  } finally {
    admin.disconnect()
  }
}

/** Does `work` while the records are produced and their transaction is open; commits it then. */
export async function withOpenTransaction(
  brokers: string,
  topic: string,
  records: readonly RawRecord[],
  work: () => Promise<void>,
): Promise<void> {
  await inTransaction(brokers, topic, records, work, 'commit')
}

/** Produces records in one transaction, which leaves a control marker in each partition. */
export async function produceInTransaction(
  brokers: string,
  topic: string,
  records: readonly RawRecord[],
  end: 'commit' | 'abort',
): Promise<void> {
  await inTransaction(brokers, topic, records, async () => {}, end)
}

async function inTransaction(
  brokers: string,
  topic: string,
  records: readonly RawRecord[],
  work: () => Promise<void>,
  end: 'commit' | 'abort',
): Promise<void> {
  const producer = new kafka.Producer({
    'bootstrap.servers': brokers,
    'transactional.id': topic,
    'transaction.timeout.ms': 30_000,
  })
  await answer(done => producer.connect({ timeout: TIMEOUT_MS }, done))
  try {
    await answer<void>(done => producer.initTransactions(TIMEOUT_MS, done))
    await answer<void>(done => producer.beginTransaction(done))
    for (const { partition = -1, key = null, value } of records)
      producer.produce(topic, partition, value, key)
    await answer<unknown>(done => producer.flush(TIMEOUT_MS, error => done(error, undefined)))
    await work()
    if (end === 'commit') await answer<void>(done => producer.commitTransaction(TIMEOUT_MS, done))
    else await answer<void>(done => producer.abortTransaction(TIMEOUT_MS, done))
  } finally {
    await answer(done => producer.disconnect(done))
  }
}

/**
 * Produces records in order and resolves when the broker has acknowledged all of them: to their offsets.
 *
 * `compression`: none, gzip, snappy, lz4 or zstd. `properties`: any of librdkafka's.
 */
export async function produceRaw(
  brokers: string,
  topic: string,
  records: readonly RawRecord[],
  { compression = 'none', properties = {} }: { compression?: string; properties?: ProducerGlobalConfig } = {},
): Promise<number[]> {
  const producer = new kafka.HighLevelProducer({
    'bootstrap.servers': brokers,
    'compression.codec': compression as NonNullable<ProducerGlobalConfig['compression.codec']>,
    'linger.ms': 5,
    'message.max.bytes': 100_000_000,
    ...properties,
  })
  await answer(done => producer.connect({ timeout: TIMEOUT_MS }, done))
  try {
    return await Promise.all(
      records.map(({ partition = -1, key = null, value, timestamp = null, headers = [] }) =>
        answer<number>(done =>
          producer.produce(
            topic,
            partition,
            value,
            key,
            timestamp,
            headers,
            (error: LibrdKafkaError | null, offset) => done(error, offset ?? -1),
          ),
        ),
      ),
    )
  } finally {
    await answer(done => producer.disconnect(done))
  }
}

export type Committed = { partition: number; offset: number | undefined; metadata: string | undefined }

/** What a group has committed for each partition of a topic; `offset` is undefined where it committed nothing. */
export async function readCommitted(brokers: string, group: string, topic: string): Promise<Committed[]> {
  return await withConsumer({ 'bootstrap.servers': brokers, 'group.id': group }, async consumer => {
    const toppars = (await partitionsOf(consumer, topic)).map(partition => ({ topic, partition }))
    const answers = await answer<TopicPartitionOffsetAndMetadata[]>(done =>
      consumer.committed(toppars, TIMEOUT_MS, done),
    )
    return answers.map(({ partition, offset, metadata }) => ({
      partition,
      offset: typeof offset === 'number' && offset >= 0 ? offset : undefined,
      metadata: metadata ?? undefined,
    }))
  })
}

/** How many members a group has. */
export async function groupSize(brokers: string, group: string): Promise<number> {
  const admin = kafka.AdminClient.create({ 'bootstrap.servers': brokers })
  try {
    const listed = await answer<{ groups: kafka.GroupOverview[] }>(done =>
      admin.listGroups({ timeout: TIMEOUT_MS }, done),
    )
    if (!listed.groups.some(({ groupId }) => groupId === group)) return 0
    const described = await answer<kafka.GroupDescriptions>(done =>
      admin.describeGroups([group], { timeout: TIMEOUT_MS }, done),
    )
    return described.groups[0]?.members.length ?? 0
  } finally {
    admin.disconnect()
  }
}

/** The node that coordinates a group with members. */
export async function coordinatorOf(brokers: string, group: string): Promise<number> {
  return await withAdmin(brokers, async admin => {
    const { groups } = await answer<kafka.GroupDescriptions>(done =>
      admin.describeGroups([group], { timeout: TIMEOUT_MS }, done),
    )
    return groups[0]?.coordinator.id ?? -1
  })
}

/** The node that leads each partition of a topic, -1 where none does. */
export async function leadersOf(brokers: string, topic: string): Promise<number[]> {
  return await withConsumer(
    { 'bootstrap.servers': brokers, 'group.id': 'dfsp-test-reader' },
    async consumer => (await partitionsKnown(consumer, topic)).map(({ leader }) => leader),
  )
}

/** Commits in a group's name, as a foreign tool would. The group must have no members. */
export async function commitAs(
  brokers: string,
  group: string,
  offsets: readonly TopicPartitionOffsetAndMetadata[],
): Promise<void> {
  await withConsumer({ 'bootstrap.servers': brokers, 'group.id': group }, async consumer => {
    consumer.commitSync([...offsets])
  })
}

/** The next offset that each partition will give to a record, by partition number. */
export async function endOffsets(brokers: string, topic: string): Promise<number[]> {
  return await withConsumer(
    { 'bootstrap.servers': brokers, 'group.id': 'dfsp-test-reader' },
    async consumer => {
      const partitions = await partitionsOf(consumer, topic)
      const marks = await Promise.all(
        partitions.map(partition =>
          answer<{ highOffset: number }>(done =>
            consumer.queryWatermarkOffsets(topic, partition, TIMEOUT_MS, done),
          ),
        ),
      )
      return marks.map(mark => mark.highOffset)
    },
  )
}

/** All topics of a cluster; to ask for them makes none. */
export async function topicNames(brokers: string): Promise<string[]> {
  return await withConsumer(
    { 'bootstrap.servers': brokers, 'group.id': 'dfsp-test-reader' },
    async consumer => {
      const { topics } = await answer<kafka.Metadata>(done =>
        consumer.getMetadata({ allTopics: true, timeout: TIMEOUT_MS }, done),
      )
      return topics.map(({ name }) => name)
    },
  )
}

export type ReadRecord = {
  partition: number
  offset: number
  key: Buffer | null
  value: Buffer | null
  timestamp: number
  headers: MessageHeader[]
}

/** Every record that a topic holds now (all partitions), in no order across partitions; no group is involved. */
export async function readAll(
  brokers: string,
  topic: string,
  properties: GlobalConfig = {},
): Promise<ReadRecord[]> {
  const ends = await endOffsets(brokers, topic)
  return await withConsumer(
    {
      'bootstrap.servers': brokers,
      'group.id': 'dfsp-test-reader',
      'enable.auto.commit': false,
      'enable.partition.eof': true,
      ...properties,
    },
    async consumer => {
      const open = new Set(ends.keys())
      consumer.on('partition.eof', ({ partition }) => open.delete(partition))
      consumer.setDefaultConsumeTimeout(100)
      consumer.assign([...open].map(partition => ({ topic, partition, offset: -2 })))
      const records: ReadRecord[] = []
      const deadline = Date.now() + 3 * TIMEOUT_MS
      while (open.size > 0) {
        if (Date.now() > deadline)
          throw new Error(`no end of partitions ${[...open]} of ${topic} after 180 s`)
        const batch = await answer<kafka.Message[]>(done => consumer.consume(100, done))
        for (const { partition, offset, key = null, value, timestamp = -1, headers = [] } of batch)
          records.push({
            partition,
            offset,
            key: key === null ? null : Buffer.from(key),
            value,
            timestamp,
            headers,
          })
      }
      return records
    },
  )
}

async function withConsumer<T>(
  config: ConsumerGlobalConfig,
  use: (consumer: kafka.KafkaConsumer) => Promise<T>,
): Promise<T> {
  const consumer = new kafka.KafkaConsumer(config, { 'auto.offset.reset': 'earliest' })
  await answer(done => consumer.connect({ timeout: TIMEOUT_MS }, done))
  try {
    return await use(consumer)
  } finally {
    await answer(done => consumer.disconnect(done))
  }
}

async function partitionsOf(client: kafka.KafkaConsumer, topic: string): Promise<number[]> {
  return (await partitionsKnown(client, topic)).map(({ id }) => id).sort((a, b) => a - b)
}

async function partitionsKnown(client: kafka.KafkaConsumer, topic: string) {
  const { topics } = await answer<kafka.Metadata>(done =>
    client.getMetadata({ topic, timeout: TIMEOUT_MS }, done),
  )
  return topics.find(({ name }) => name === topic)?.partitions ?? []
}

/** A callback of the binding as a promise; its errors are plain objects at times, so they are wrapped. */
export function answer<T>(ask: (done: (error: unknown, value: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    ask((error, value) => {
      if (!error) resolve(value)
      else reject(error instanceof Error ? error : Object.assign(new Error(), error))
    })
  })
}
