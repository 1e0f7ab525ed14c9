/** The consumer of a topic's records: connects, joins the group, hands records on and knows nothing of files. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../errors.ts'
import {
  type AssignedPartition,
  type CommittedOffset,
  committedOffsets,
  type StartOffset,
  startOffsets,
} from './assignment.ts'
import {
  type ClientError,
  connect,
  ERR,
  explain,
  type Login,
  loginOf,
  plainDetail,
  rdkafka,
} from './client.ts'
import { type Committer, committer } from './committer.ts'
import { type ConsumerArguments, consumerArguments } from './consumer-arguments.ts'
import { waitForGroup, waitForRest } from './group.ts'
import { type Ownership, ownership } from './ownership.ts'
import { type PartitionEnd, readLoop } from './read-loop.ts'
import { topicId, topicPartitions, watermarks } from './topic.ts'
import { topicIdentity } from './topic-identity.ts'
import { troubles } from './troubles.ts'
import { watch } from './watch.ts'

export interface ConsumedRecord {
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly value: Buffer | null
  /** Only where they were asked for; of those with one name the last. */
  readonly headers?: ReadonlyMap<string, Uint8Array>
}

export interface ConsumerHandlers {
  /** Records of partitions that are owned now; in order within a partition. */
  onRecords(records: readonly ConsumedRecord[]): void
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
  /** Stops and resumes fetching from all owned partitions; the group membership stays. */
  pause(): void
  resume(): void
  /** What the broker has stored for the owned partitions: after a failed commit, whether it was applied. */
  committedNow(): Promise<ReadonlyMap<number, CommittedOffset | undefined>>
  /** The end of an owned partition as the last fetch reported it, 0 before the first. */
  knownEnd(partition: number): number
  /** End offsets of the owned partitions as they are now. */
  endOffsets(): Promise<ReadonlyMap<number, number>>
  close(): Promise<void>
}

const CONNECT_MS = 10_000
const TOPIC_RETRY_MS = 1_000
/** The log line with the reason of a fatal error comes a little later than the error. */
const REASON_MS = 300

type Rebalanced = (error: ClientError, list: RdKafka.TopicPartition[]) => void

export async function openConsumer(
  options: ConsumerOptions,
  onInfo: (text: string) => void,
): Promise<FileConsumer> {
  const { group } = options
  const login = loginOf(options.properties)
  const given = consumerArguments(options.properties, group)
  const membership: { handle: Rebalanced } = { handle: () => {} }
  const { KafkaConsumer } = rdkafka()
  const client = new KafkaConsumer(
    {
      ...given.global,
      rebalance_cb: (error: ClientError, list: RdKafka.TopicPartition[]) => membership.handle(error, list),
    } as unknown as RdKafka.ConsumerGlobalConfig,
    given.topic,
  )
  await connect(client, login, CONNECT_MS, onInfo)
  try {
    await existingTopic(client, options, login, onInfo)
    await waitForGroup(client, group, given.clientId, given.sessionMs, onInfo)
  } catch (error) {
    client.disconnect(() => {})
    throw error
  }
  return runningConsumer(client, options, given, login, membership, onInfo)
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
  { topic, group, from, headers: withHeaders }: ConsumerOptions,
  { clientId, sessionMs }: ConsumerArguments,
  login: Login,
  membership: { handle: Rebalanced },
  onInfo: (text: string) => void,
): FileConsumer {
  let handlers: ConsumerHandlers
  let paused = false
  let closing = false
  /** Something was read: from here on a refusal may pass, and ends nothing. */
  let hasRead = false
  /** Behind ERR.FATAL, which says nothing itself. */
  let fatalReason: ClientError = { code: ERR.FATAL, message: 'fatal error' }
  let endWatch = async () => {}
  const trouble = troubles(
    text => !closing && handlers.onProblem(text),
    () => performance.now(),
  )
  const all = () => [...(owns.epoch?.positions.keys() ?? [])]
  const toppars = () => all().map(partition => ({ topic, partition }))

  const loop = readLoop(client, { turn: () => owns.turn, deliver, failed })
  const owns: Ownership = ownership({
    client,
    topic,
    loop,
    partitions: () => topicPartitions(client, topic, login),
    starts: async (partitions, anew) =>
      startOffsets(client, topic, partitions, from, (await identity.hasChanged()) || anew),
    onAssign(partitions) {
      if (!hasRead && partitions.every(p => p.committed === undefined) && partitions.some(p => p.end > 0))
        onInfo(`group ${group} has no committed offsets (it is new, or they have expired): ${begins(from)}`)
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
      }),
    onRetry: error => {
      const told = inWords(error, 'rebalance')
      if (!hasRead && told.code !== 'E_KAFKA') throw told
      trouble.tell(refused(told))
    },
    onFailed: error => fatal(inWords(error, 'rebalance')),
    isPaused: () => paused,
    now: () => performance.now(),
  })
  membership.handle = owns.rebalance
  const commits = committer(client, topic, partition => {
    const { epoch } = owns
    return epoch !== undefined && !epoch.stale && epoch.positions.has(partition) && !owns.isLost
  })
  const identity = topicIdentity(() => topicId(client, topic))
  client.on(
    'event.error',
    error =>
      handlers && trouble.tell(`${login.brokers}: ${plainDetail(error.message)}; librdkafka keeps trying`),
  )

  client.on('event.log', ({ fac, message }: { fac?: string; message: string }) => {
    if (fac !== 'FATAL') return
    const code = /group\.instance\.id|instance id/i.test(message) ? ERR.FENCED_INSTANCE : ERR.FATAL
    fatalReason = { code, message: plainDetail(message) }
  })

  /**
   * Messages that were in a running call when their partition was revoked arrive after the revocation, and where
   * the partition came back, before its replay: only what was owned since before the call began counts.
   */
  function deliver(messages: readonly RdKafka.Message[], ends: readonly PartitionEnd[], turn: number): void {
    const { epoch } = owns
    if (!epoch || epoch.draining || epoch.turn > turn) return
    const since = performance.now()
    const records: ConsumedRecord[] = []
    for (const { partition, offset, timestamp, value, headers } of messages) {
      const position = epoch.positions.get(partition)
      if (!position) continue
      if (offset < position.next) return wentBack(partition, position.next, offset)
      position.next = offset + 1
      position.since = since
      const record = { partition, offset, timestamp: timestamp ?? 0, value }
      records.push(withHeaders ? { ...record, headers: headersOf(headers) } : record)
    }
    if (messages.length > 0 || ends.length > 0) {
      hasRead = true
      trouble.over()
    }
    if (records.length > 0) handlers.onRecords(records)
    for (const { partition, offset } of ends) {
      const position = epoch.positions.get(partition)
      if (!position || offset < position.next) continue
      position.next = offset
      position.since = since
      handlers.onPartitionEnd(partition, offset)
    }
  }

  /** Nothing of the batch counts: all of it is read again in the next epoch. */
  function wentBack(partition: number, from: number, to: number): void {
    trouble.tell(
      `${topic}[${partition}] went back to offset ${to} from ${from}: the topic was made anew or cut`,
    )
    owns.restart(false)
  }

  function newTopic(): void {
    handlers.onProblem(`topic ${topic} was deleted and made anew: reading the new one from its first records`)
    owns.restart(true)
  }

  function failed(error: ClientError): boolean {
    if (error.code === ERR.FATAL) {
      setTimeout(() => fatal(inWords(fatalReason, 'read')), REASON_MS)
      return false
    }
    const told = inWords(error, 'read')
    const isRefusal = told.code !== 'E_KAFKA'
    if (
      error.isFatal ||
      error.code === ERR.FATAL ||
      told.code === 'E_GROUP_BUSY' ||
      (isRefusal && !hasRead)
    ) {
      fatal(told)
      return false
    }
    trouble.tell(refused(told), isRefusal)
    return true
  }

  function fatal(error: DfspError): void {
    if (!closing) handlers.onFatal(error)
  }

  const inWords = (error: unknown, doing: string) =>
    error instanceof DfspError ? error : explain(error as ClientError, { topic, group, login, doing })

  return {
    client,
    login,
    async commit(offsets) {
      // Offsets of the old topic would hide the first records of the new one for good.
      if (await identity.hasChanged()) newTopic()
      await commits.commit(offsets)
    },
    committedNow: async () => (owns.epoch ? await committedOffsets(client, topic, all()) : new Map()),
    start(given) {
      handlers = given
      client.subscribe([topic])
      loop.start()
      endWatch = watch({
        client,
        topic,
        owns,
        isPaused: () => paused,
        onProblem: given.onProblem,
        hasNewTopic: identity.hasChanged,
        onNewTopic: newTopic,
        onLow: (partition, low) => given.onLowWatermark?.(partition, low),
        onStalled: text => (trouble.isLasting ? trouble.again() : trouble.tell(text)),
        onUnanswered: error => trouble.tell(refused(inWords(error, 'ask for offsets'))),
        onNothingOwned: trouble.again,
      })
    },
    pause() {
      paused = true
      if (owns.epoch) client.pause(toppars())
    },
    resume() {
      paused = false
      if (owns.epoch && !owns.epoch.draining) client.resume(toppars())
      for (const position of owns.epoch?.positions.values() ?? []) position.since = performance.now()
    },
    knownEnd(partition) {
      const end = client.getWatermarkOffsets(topic, partition).highOffset
      return Number.isSafeInteger(end) && end > 0 ? end : 0
    },
    async endOffsets() {
      const marks = await Promise.all(
        all().map(async p => [p, (await watermarks(client, topic, p)).high] as const),
      )
      return new Map(marks)
    },
    async close() {
      closing = true
      await Promise.all([owns.close(), endWatch()])
      await loop.stop()
      await new Promise<void>(resolve => client.disconnect(() => resolve()))
    },
  }
}

function refused({ message, facts }: DfspError): string {
  return `${[message, ...facts].join(': ')}; trying again`
}

function headersOf(list: RdKafka.MessageHeader[] = []): ReadonlyMap<string, Uint8Array> {
  return new Map(
    list.flatMap(header =>
      Object.entries(header).map(([name, value]) => [name, Buffer.from(value)] as const),
    ),
  )
}

function begins(from: StartOffset): string {
  if (from === 'earliest') return 'reading from the first records'
  return from === 'latest' ? 'reading what comes from now on' : 'reading from the given time on'
}
