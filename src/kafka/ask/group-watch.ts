/** Where a group stands in a topic, asked again and again without joining it. */
import type RdKafka from '@confluentinc/kafka-javascript'
import type { DfspError } from '../../base/errors.ts'
import type { StartOffset } from '../../core/offsets/start-offset.ts'
import { type ClientError, ERR } from '../client-error.ts'
import { connect } from '../connect.ts'
import { type AssignedPartition, startOffsets } from '../consumer/assignment.ts'
import { consumerArguments } from '../consumer/consumer-arguments.ts'
import { explain } from '../explain.ts'
import { loginOf } from '../login.ts'
import { type Access, allowedHere } from './access.ts'
import { disconnected } from './admin.ts'
import { type DescribedGroup, describedGroup } from './group.ts'
import { groupOperations } from './group-access.ts'
import { sessionLimits, sessionRefused } from './session-limits.ts'
import { topicPartitions } from './topic.ts'

export interface GroupInTopic {
  readonly topic: string
  readonly group: string
  readonly properties: Readonly<Record<string, string>>
}

export interface GroupStanding {
  readonly partitions: readonly AssignedPartition[]
  /** Undefined where the broker does not tell. */
  readonly described: DescribedGroup | undefined
}

export interface GroupWatch {
  /** Brokers of the cluster. */
  readonly brokers: number
  /** `from`: where a new group would begin. Rejects with a DfspError. */
  look(from?: StartOffset): Promise<GroupStanding>
  /** What this client may do; undefined where the broker does not tell. */
  access(): Promise<Access>
  /** What the broker refuses of what a run would set; undefined where nothing is known of that. */
  refused(): Promise<DfspError | undefined>
  close(): Promise<void>
}

/** Connects; throws a DfspError where it cannot. */
export async function watchGroup({ topic, group, properties }: GroupInTopic): Promise<GroupWatch> {
  const login = loginOf(properties)
  const given = consumerArguments(properties, group, false)
  const global = given.global as unknown as RdKafka.ConsumerGlobalConfig
  const { client, metadata } = await connect(
    ({ KafkaConsumer }) => new KafkaConsumer(global, given.topic),
    login,
  )
  return {
    brokers: metadata.brokers.length,
    access: () => allowedHere(client, topic, group, properties),
    async refused() {
      const { sessionMs, isClassic } = given
      const limits = isClassic ? await sessionLimits(properties, metadata.brokers[0]) : undefined
      if (limits === undefined || (sessionMs >= limits.min && sessionMs <= limits.max)) return undefined
      return sessionRefused(sessionMs, limits)
    },
    async look(from = 'earliest') {
      const numbers = await topicPartitions(client, topic, login)
      const explained = (error: unknown) => {
        throw explain(error as ClientError, { topic, group, login, doing: 'read offsets' })
      }
      const [partitions, described] = await Promise.race([
        Promise.all([
          startOffsets({ client, topic, isolation: given.isolation }, numbers, from).catch(explained),
          describedGroup(client, group),
        ]),
        login.isKnown ? refusal(properties, group).catch(explained) : NEVER,
      ])
      return { partitions, described }
    },
    close: () => disconnected(client),
  }
}

/** Every partition as the group would begin it, asked once. Throws a DfspError. */
export async function groupOffsets(group: GroupInTopic): Promise<readonly AssignedPartition[]> {
  const watch = await watchGroup(group)
  try {
    return (await watch.look()).partitions
  } finally {
    await watch.close()
  }
}

const NEVER = new Promise<never>(() => {})

/** Rejects where the group may not even be looked at: the client says of that no more than that time is up. */
async function refusal(properties: Readonly<Record<string, string>>, group: string): Promise<never> {
  const operations = await groupOperations(properties, group)
  if (operations?.length !== 0) return await NEVER
  throw Object.assign(new Error('Broker: Group authorization failed'), {
    code: ERR.GROUP_AUTHORIZATION_FAILED,
  })
}
