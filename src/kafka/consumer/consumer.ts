/** The consumer of a topic's records: connects, joins the group, hands records on and knows nothing of files. */
import type RdKafka from '@confluentinc/kafka-javascript'
import type { DfspError } from '../../base/errors.ts'
import { disconnected } from '../ask/admin.ts'
import type { GroupMember } from '../ask/group.ts'
import type { Login } from '../login.ts'
import { assigner } from './assigner.ts'
import { type CommittedOffset, committedOffsets } from './assignment.ts'
import { type Committer, committer } from './committer.ts'
import { type Connection, type ConsumerOptions, openConnection } from './connection.ts'
import { type ConsumerHandlers, joinGroup, type Membership } from './membership.ts'
import { clientOutages } from './outages.ts'
import { ownedPartitions } from './owned.ts'
import { pauses } from './pauses.ts'
import { questions } from './questions.ts'

export type { ConsumedRecord } from './delivery.ts'

export interface FileConsumer extends Committer {
  readonly client: RdKafka.KafkaConsumer
  readonly login: Login
  /** What the group has committed in other topics. */
  readonly elsewhere: Connection['elsewhere']
  /** Joins the group and reads until `close`. */
  start(handlers: ConsumerHandlers): void
  /** Stops and resumes reading from all owned partitions; the group membership stays. */
  pause(): void
  resume(): void
  /** A pause that is to last, at once, and answers to commits go on coming in. */
  pauseForGood(): void
  /** What the broker has stored for the owned partitions: after a failed commit, whether it was applied. */
  committedNow(): Promise<ReadonlyMap<number, CommittedOffset | undefined>>
  /** The end of an owned partition as the last fetch reported it, 0 before the first. */
  knownEnd(partition: number): number
  /** Up to where the owned partitions can be read at present: an open transaction lies beyond. */
  endOffsets(): Promise<ReadonlyMap<number, number>>
  /** Partitions of which records are handed on at this moment, in order: one that goes is none of them any more. */
  reading(): readonly number[]
  /** Of the group, with what they own of the topic; undefined where the broker does not tell, or does not answer. */
  otherMembers(): Promise<readonly GroupMember[] | undefined>
  /** For so long a killed process stays a member of the group, in milliseconds. */
  readonly sessionMs: number
  /** How many partitions the topic has, as far as was told. */
  readonly partitionCount: number
  readonly health: Health
  close(): Promise<void>
}

export interface Health {
  /** All partitions are owned, or what this process was given of them. */
  readonly isJoined: boolean
  /** Why the brokers do not answer; undefined while they do, as far as is known. */
  readonly away: string | undefined
  /** Which records are there and were asked for again in vain. */
  readonly stuck: string | undefined
  /** What the broker refuses, has not any more or does not answer, for too long for a run that is to end. */
  readonly lost: DfspError | undefined
  /** Milliseconds since reading last came round, which it does several times a second also while nothing comes. */
  readonly silentMs: number
}

export async function openConsumer(
  options: ConsumerOptions,
  onInfo: (text: string) => void,
): Promise<FileConsumer> {
  const connection = await openConnection(options, onInfo)
  const { client, reader, login, given } = connection
  const { topic, group, properties } = options
  let closing = false
  const owned = ownedPartitions()
  const assign = assigner(client, topic, reader)
  const outages = clientOutages(client, login)
  const asks = questions(properties, topic, group, given.isolation)
  const pausing = pauses({
    stop: () => assign.pause(owned.positions.keys()),
    start: () => owned.isAnyRead && assign.resume(owned.positions.keys()),
    after(ms, then) {
      const timer = setTimeout(then, ms)
      return () => clearTimeout(timer)
    },
  })
  const commits = committer(
    client,
    { topic, group, login, shared: options.shared },
    partition => owned.mayCommit(partition) && !assign.isLost,
  )
  let membership: Membership | undefined
  const all = () => [...owned.positions.keys()]

  return {
    client,
    login,
    elsewhere: connection.elsewhere,
    async commit(offsets) {
      membership?.committing()
      await commits.commit(offsets)
    },
    committedNow: async () => await committedOffsets(client, topic, all()),
    start(handlers) {
      const parts = { owned, assign, pausing, outages, asks, isClosing: () => closing }
      membership = joinGroup(connection, parts, handlers)
    },
    pause: pausing.pause,
    pauseForGood: pausing.pauseForGood,
    resume() {
      pausing.resume()
      for (const position of owned.positions.values()) position.since = performance.now()
    },
    knownEnd(partition) {
      if (closing) return 0
      const end = reader.getWatermarkOffsets(topic, partition).highOffset
      return Number.isSafeInteger(end) && end > 0 ? end : 0
    },
    async endOffsets() {
      const found = await asks.watermarks(all())
      outages.answered()
      return new Map([...found].map(([partition, { high }]) => [partition, high]))
    },
    reading() {
      if (closing || assign.isLost) return []
      return all()
        .filter(partition => owned.positions.get(partition)?.isGoing === false)
        .sort((a, b) => a - b)
    },
    async otherMembers() {
      const members = closing ? undefined : await asks.members()
      return members?.filter(({ clientId }) => clientId !== given.clientId)
    },
    sessionMs: given.sessionMs,
    get partitionCount() {
      return connection.partitions.count
    },
    get health() {
      return {
        isJoined: !closing && (owned.isAnyRead || (options.shared && membership?.isMember === true)),
        away: outages.away,
        stuck: membership?.stuck,
        lost: outages.lost,
        silentMs: membership?.silentMs ?? 0,
      }
    },
    async close() {
      closing = true
      asks.close()
      await membership?.end()
      // Of a broker that does not answer the group cannot be left, and the attempt would hold the process for minutes.
      if (outages.isSilent) return
      // The member first: what it is asked to give up while it leaves, the reader gives up with it.
      for (const each of new Set([client, reader])) await disconnected(each)
    },
  }
}
