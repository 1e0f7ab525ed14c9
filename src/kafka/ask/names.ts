/** Names of topics and groups, for completion in a shell: one quick question, no waiting for a broker that is away. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { rdkafka } from '../addon.ts'
import { groupNames } from './group.ts'

/** Of the cluster that `properties` name; internal topics are left out. Rejects when there is no answer in time. */
export async function names(
  kind: 'topics' | 'groups',
  properties: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<readonly string[]> {
  const { Producer } = rdkafka()
  const client = new Producer({ ...properties, log_level: 0 } as unknown as RdKafka.ProducerGlobalConfig)
  client.on('event.error', () => {})
  const metadata = await new Promise<RdKafka.Metadata>((resolve, reject) =>
    client.connect({ timeout: timeoutMs }, (error, found) => (error ? reject(error) : resolve(found))),
  )
  if (kind === 'groups') return (await groupNames(client, timeoutMs)) ?? []
  return metadata.topics.map(({ name }) => name).filter(name => !name.startsWith('__'))
}
