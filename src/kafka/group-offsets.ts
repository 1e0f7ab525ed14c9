/** Where a group stands in a topic, asked without joining it. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { type AssignedPartition, startOffsets } from './assignment.ts'
import { type ClientError, connect, explain, loginOf, rdkafka } from './client.ts'
import { consumerArguments } from './consumer-arguments.ts'
import { topicPartitions } from './topic.ts'

const CONNECT_MS = 10_000

export interface GroupInTopic {
  readonly topic: string
  readonly group: string
  readonly properties: Readonly<Record<string, string>>
}

/** Every partition as the group would begin it. Throws a DfspError. */
export async function groupOffsets({ topic, group, properties }: GroupInTopic): Promise<AssignedPartition[]> {
  const login = loginOf(properties)
  const given = consumerArguments(properties, group)
  const { KafkaConsumer } = rdkafka()
  const client = new KafkaConsumer(given.global as unknown as RdKafka.ConsumerGlobalConfig, given.topic)
  await connect(client, login, CONNECT_MS)
  try {
    const partitions = await topicPartitions(client, topic, login)
    return await startOffsets(client, topic, partitions, 'earliest').catch(error => {
      throw explain(error as ClientError, { topic, group, login, doing: 'read offsets' })
    })
  } finally {
    await new Promise<void>(resolve => client.disconnect(() => resolve()))
  }
}
