/** What the broker says of a topic and of a group. */

import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../../base/errors.ts'
import { listText } from '../../core/text/list-text.ts'
import { nearest } from '../../core/text/nearest.ts'
import { type Client, rdkafka } from '../addon.ts'
import { type ClientError, ERR } from '../client-error.ts'
import { explain } from '../explain.ts'
import type { Login } from '../login.ts'
import type { Isolation } from '../properties.ts'
import { groupOperations } from './group-access.ts'

const TIMEOUT_MS = 10_000
/** For questions that the end of a run or a person waits for, and that the mock cluster does not answer. */
const SHORT_TIMEOUT_MS = 3_000

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
  const described = await describedTopics(client, unseen, TIMEOUT_MS)
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
  return (await describedTopics(client, [topic], TIMEOUT_MS))?.[0]?.error
}

/** Tells a topic from an earlier one of the same name; undefined where the broker does not say. */
export async function topicId(client: Client, topic: string): Promise<string | undefined> {
  const described = await describedTopics(client, [topic], SHORT_TIMEOUT_MS)
  const id = described?.[0]?.error ? undefined : described?.[0]?.topicId
  return id && `${id.mostSignificantBits}.${id.leastSignificantBits}`
}

/** In their order; undefined where the broker does not say. */
async function describedTopics(
  client: Client,
  topics: string[],
  timeout: number,
): Promise<DescribedTopic[] | undefined> {
  return await withAdmin(client, admin =>
    answer<DescribedTopic[]>(done => admin.describeTopics(topics, { timeout }, done)),
  )
}

interface DescribedTopic {
  readonly authorizedOperations?: readonly number[]
  readonly error?: ClientError
  readonly topicId?: { readonly mostSignificantBits: bigint; readonly leastSignificantBits: bigint }
}

export interface Watermarks {
  /** Offset of the oldest record. */
  readonly low: number
  /** Up to where can be read: offset of the record to come next, or of the first one of an open transaction. */
  readonly high: number
  /** Offset of the record to come next. */
  readonly last: number
}

/** What a reader has to know of an open transaction; undefined where there is none. */
export function openTransaction(topic: string, partition: number, marks: Watermarks): string | undefined {
  const count = marks.last - marks.high
  if (count <= 0) return undefined
  const records = count === 1 ? '1 record' : `${count} records`
  return `${records} of ${topic}[${partition}] wait for a transaction that is open: from offset ${marks.high} on nothing can be read until its producer or the broker ends it`
}

/**
 * Watermarks of many partitions, in a few requests for each of their brokers; rejects where one of them has none at
 * present. With `read_committed` the end lies before the first record of an open transaction.
 */
export async function watermarks(
  client: Client,
  topic: string,
  partitions: readonly number[],
  isolation: Isolation,
): Promise<Map<number, Watermarks>> {
  if (partitions.length === 0) return new Map()
  const admin = adminOf(client)
  const ask = (timestamp: number, level: Isolation) =>
    answer<ListedOffset[]>(done =>
      admin.listOffsets(
        partitions.map(partition => ({ topic, partition, offset: { timestamp } })),
        { timeout: TIMEOUT_MS, isolationLevel: level === 'read_committed' ? 1 : 0 },
        done,
      ),
    )
  // One after the other: what was there before, and cannot be read now, is of a transaction.
  const bothEnds = async () => {
    const lasts = await ask(LATEST, 'read_uncommitted')
    return [lasts, isolation === 'read_uncommitted' ? lasts : await ask(LATEST, isolation)] as const
  }
  const [lows, [lasts, highs]] = await Promise.all([ask(EARLIEST, isolation), bothEnds()])
  for (const { error } of [...lows, ...lasts, ...highs]) if (error) throw error
  const byPartition = (found: readonly ListedOffset[]) =>
    new Map(found.map(({ partition, offset }) => [partition, offset]))
  const ends = byPartition(highs)
  const last = byPartition(lasts)
  const marks = new Map<number, Watermarks>()
  for (const { partition, offset: low } of lows) {
    const high = ends.get(partition) ?? -1
    // Negative: not answered, as while the client closes.
    if (low < 0 || high < low) throw UNANSWERED
    marks.set(partition, { low, high, last: Math.max(high, last.get(partition) ?? high) })
  }
  if (marks.size < partitions.length) throw UNANSWERED
  return marks
}

const UNANSWERED: ClientError = { code: ERR.TIMED_OUT, message: 'no answer for some partitions' }

/** OffsetSpec of the binding. */
const EARLIEST = -2
const LATEST = -1

interface ListedOffset {
  readonly partition: number
  readonly offset: number
  readonly error?: ClientError
}

export interface GroupMember {
  readonly clientId: string
  /** As the broker sees it, e.g. 10.0.4.9. */
  readonly host: string
  readonly partitions: readonly number[]
}

export interface DescribedGroup {
  /** In Kafka's words, such as Stable, Empty; Dead where there is no such group. */
  readonly state: string
  readonly members: readonly {
    readonly memberId: string
    readonly clientId: string
    readonly host: string
    readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
  }[]
}

/** Members of a consumer group; undefined where the broker does not answer that question (the mock cluster). */
export async function groupMembers(client: Client, group: string): Promise<GroupMember[] | undefined> {
  const described = await describedGroup(client, group)
  return described?.members.map(({ clientId, host, partitions }) => {
    return { clientId, host, partitions: partitions.map(({ partition }) => partition) }
  })
}

/**
 * State and members of a consumer group; undefined where the broker does not answer.
 *
 * The list of groups is asked first, since describeGroups of the binding (1.10.1) crashes the process where the group
 * itself comes back with an error: not authorized, or its coordinator is still being made.
 */
export async function describedGroup(client: Client, group: string): Promise<DescribedGroup | undefined> {
  const options = { timeout: TIMEOUT_MS }
  return await withAdmin(client, async admin => {
    const { groups } = await answer<{ groups: RdKafka.GroupOverview[] }>(done =>
      admin.listGroups(options, done),
    )
    const listed = groups.find(g => g.groupId === group)
    if (!listed || listed.state === DEAD || listed.state === EMPTY)
      return { state: listed?.state === EMPTY ? 'Empty' : 'Dead', members: [] }
    const described = await answer<RdKafka.GroupDescriptions>(done =>
      admin.describeGroups([group], options, done),
    )
    const [found] = described.groups
    if (found === undefined) return undefined
    const members = found.members.map(member => ({
      memberId: member.memberId,
      clientId: member.clientId,
      host: member.clientHost.replace(/^\//, ''),
      partitions: member.assignment.topicPartitions.map(({ topic, partition }) => ({ topic, partition })),
    }))
    return { state: STATES[found.state] ?? 'Unknown', members }
  })
}

/** Of all consumer groups; undefined where the broker does not answer that question. */
export async function groupNames(client: Client, timeoutMs: number): Promise<string[] | undefined> {
  return await withAdmin(client, async admin => {
    const { groups } = await answer<{ groups: RdKafka.GroupOverview[] }>(done =>
      admin.listGroups({ timeout: timeoutMs }, done),
    )
    return groups.map(({ groupId }) => groupId)
  })
}

/** What a client may do, by resource; undefined where the broker does not tell. */
export interface Access {
  readonly topic: readonly string[] | undefined
  /** Also of a group that does not exist yet. */
  readonly group: readonly string[] | undefined
}

export async function allowedHere(
  client: Client,
  topic: string,
  group: string,
  properties: Readonly<Record<string, string>>,
): Promise<Access> {
  const options = { timeout: SHORT_TIMEOUT_MS, includeAuthorizedOperations: true }
  const [topics, ofGroup] = await Promise.all([
    withAdmin(client, admin =>
      answer<DescribedTopic[]>(done => admin.describeTopics([topic], options, done)),
    ),
    groupOperations(properties, group),
  ])
  const names = (operations: readonly number[] | undefined) =>
    operations?.flatMap(number => OPERATIONS[number] ?? [])
  return { topic: names(topics?.[0]?.authorizedOperations), group: names(ofGroup) }
}

/** Kafka's AclOperation, by number. */
const OPERATIONS: Readonly<Record<number, string>> = {
  3: 'READ',
  4: 'WRITE',
  5: 'CREATE',
  6: 'DELETE',
  7: 'ALTER',
  8: 'DESCRIBE',
}

/** ConsumerGroupStates of the binding, by number. */
const STATES: readonly string[] = [
  'Unknown',
  'PreparingRebalance',
  'CompletingRebalance',
  'Stable',
  'Dead',
  'Empty',
]
const DEAD = 4
const EMPTY = 5

type Done<T> = (error: ClientError | null, found: T) => void

function answer<T>(ask: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => ask((error, found) => (error ? reject(error) : resolve(found))))
}

const admins = new WeakMap<Client, AdminClient>()

/**
 * Asks over the connections of `client`. One admin client each, which ends with it: disconnecting it from a running
 * consumer stops the process (binding 1.10.1).
 */
function adminOf(client: Client): AdminClient {
  // The published types know neither createFrom nor the calls below of the client used here.
  const { AdminClient } = rdkafka() as unknown as { AdminClient: { createFrom(client: Client): AdminClient } }
  const admin = admins.get(client) ?? AdminClient.createFrom(client)
  admins.set(client, admin)
  return admin
}

/** Undefined where the broker does not answer such a question. */
async function withAdmin<T>(client: Client, ask: (admin: AdminClient) => Promise<T>): Promise<T | undefined> {
  try {
    return await ask(adminOf(client))
  } catch {
    return undefined
  }
}

interface AdminClient {
  describeTopics(
    topics: readonly string[],
    options: { timeout: number; includeAuthorizedOperations?: boolean },
    done: Done<DescribedTopic[]>,
  ): void
  listOffsets(
    partitions: readonly object[],
    options: { timeout: number; isolationLevel: number },
    done: Done<ListedOffset[]>,
  ): void
  listGroups(options: { timeout: number }, done: Done<{ groups: RdKafka.GroupOverview[] }>): void
  describeGroups(
    groups: readonly string[],
    options: { timeout: number; includeAuthorizedOperations?: boolean },
    done: Done<RdKafka.GroupDescriptions>,
  ): void
}
