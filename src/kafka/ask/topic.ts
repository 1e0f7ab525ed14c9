/** What the broker says of a topic: its partitions, or why there are none. */

import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../../base/errors.ts'
import { listText } from '../../core/text/list-text.ts'
import { nearest } from '../../core/text/nearest.ts'
import type { Client } from '../addon.ts'
import { type ClientError, ERR } from '../client-error.ts'
import { explain } from '../explain.ts'
import type { Login } from '../login.ts'
import { describedTopics, SHORT_TIMEOUT_MS, TIMEOUT_MS } from './admin.ts'

/** The topic's partitions in ascending order; E_TOPIC_MISSING with the nearest name when there is none. */
export async function topicPartitions(
  client: Client,
  topic: string,
  login: Login,
  /** Which right is asked for where the topic may not be seen. */
  doing: 'read' | 'produce' = 'read',
): Promise<number[]> {
  const found = (await metadata(client, { topic, timeout: TIMEOUT_MS }, topic, login)).topics.find(
    t => t.name === topic,
  )
  if (found && found.partitions.length > 0) return found.partitions.map(p => p.id).sort((a, b) => a - b)
  // Only of a user it knows: the mock cluster lets the question time out.
  const refused = login.isKnown ? await topicError(client, topic) : undefined
  if (refused?.code === ERR.TOPIC_AUTHORIZATION_FAILED) throw explain(refused, { topic, login, doing })
  const all = (await metadata(client, { allTopics: true, timeout: TIMEOUT_MS }, topic, login)).topics.map(
    t => t.name,
  )
  const meant = nearest(
    topic,
    all.filter(name => name !== topic),
  )
  throw new DfspError('E_TOPIC_MISSING', `topic "${topic}" does not exist`, {
    facts: [meant ? `did you mean "${meant}"?` : `topics that this client may see: ${listed(all)}`],
    next: `kafka-topics.sh --bootstrap-server ${login.brokers} --create --topic ${topic}   (run and upload can wait for it: --wait-for-topic)`,
  })
}

/** Those of `topics` that are not there, asked once for all of them; what may not be seen is not among them. */
export async function missingOf(
  client: Client,
  topics: readonly string[],
  login: Login,
): Promise<ReadonlySet<string>> {
  const [some] = topics
  if (some === undefined) return new Set()
  const all = await metadata(client, { allTopics: true, timeout: TIMEOUT_MS }, some, login)
  const there = new Set(all.topics.map(({ name }) => name))
  const unseen = topics.filter(topic => !there.has(topic))
  if (!login.isKnown || unseen.length === 0) return new Set(unseen)
  const described = await describedTopics(client, unseen, { timeout: TIMEOUT_MS })
  const forbidden = described?.map(({ error }) => error?.code === ERR.TOPIC_AUTHORIZATION_FAILED) ?? []
  return new Set(unseen.filter((_, i) => forbidden[i] !== true))
}

const MOST_LISTED = 8

function listed(topics: readonly string[]): string {
  const shown = topics.filter(name => !name.startsWith('__')).sort()
  if (shown.length === 0) return 'none'
  return listText(shown, MOST_LISTED)
}

function metadata(
  client: Client,
  options: RdKafka.MetadataOptions,
  topic: string,
  login: Login,
): Promise<RdKafka.Metadata> {
  return new Promise((resolve, reject) =>
    client.getMetadata(options, (error, found) =>
      error ? reject(explain(error, { topic, login, doing: 'read metadata' })) : resolve(found),
    ),
  )
}

/** What the broker says against a topic: plain metadata shows one that is forbidden as one that is missing. */
async function topicError(client: Client, topic: string): Promise<ClientError | undefined> {
  return (await describedTopics(client, [topic], { timeout: TIMEOUT_MS }))?.[0]?.error
}

/** Tells a topic from an earlier one of the same name; undefined where the broker does not say. */
export async function topicId(client: Client, topic: string): Promise<string | undefined> {
  const described = await describedTopics(client, [topic], { timeout: SHORT_TIMEOUT_MS })
  const id = described?.[0]?.error ? undefined : described?.[0]?.topicId
  return id && `${id.mostSignificantBits}.${id.leastSignificantBits}`
}
