/** What a topic is like, and how one is made that is to be like it. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../../base/errors.ts'
import { ask, disconnected, TIMEOUT_MS } from '../ask/admin.ts'
import { bareClient } from '../ask/bare-client.ts'
import { describedConfigs } from '../ask/cluster-facts.ts'
import { topicPartitions } from '../ask/topic.ts'
import { onWire } from '../ask/wire.ts'
import type { ClientError } from '../client-error.ts'
import { consume, FIRST_BYTES, pollsBriefly } from '../consume.ts'
import { explain } from '../explain.ts'
import { loginOf } from '../login.ts'

export interface TopicFacts {
  readonly partitions: number
  readonly replicas: number
  /** Settings by name; undefined where the broker does not tell. */
  readonly settings: ReadonlyMap<string, string> | undefined
}

const TOPIC = 2

/** Undefined where there is no such topic, or this client may not see it. Rejects with a ClientError. */
export async function topicFacts(
  client: RdKafka.KafkaConsumer,
  topic: string,
  properties: Readonly<Record<string, string>>,
  names: readonly string[],
): Promise<TopicFacts | undefined> {
  const metadata = await new Promise<RdKafka.Metadata>((resolve, reject) =>
    client.getMetadata({ topic, timeout: TIMEOUT_MS }, (error, found) =>
      error ? reject(error) : resolve(found),
    ),
  )
  const found = metadata.topics.find(({ name }) => name === topic)
  const [first] = found?.partitions ?? []
  if (found === undefined || first === undefined) return undefined
  const settings = await onWire(properties, wire => describedConfigs(wire, TOPIC, topic, names)).catch(
    () => undefined,
  )
  return { partitions: found.partitions.length, replicas: first.replicas.length, settings }
}

/** Rejects with a ClientError. */
export async function makeTopic(
  client: RdKafka.KafkaConsumer,
  topic: string,
  { partitions, replicas, settings }: TopicFacts,
): Promise<void> {
  await ask<void>(client, (admin, done) =>
    admin.createTopic(
      {
        topic,
        num_partitions: partitions,
        replication_factor: replicas,
        config: Object.fromEntries(settings ?? []),
      },
      TIMEOUT_MS,
      done,
    ),
  )
}

/** Whether anything can be read of it: its offsets also count what belongs to transactions that were aborted. */
export async function holdsRecords(
  properties: Readonly<Record<string, string>>,
  topic: string,
): Promise<boolean> {
  const client = await bareClient(properties, { fixed: { 'enable.partition.eof': true } })
  try {
    const partitions = await topicPartitions(client, topic, loginOf(properties))
    const open = new Set(partitions)
    client.on('partition.eof', ({ partition }) => open.delete(partition))
    pollsBriefly(client)
    client.assign(partitions.map(partition => ({ topic, partition, offset: FIRST })) as RdKafka.Assignment[])
    while (open.size > 0) if ((await consume(client, FIRST_BYTES, 1)).length > 0) return true
    return false
  } catch (error) {
    throw error instanceof DfspError
      ? error
      : explain(error as ClientError, { topic, login: loginOf(properties), doing: 'read' })
  } finally {
    await disconnected(client)
  }
}

/** librdkafka's name of the first record. */
const FIRST = -2
