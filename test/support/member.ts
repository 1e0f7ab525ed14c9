/** Another program in a consumer group: joins, takes what it is given, reads it and commits nothing. */
import kafka, { type ConsumerGlobalConfig } from '@confluentinc/kafka-javascript'
import { answer } from './topics.ts'

/** Heartbeats tell a classic member of a rebalance: with few of them, each takes seconds. */
const CLASSIC = { 'session.timeout.ms': '6000', 'heartbeat.interval.ms': '300' } as const

/** The properties of the three protocols of groups. */
export const PROTOCOLS = {
  eager: { 'partition.assignment.strategy': 'range', ...CLASSIC },
  'cooperative-sticky': { 'partition.assignment.strategy': 'cooperative-sticky', ...CLASSIC },
  'group.protocol=consumer': { 'group.protocol': 'consumer' },
} as const

export type Member = {
  /** Partitions that it owns now. */
  owned(): number[]
  leave(): Promise<void>
}

/** Resolves when it owns at least one partition. */
export async function joinGroup(
  brokers: string,
  group: string,
  topic: string,
  properties: Readonly<Record<string, string>> = {},
): Promise<Member> {
  const consumer = new kafka.KafkaConsumer(
    {
      'bootstrap.servers': brokers,
      'group.id': group,
      'client.id': 'another-program',
      'enable.auto.commit': false,
      rebalance_cb: true,
      ...properties,
    } as ConsumerGlobalConfig,
    { 'auto.offset.reset': 'earliest' },
  )
  await answer(done => consumer.connect({ timeout: 60_000 }, done))
  consumer.setDefaultConsumeTimeout(50)
  consumer.subscribe([topic])
  let reading = true
  const owned = () => consumer.assignments().map(({ partition }) => partition)
  const loop = (async () => {
    while (reading) await answer(done => consumer.consume(10, done)).catch(() => {})
  })()
  while (owned().length === 0) await new Promise(resolve => setTimeout(resolve, 50))
  return {
    owned,
    async leave() {
      reading = false
      await loop
      await answer(done => consumer.disconnect(done))
    },
  }
}
