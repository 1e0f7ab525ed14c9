/** What a topic is like, and how one is made that is to be like it. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { ask, TIMEOUT_MS } from '../ask/admin.ts'
import { describedConfigs } from '../ask/cluster-facts.ts'
import { onWire } from '../ask/wire.ts'

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
