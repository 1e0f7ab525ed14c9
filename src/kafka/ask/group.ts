/** What the broker says of consumer groups. */

import type RdKafka from '@confluentinc/kafka-javascript'
import type { Client } from '../addon.ts'
import { ask, TIMEOUT_MS, unlessUnanswered } from './admin.ts'

export interface GroupMember {
  readonly clientId: string
  /** Its `group.instance.id`, if it has one. */
  readonly name: string | undefined
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
    /** As of a `GroupMember`. */
    readonly name: string | undefined
    readonly host: string
    readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
  }[]
}

/**
 * Members of a consumer group, with their partitions of `topic`, or of all topics; undefined where the broker does not
 * answer that question (the mock cluster).
 */
export async function groupMembers(
  client: Client,
  group: string,
  topic?: string,
): Promise<GroupMember[] | undefined> {
  const described = await describedGroup(client, group)
  return described?.members.map(({ clientId, name, host, partitions }) => {
    const those = topic === undefined ? partitions : partitions.filter(one => one.topic === topic)
    return { clientId, name, host, partitions: those.map(({ partition }) => partition) }
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
  return await unlessUnanswered(asGroup())

  async function asGroup(): Promise<DescribedGroup | undefined> {
    const { groups } = await ask<{ groups: RdKafka.GroupOverview[] }>(client, (admin, done) =>
      admin.listGroups(options, done),
    )
    const listed = groups.find(g => g.groupId === group)
    if (!listed || listed.state === DEAD || listed.state === EMPTY)
      return { state: listed?.state === EMPTY ? 'Empty' : 'Dead', members: [] }
    const described = await ask<RdKafka.GroupDescriptions>(client, (admin, done) =>
      admin.describeGroups([group], options, done),
    )
    const [found] = described.groups
    if (found === undefined) return undefined
    const members = found.members.map(member => ({
      memberId: member.memberId,
      clientId: member.clientId,
      name: member.groupInstanceId || undefined,
      host: member.clientHost.replace(/^\//, ''),
      partitions: member.assignment.topicPartitions.map(({ topic, partition }) => ({ topic, partition })),
    }))
    return { state: STATES[found.state] ?? 'Unknown', members }
  }
}

/** Of all consumer groups; undefined where the broker does not answer that question. */
export async function groupNames(client: Client, timeoutMs: number): Promise<string[] | undefined> {
  const listed = await unlessUnanswered(
    ask<{ groups: RdKafka.GroupOverview[] }>(client, (admin, done) =>
      admin.listGroups({ timeout: timeoutMs }, done),
    ),
  )
  return listed?.groups.map(({ groupId }) => groupId)
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
