/**
 * The consumer: one call of consume(n) outstanding, batches checked against partition epochs, a rebalance handled
 * step by step. It hands records on and knows nothing of files.
 */
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../errors.ts'
import { type AssignedPartition, type StartOffset, startOffsets } from './assignment.ts'
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
import { groupIsBusy, waitForGroup } from './group.ts'
import { splitProperties } from './properties.ts'
import { topicPartitions, watermarks } from './topic.ts'

export interface ConsumedRecord {
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly value: Buffer | null
}

export interface ConsumerHandlers {
  /** Records of partitions that are owned now; in order within a partition. */
  onRecords(records: readonly ConsumedRecord[]): void
  /** Everything below `offset` of the partition was handed on; there is no more at the moment. */
  onPartitionEnd(partition: number, offset: number): void
  /** These partitions are owned from now on; their first records come after this returned. */
  onAssign(partitions: readonly AssignedPartition[]): void
  /**
   * These partitions are about to be taken away: finish and commit. They are given up once the promise resolves.
   * When `lost`, they belong to somebody else already and nothing of them may be committed.
   */
  onRevoke(partitions: readonly number[], lost: boolean): Promise<void>
  /** Nothing is read any more. */
  onFatal(error: DfspError): void
  onProblem(text: string): void
}

export interface ConsumerOptions {
  readonly topic: string
  readonly group: string
  readonly properties: Readonly<Record<string, string>>
  /** Where to begin in a group that has committed nothing. */
  readonly from: StartOffset
  readonly waitForTopic: boolean
}

export interface FileConsumer extends Committer {
  readonly client: RdKafka.KafkaConsumer
  readonly login: Login
  /** Joins the group and reads until `close`. */
  start(handlers: ConsumerHandlers): void
  /** Stops and resumes fetching from all owned partitions; the group membership stays. */
  pause(): void
  resume(): void
  /** The end of an owned partition as the last fetch reported it, 0 before the first. */
  knownEnd(partition: number): number
  /** End offsets of the owned partitions as they are now. */
  endOffsets(): Promise<ReadonlyMap<number, number>>
  close(): Promise<void>
}

const CONNECT_MS = 10_000
const TOPIC_RETRY_MS = 1_000
const PROBLEM_EVERY_MS = 60_000
/** How long consume(n) waits for its first record; what comes in ends the wait at once. */
const POLL_MS = 100
const BATCH_BYTES = 4 * 1024 * 1024

const DEFAULTS = {
  // The default of 1,000 stops fetching for a second whenever the local queue is full: a third of the throughput.
  'fetch.queue.backoff.ms': 10,
  // A cap, not an allocation: one record of 90 MB beside a full fetch passes the default of 100 MB.
  'receive.message.max.bytes': 1_000_000_000,
  // A killed process holds its partitions for this long; librdkafka's heartbeats do not depend on this thread.
  'session.timeout.ms': 10_000,
} as const

export async function openConsumer(
  options: ConsumerOptions,
  onWaiting: (text: string) => void,
): Promise<FileConsumer> {
  const { group } = options
  const login = loginOf(options.properties)
  const given = splitProperties(options.properties, 'consumer')
  const membership = { handle: (_error: ClientError | undefined, _list: RdKafka.TopicPartition[]) => {} }
  const { KafkaConsumer } = rdkafka()
  const client = new KafkaConsumer(
    {
      ...DEFAULTS,
      ...given.global,
      'group.id': group,
      'enable.auto.commit': false,
      'enable.auto.offset.store': false,
      'enable.partition.eof': true,
      rebalance_cb: (error: ClientError, list: RdKafka.TopicPartition[]) => membership.handle(error, list),
      offset_commit_cb: true,
    } as unknown as RdKafka.ConsumerGlobalConfig,
    { ...given.topic, 'auto.offset.reset': 'earliest' },
  )
  await connect(client, login, CONNECT_MS, onWaiting)
  client.setDefaultConsumeTimeout(POLL_MS)
  ;(
    client as unknown as { setDefaultIsTimeoutOnlyForFirstMessage(on: boolean): void }
  ).setDefaultIsTimeoutOnlyForFirstMessage(true)
  try {
    await existingTopic(client, options, login, onWaiting)
    const sessionMs = Number(given.global['session.timeout.ms'] ?? DEFAULTS['session.timeout.ms'])
    await waitForGroup(client, group, String(given.global['client.id']), sessionMs, onWaiting)
  } catch (error) {
    client.disconnect(() => {})
    throw error
  }
  return runningConsumer(client, options, login, membership)
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
  { topic, group, from }: ConsumerOptions,
  login: Login,
  membership: { handle: (error: ClientError | undefined, list: RdKafka.TopicPartition[]) => void },
): FileConsumer {
  /** Owned partitions and the count of rebalances at which each was assigned. */
  const owned = new Map<number, number>()
  let rebalances = 0
  let handlers: ConsumerHandlers
  let outstanding: Promise<unknown> = Promise.resolve()
  let held: Promise<void> | undefined // while set, no new call of consume begins
  let running = false
  let closing = false
  let paused = false
  let loop: Promise<void> = Promise.resolve()
  let meanBytes = 64 * 1024
  let lastProblem = Number.NEGATIVE_INFINITY
  let ends: { partition: number; offset: number }[] = []

  const toppars = (partitions: Iterable<number>) => [...partitions].map(partition => ({ topic, partition }))
  const cooperative = () =>
    (client as unknown as { rebalanceProtocol(): string }).rebalanceProtocol() === 'COOPERATIVE'
  const incremental = client as unknown as {
    incrementalAssign(list: object[]): void
    incrementalUnassign(list: object[]): void
    assignmentLost(): boolean
  }

  client.on('event.error', problem)
  client.on('partition.eof', ({ partition, offset }) => ends.push({ partition, offset }))

  function problem(error: ClientError): void {
    const now = performance.now()
    if (closing || now - lastProblem < PROBLEM_EVERY_MS) return
    lastProblem = now
    handlers?.onProblem(`${login.brokers}: ${plainDetail(error.message)}; librdkafka keeps trying`)
  }

  function consume(): Promise<RdKafka.Message[]> {
    const n = Math.round(Math.min(256, Math.max(8, BATCH_BYTES / meanBytes)))
    return new Promise((resolve, reject) => {
      client.consume(n, (error, messages) => (error ? reject(error) : resolve(messages)))
    })
  }

  async function read(): Promise<void> {
    while (running) {
      await held
      const before = rebalances
      const call = consume()
      outstanding = call.catch(() => {})
      try {
        deliver(await call, before)
      } catch (error) {
        await readFailed(error as ClientError)
      }
    }
  }

  /**
   * Messages that were in a running call when their partition was revoked arrive after the revocation, and where
   * the partition came back, before its replay: only what was owned since before the call began counts.
   */
  function deliver(messages: readonly RdKafka.Message[], before: number): void {
    const current = (partition: number) => (owned.get(partition) ?? Number.POSITIVE_INFINITY) <= before
    const records: ConsumedRecord[] = []
    for (const message of messages) {
      if (!current(message.partition)) continue
      meanBytes += (message.size - meanBytes) / 32
      records.push({
        partition: message.partition,
        offset: message.offset,
        timestamp: message.timestamp ?? 0,
        value: message.value,
      })
    }
    if (records.length > 0) handlers.onRecords(records)
    const seen = ends
    ends = []
    for (const { partition, offset } of seen)
      if (current(partition)) handlers.onPartitionEnd(partition, offset)
  }

  async function readFailed(error: ClientError): Promise<void> {
    if (error.code === ERR.TIMED_OUT) return
    const told = explain(error, { topic, group, login, doing: 'read' })
    if (error.isFatal || told.code !== 'E_KAFKA') {
      running = false
      handlers.onFatal(told)
      return
    }
    problem(error)
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }

  /** Runs `change` while no call of consume is outstanding. */
  async function betweenReads(change: () => void): Promise<void> {
    let release = () => {}
    held = new Promise(resolve => {
      release = resolve
    })
    await outstanding
    try {
      change()
    } finally {
      held = undefined
      release()
    }
  }

  async function assigned(list: readonly number[]): Promise<void> {
    const starts = await startOffsets(client, topic, list, from)
    const offsets = starts.map(({ partition, start }) => ({ topic, partition, offset: start }))
    await betweenReads(() => {
      rebalances++
      for (const { partition } of starts) owned.set(partition, rebalances)
      handlers.onAssign(starts)
      if (cooperative()) incremental.incrementalAssign(offsets)
      else client.assign(offsets)
      if (paused && offsets.length > 0) client.pause(offsets)
    })
    const all = await topicPartitions(client, topic, login)
    if (all.every(partition => owned.has(partition))) return
    throw await groupIsBusy(client, group, owned.size, all.length)
  }

  async function revoked(list: readonly number[]): Promise<void> {
    const lost = incremental.assignmentLost()
    if (!lost && list.length > 0) client.pause(toppars(list))
    await handlers.onRevoke(list, lost)
    await betweenReads(() => {
      rebalances++
      for (const partition of list) owned.delete(partition)
      giveUp(list)
    })
  }

  function giveUp(list: readonly number[]): void {
    if (cooperative()) incremental.incrementalUnassign(toppars(list))
    else client.unassign()
  }

  membership.handle = (error, list) => {
    const partitions = list.map(tp => tp.partition)
    // While it disconnects the client waits for this call, and nothing can be committed any more.
    if (closing) {
      giveUp(partitions)
      return
    }
    const handling = error?.code === ERR.ASSIGN_PARTITIONS ? assigned(partitions) : revoked(partitions)
    handling.catch(failed => {
      running = false
      handlers.onFatal(
        failed instanceof DfspError
          ? failed
          : explain(failed as ClientError, { topic, group, login, doing: 'rebalance' }),
      )
    })
  }

  return {
    client,
    login,
    ...committer(client, topic),
    start(given) {
      handlers = given
      running = true
      client.subscribe([topic])
      loop = read()
    },
    pause() {
      paused = true
      if (owned.size > 0) client.pause(toppars(owned.keys()))
    },
    resume() {
      paused = false
      if (owned.size > 0) client.resume(toppars(owned.keys()))
    },
    knownEnd(partition) {
      const end = client.getWatermarkOffsets(topic, partition).highOffset
      return Number.isSafeInteger(end) && end > 0 ? end : 0
    },
    async endOffsets() {
      const marks = await Promise.all(
        [...owned.keys()].map(async p => [p, (await watermarks(client, topic, p)).high] as const),
      )
      return new Map(marks)
    },
    async close() {
      closing = true
      running = false
      await loop
      await new Promise<void>(resolve => client.disconnect(() => resolve()))
    },
  }
}
