/** What takes a process with it, or has to be killed: SCENARIO BROKER TOPIC. Tells its parent how far it is. */
import type kafka from '@confluentinc/kafka-javascript'
import { ERR } from '../../../src/kafka/client-error.ts'
import { type RawClients, rawClients, TIMEOUT_MS } from '../../support/raw-clients.ts'
import { answer } from '../../support/topics.ts'
import { until } from '../../support/until.ts'

const [scenario = '', broker = '', topic = ''] = process.argv.slice(2)
const CLASSIC = {
  'partition.assignment.strategy': 'cooperative-sticky',
  'session.timeout.ms': 1_000,
  'heartbeat.interval.ms': 200,
}
const tell = (what = {}) => console.log(JSON.stringify(what))
const ofGroup = { 'group.id': topic }

async function transactional({ producer }: RawClients, properties = {}): Promise<kafka.Producer> {
  const made = await producer({ 'transactional.id': topic, ...properties })
  await answer<void>(done => made.initTransactions(TIMEOUT_MS, done))
  return made
}

const SCENARIOS: Readonly<Record<string, (clients: RawClients) => Promise<void>>> = {
  /** Frozen with an open transaction by its parent; goes on once the group has given it up and let it in again. */
  async zombie(clients) {
    const properties = process.argv[5] === 'consumer' ? { 'group.protocol': 'consumer' } : CLASSIC
    const member = await clients.member(topic, { ...ofGroup, ...properties })
    await until(() => member.owned.size > 0)
    const producer = await transactional(clients)
    await answer<void>(done => producer.beginTransaction(done))
    tell()
    await until(() => member.changes.some(change => change.endsWith('lost')) && member.owned.size === 1)
    const offsets = [0, 1].flatMap(partition =>
      member.owned.has(partition) ? [] : [{ topic, partition, offset: 1 }],
    )
    await answer<void>(done => producer.sendOffsetsToTransaction(offsets, member.consumer, TIMEOUT_MS, done))
    await answer<void>(done => producer.commitTransaction(TIMEOUT_MS, done))
    process.exit(0)
  },

  /** Killed by its parent. */
  async 'open-transaction'(clients) {
    const producer = await transactional(clients, { 'transaction.timeout.ms': Number(process.argv[5]) })
    await answer<void>(done => producer.beginTransaction(done))
    producer.produce(topic, 0, Buffer.from('x'))
    await answer<void>(done => producer.flush(TIMEOUT_MS, error => done(error, undefined)))
    tell()
  },

  /** Tells how many bytes of resident memory it has won by calls that hand over so many bytes. */
  async 'many-offsets'(clients) {
    const [partitions, characters, calls] = [50, 4_000, 100]
    const consumer = await clients.consumer(ofGroup)
    const producer = await transactional(clients)
    const metadata = 'x'.repeat(characters)
    const offsets = Array.from({ length: partitions }, (_, partition) => ({
      ...{ topic, partition, offset: 0, metadata },
    }))
    const send = async (count: number) => {
      for (let i = 0; i < count; i++) {
        await answer<void>(done => producer.beginTransaction(done))
        await answer<void>(done => producer.sendOffsetsToTransaction(offsets, consumer, TIMEOUT_MS, done))
        await answer<void>(done => producer.abortTransaction(TIMEOUT_MS, done))
      }
      return process.memoryUsage.rss()
    }
    const before = await send(calls)
    const after = await send(calls)
    tell({ grown: after - before, given: partitions * characters * calls })
    process.exit(0)
  },

  /** Hands over a consumer that is gone. */
  async disconnected(clients) {
    const consumer = await clients.consumer(ofGroup)
    const producer = await transactional(clients)
    await answer<void>(done => producer.beginTransaction(done))
    await answer(done => consumer.disconnect(done))
    tell()
    const offsets = [{ topic, partition: 0, offset: 1 }]
    await answer<void>(done => producer.sendOffsetsToTransaction(offsets, consumer, TIMEOUT_MS, done)).catch(
      () => {},
    )
    process.exit(0)
  },

  /** Pauses what it is to give back. */
  async 'pause-at-end'({ consumer }) {
    const made = await consumer({ ...ofGroup, ...CLASSIC }, ({ code }, list) => {
      if (code === ERR.ASSIGN_PARTITIONS) return made.incrementalAssign(list)
      made.pause([...list])
      made.incrementalUnassign(list)
    })
    process.once('uncaughtException', ({ stack }) => tell({ stack }))
    made.subscribe([topic])
    while (made.assignments().length === 0)
      await answer<kafka.Message[]>(done => made.consume(10, done)).catch(() => {})
    await answer(done => made.disconnect(done))
    process.exit(0)
  },
}

await SCENARIOS[scenario]?.(rawClients(broker))
