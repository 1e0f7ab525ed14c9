/** The client itself, without what src/kafka makes of it: for tests of what src relies on. */
import { setTimeout as delay } from 'node:timers/promises'
import kafka, {
  type ConsumerGlobalConfig,
  type LibrdKafkaError,
  type ProducerGlobalConfig,
  type TopicPartition,
} from '@confluentinc/kafka-javascript'
import { ERR } from '../../src/kafka/client-error.ts'
import { answer } from './topics.ts'

export const TIMEOUT_MS = 30_000
const POLL_MS = 50

/** What the binding has and its published types have not. */
export type RawConsumer = kafka.KafkaConsumer & {
  incrementalAssign(list: readonly TopicPartition[]): void
  incrementalUnassign(list: readonly TopicPartition[]): void
  assignmentLost(): boolean
}

type Properties = Readonly<Record<string, string | number | boolean>>

type Rebalance = (error: LibrdKafkaError, list: readonly TopicPartition[]) => void

export type RawMember = {
  consumer: RawConsumer
  /** Partitions that it was assigned and has not given back. */
  owned: ReadonlySet<number>
  /** ASSIGNs and REVOKEs so far: `+0,1`, `-1`, `-1 lost`. */
  changes: readonly string[]
  /** Records that came, as `partition@offset`. */
  records: readonly string[]
  /** Codes of failed reads, each once. */
  errors: ReadonlySet<number>
  /** Commits, and resolves to the broker's code: 0 where it was taken. */
  commit(partition: number, offset: number, metadata?: string): Promise<number>
}

export type MemberOptions = Properties & { 'group.id': string }

export type RawClients = {
  /** Acknowledges what it produces by `flush`. */
  producer(properties?: Properties): Promise<kafka.Producer>
  /** A consumer that is connected, and in no group; `rebalance` has to answer. */
  consumer(properties: MemberOptions, rebalance?: Rebalance): Promise<RawConsumer>
  /** A member of a group, which answers what it is assigned at once, and a REVOKE when `revoke` resolves. */
  member(
    topic: string,
    properties: MemberOptions,
    revoke?: (partitions: readonly number[]) => Promise<void>,
  ): Promise<RawMember>
  /** Disconnects all of them. */
  close(): Promise<void>
}

export function rawClients(brokers: string): RawClients {
  const open: (kafka.Producer | kafka.KafkaConsumer)[] = []
  const loops: Promise<void>[] = []
  let isClosing = false

  async function connected<T extends kafka.Producer | RawConsumer>(client: T): Promise<T> {
    await answer(done => (client as kafka.Producer).connect({ timeout: TIMEOUT_MS }, done))
    open.push(client)
    return client
  }

  async function consumer(properties: MemberOptions, rebalance?: Rebalance): Promise<RawConsumer> {
    const own = { 'bootstrap.servers': brokers, 'enable.auto.commit': false }
    const answers = rebalance ? { rebalance_cb: rebalance } : {}
    const global = { ...own, ...answers, ...properties } as unknown as ConsumerGlobalConfig
    const made = new kafka.KafkaConsumer(global, { 'auto.offset.reset': 'earliest' })
    made.setDefaultConsumeTimeout(POLL_MS)
    return await connected(made as RawConsumer)
  }

  return {
    consumer,
    async producer(properties = {}) {
      const global = { 'bootstrap.servers': brokers, ...properties } as ProducerGlobalConfig
      const made = await connected(new kafka.Producer(global))
      made.setPollInBackground(true)
      return made
    },
    async member(topic, properties, revoke = async () => {}) {
      const owned = new Set<number>()
      const changes: string[] = []
      const records: string[] = []
      const errors = new Set<number>()
      const rebalance: Rebalance = ({ code }, list) => {
        const partitions = list.map(({ partition }) => partition)
        const isLost = code !== ERR.ASSIGN_PARTITIONS && made.assignmentLost()
        changes.push(
          `${code === ERR.ASSIGN_PARTITIONS ? '+' : '-'}${partitions.join()}${isLost ? ' lost' : ''}`,
        )
        if (code === ERR.ASSIGN_PARTITIONS) {
          made.incrementalAssign(list)
          for (const partition of partitions) owned.add(partition)
          return
        }
        const giveUp = () => {
          made.incrementalUnassign(list)
          for (const partition of partitions) owned.delete(partition)
        }
        if (isClosing) giveUp()
        else void revoke(partitions).then(giveUp)
      }
      const made = await consumer({ offset_commit_cb: true, ...properties }, rebalance)
      made.subscribe([topic])
      const read = async () => {
        while (!isClosing)
          try {
            const batch = await answer<kafka.Message[]>(done => made.consume(100, done))
            records.push(...batch.map(({ partition, offset }) => `${partition}@${offset}`))
          } catch (error) {
            errors.add((error as LibrdKafkaError).code)
            await delay(POLL_MS)
          }
      }
      loops.push(read())
      return {
        consumer: made,
        owned,
        changes,
        records,
        errors,
        commit(partition, offset, metadata = '') {
          const code = new Promise<number>(resolve =>
            made.once('offset.commit', error => resolve(error ? error.code : 0)),
          )
          made.commit({ topic, partition, offset, metadata } as TopicPartition & { offset: number })
          return code
        },
      }
    },
    async close() {
      isClosing = true
      await Promise.all(loops)
      for (const client of open) await answer(done => client.disconnect(done)).catch(() => {})
    },
  }
}
