/** The consumer of a topic's records: connects, joins the group, hands records on and knows nothing of files. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../../base/errors.ts'
import type { StartOffset } from '../../core/offsets/start-offset.ts'
import { asker } from '../ask/asker.ts'
import { coordinatorProblem } from '../ask/group-access.ts'
import { type SessionLimits, sessionLimits } from '../ask/session-limits.ts'
import { groupMembers, topicId, topicPartitions, watermarks } from '../ask/topic.ts'
import { topicIdentity } from '../ask/topic-identity.ts'
import { type ClientError, ERR } from '../client-error.ts'
import { connect } from '../connect.ts'
import { type Login, loginOf } from '../login.ts'
import { type AssignedPartition, type CommittedOffset, committedOffsets, startOffsets } from './assignment.ts'
import { type Committer, committer } from './committer.ts'
import { type ConsumerArguments, consumerArguments } from './consumer-arguments.ts'
import { type ConsumedRecord, delivery } from './delivery.ts'
import { waitForGroup, waitForRest } from './group.ts'
import { type Ownership, ownership } from './ownership.ts'
import { pauses } from './pauses.ts'
import { readErrors } from './read-errors.ts'
import { readLoop } from './read-loop.ts'
import { type Watch, watch } from './watch.ts'

export type { ConsumedRecord } from './delivery.ts'

export interface ConsumerHandlers {
  /** Records of partitions that are owned now; in order within a partition. */
  onRecords(records: readonly ConsumedRecord[]): void
  /** Resolves when more is wanted, in a moment at most; undefined: at once. */
  wait?(): Promise<void> | undefined
  /** Everything below `offset` of the partition was handed on; there is no more at the moment. */
  onPartitionEnd(partition: number, offset: number): void
  /** All partitions of the topic are owned from now on; their first records come after this returned. */
  onAssign(partitions: readonly AssignedPartition[]): void
  /**
   * Some of them are about to be taken away, so all are given back: finish and commit. That is done once the promise
   * resolves. When `lost`, they belong to somebody else already and nothing of them may be committed.
   */
  onRevoke(partitions: readonly number[], lost: boolean): Promise<void>
  /** Nothing is read any more. */
  onFatal(error: DfspError): void
  onProblem(text: string): void
  /** Records of an owned partition below `low` were deleted, whether they were processed or not. */
  onLowWatermark?(partition: number, low: number): void
}

export interface ConsumerOptions {
  readonly topic: string
  readonly group: string
  readonly properties: Readonly<Record<string, string>>
  /** Where to begin in a group that has committed nothing. */
  readonly from: StartOffset
  readonly waitForTopic: boolean
  /** Hand on the records' headers, too. */
  readonly headers?: true
}

export interface FileConsumer extends Committer {
  readonly client: RdKafka.KafkaConsumer
  readonly login: Login
  /** Joins the group and reads until `close`. */
  start(handlers: ConsumerHandlers): void
  /** Stops and resumes reading from all owned partitions; the group membership stays. */
  pause(): void
  resume(): void
  /** A pause that is to last; answers to commits come in at once. */
  stop(): void
  /** What the broker has stored for the owned partitions: after a failed commit, whether it was applied. */
  committedNow(): Promise<ReadonlyMap<number, CommittedOffset | undefined>>
  /** The end of an owned partition as the last fetch reported it, 0 before the first. */
  knownEnd(partition: number): number
  /** Up to where the owned partitions can be read at present: an open transaction lies beyond. */
  endOffsets(): Promise<ReadonlyMap<number, number>>
  readonly health: Health
  close(): Promise<void>
}

export interface Health {
  /** All partitions are owned. */
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

const TOPIC_RETRY_MS = 1_000
/** For so long the reason is asked for why the group is not joined. */
const REASON_MS = 3_000
const THROTTLED =
  'the broker slows this client down (a quota of its user or client id): records come as it lets them'

type Rebalanced = (error: ClientError, list: RdKafka.TopicPartition[]) => void

export async function openConsumer(
  options: ConsumerOptions,
  onInfo: (text: string) => void,
): Promise<FileConsumer> {
  const { group } = options
  const login = loginOf(options.properties)
  const given = consumerArguments(options.properties, group)
  const membership: { handle: Rebalanced } = { handle: () => {} }
  const global = {
    ...given.global,
    rebalance_cb: (error: ClientError, list: RdKafka.TopicPartition[]) => membership.handle(error, list),
  } as unknown as RdKafka.ConsumerGlobalConfig
  const { client, metadata } = await connect(
    ({ KafkaConsumer }) => new KafkaConsumer(global, given.topic),
    login,
    onInfo,
  )
  try {
    await existingTopic(client, options, login, onInfo)
    await waitForGroup(client, group, given.clientId, given.sessionMs, onInfo)
  } catch (error) {
    client.disconnect(() => {})
    throw error
  }
  const limits = () => sessionLimits(options.properties, metadata.brokers[0])
  return runningConsumer(client, options, given, login, membership, limits, onInfo)
}

async function existingTopic(
  client: RdKafka.KafkaConsumer,
  options: ConsumerOptions,
  login: Login,
  onWaiting: (text: string) => void,
): Promise<void> {
  for (let told = false; ; told = true) {
    try {
      await topicPartitions(client, options.topic, login)
      return
    } catch (error) {
      if (!options.waitForTopic || !(error instanceof DfspError) || error.code !== 'E_TOPIC_MISSING')
        throw error
      if (!told) onWaiting(`topic "${options.topic}" does not exist yet: waiting for it`)
      await new Promise(resolve => setTimeout(resolve, TOPIC_RETRY_MS))
    }
  }
}

function runningConsumer(
  client: RdKafka.KafkaConsumer,
  { topic, group, from, properties, headers: withHeaders }: ConsumerOptions,
  { clientId, sessionMs, isolation }: ConsumerArguments,
  login: Login,
  membership: { handle: Rebalanced },
  limits: () => Promise<SessionLimits | undefined>,
  onInfo: (text: string) => void,
): FileConsumer {
  let handlers: ConsumerHandlers
  let closing = false
  const beside = asker(properties)
  let watching: Watch | undefined
  const errors = readErrors({
    client,
    topic,
    group,
    login,
    sessionMs,
    sessionLimits: limits,
    onFatal: error => !closing && handlers.onFatal(error),
    // Before the start it is for connect to tell.
    onProblem: text => !closing && handlers?.onProblem(text),
  })
  const all = () => [...(owns.epoch?.positions.keys() ?? [])]
  const toppars = () => all().map(partition => ({ topic, partition }))

  const deliver = delivery({
    withHeaders: withHeaders === true,
    epoch: () => owns.epoch,
    onRecords: records => handlers.onRecords(records),
    onPartitionEnd: (partition, offset) => handlers.onPartitionEnd(partition, offset),
    onWentBack(partition, from, to) {
      handlers.onProblem(
        `${topic}[${partition}] went back to offset ${to} from ${from}: the topic was made anew or cut`,
      )
      owns.restart(false)
    },
    onAlive: errors.alive,
    now: () => performance.now(),
  })
  const reading = pauses({
    stop: () => owns.epoch && client.pause(toppars()),
    start: () => owns.epoch && !owns.epoch.draining && client.resume(toppars()),
    after(ms, then) {
      const timer = setTimeout(then, ms)
      return () => clearTimeout(timer)
    },
  })
  let cameRound = performance.now()
  const loop = readLoop(client, {
    turn: () => owns.turn,
    wait: () => reading.wait() ?? handlers.wait?.(),
    deliver(...brought) {
      cameRound = performance.now()
      deliver(...brought)
    },
    failed: errors.failed,
  })
  const owns: Ownership = ownership({
    client,
    topic,
    loop,
    partitions: () => topicPartitions(client, topic, login),
    starts: async (partitions, anew) =>
      startOffsets({ client, topic, isolation }, partitions, from, (await identity.hasChanged()) || anew),
    onAssign(partitions) {
      if (
        !errors.hasRead &&
        partitions.every(p => p.committed === undefined) &&
        partitions.some(p => p.end > 0)
      )
        onInfo(`group ${group} has no committed offsets (it is new, or they have expired): ${begins(from)}`)
      errors.joined()
      handlers.onAssign(partitions)
    },
    onRevoke: (partitions, lost) => handlers.onRevoke(partitions, lost),
    waitForRest: (owned, came, over) =>
      waitForRest(client, group, {
        clientId,
        sessionMs,
        owned,
        total: async () => (await topicPartitions(client, topic, login)).length,
        came,
        over,
        onWaiting: errors.trouble.tell,
      }),
    onRetry: error => errors.retried(error),
    onFailed: errors.ended,
    isStopped: () => reading.isStopped,
    now: () => performance.now(),
  })
  membership.handle = owns.rebalance
  const commits = committer(client, { topic, group, login }, partition => {
    const { epoch } = owns
    return epoch !== undefined && !epoch.stale && epoch.positions.has(partition) && !owns.isLost
  })
  const marks = (partitions: readonly number[]) =>
    beside.ask(async other => {
      try {
        return await watermarks(other, topic, partitions, isolation)
      } catch (error) {
        // Deleted, or hidden from this client now: the client does not say which.
        if ((error as ClientError).code === ERR.NO_ENTRY) await topicPartitions(other, topic, login)
        throw error
      }
    })
  const identity = topicIdentity(() => beside.ask(other => topicId(other, topic)).catch(() => undefined))
  function newTopic(): void {
    handlers.onProblem(`topic ${topic} was deleted and made anew: reading the new one from its first records`)
    owns.restart(true)
  }

  /** Whoever waits is told why. */
  async function notJoined(): Promise<void> {
    if (errors.trouble.isLasting) return errors.trouble.again()
    const questions = Promise.all([
      coordinatorProblem(properties, group),
      beside.ask(other => groupMembers(other, group)).catch(() => undefined),
    ])
    const nothing = new Promise<[]>(resolve => setTimeout(resolve, REASON_MS, []))
    const [reason, members = []] = await Promise.race([questions, nothing])
    if (closing || owns.epoch) return
    const others = members.filter(member => member.clientId !== clientId).map(member => member.clientId)
    if (reason !== undefined) errors.notJoined(reason)
    else if (others.length > 0) errors.notJoined(`it waits for its member ${others.join(', ')}`)
    else errors.notJoined('its coordinator has not answered yet')
  }

  return {
    client,
    login,
    async commit(offsets) {
      // Offsets of the old topic would hide the first records of the new one for good. The answer takes a moment,
      // which no commit waits for: where it is another one, its first commit goes out as soon as that is known.
      void identity.hasChanged().then(changed => changed && newTopic())
      await commits.commit(offsets)
    },
    committedNow: async () => (owns.epoch ? await committedOffsets(client, topic, all()) : new Map()),
    start(given) {
      handlers = given
      client.subscribe([topic])
      loop.start()
      watching = watch({
        client,
        topic,
        owns,
        watermarks: marks,
        isPaused: () => reading.isPaused,
        onProblem: given.onProblem,
        hasNewTopic: identity.hasChanged,
        onNewTopic: newTopic,
        onLow: (partition, low) => given.onLowWatermark?.(partition, low),
        onStalled: text => (errors.trouble.isLasting ? errors.trouble.again() : errors.trouble.tell(text)),
        onOpenTransaction: text => errors.trouble.tell(text),
        onThrottled: () => errors.trouble.tell(THROTTLED),
        onAnswered: errors.answered,
        onUnanswered: error => errors.passing(error, 'ask for offsets'),
        onNothingOwned: () => void notJoined(),
      })
    },
    pause: reading.pause,
    stop: reading.stop,
    resume() {
      reading.resume()
      for (const position of owns.epoch?.positions.values() ?? []) position.since = performance.now()
    },
    knownEnd(partition) {
      if (closing) return 0
      const end = client.getWatermarkOffsets(topic, partition).highOffset
      return Number.isSafeInteger(end) && end > 0 ? end : 0
    },
    async endOffsets() {
      const found = await marks(all())
      errors.answered()
      return new Map([...found].map(([partition, { high }]) => [partition, high]))
    },
    get health() {
      return {
        isJoined: !closing && owns.epoch !== undefined && !owns.epoch.draining,
        away: errors.away,
        stuck: watching?.stuck(),
        lost: errors.lost,
        silentMs: performance.now() - cameRound,
      }
    },
    async close() {
      closing = true
      beside.close()
      await Promise.all([owns.close(), watching?.end()])
      const stopped = loop.stop()
      reading.release()
      await stopped
      // Of a broker that does not answer the group cannot be left, and the attempt would hold the process for minutes.
      if (!errors.isSilent) await new Promise<void>(resolve => client.disconnect(() => resolve()))
    },
  }
}

function begins(from: StartOffset): string {
  if (from === 'earliest') return 'reading from the first records'
  return from === 'latest' ? 'reading what comes from now on' : 'reading from the given time on'
}
