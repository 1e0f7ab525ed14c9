/** What the client and the broker make of transactions, most of all of offsets in them. */
import assert from 'node:assert/strict'
import { describe } from 'node:test'
import type { LibrdKafkaError, Producer } from '@confluentinc/kafka-javascript'
import { ERR } from '../../../src/kafka/client-error.ts'
import { broker, noBroker, uniqueName } from '../../support/broker.ts'
import { PROTOCOLS } from '../../support/member.ts'
import { type RawClients, type RawConsumer, TIMEOUT_MS } from '../../support/raw-clients.ts'
import { answer, createTopic, produceRaw } from '../../support/topics.ts'
import { until } from '../../support/until.ts'
import { reliedOn } from './relied.ts'
import { startChild } from './start-child.ts'

const { 'cooperative-sticky': COOPERATIVE, 'group.protocol=consumer': CONSUMER } = PROTOCOLS
/** Fenced by a producer of the same transactional.id. */
const FENCED = -144

async function newTopic(partitions = 1): Promise<string> {
  const topic = uniqueName('transaction')
  await createTopic(broker, topic, partitions)
  return topic
}

async function transactional({ producer }: RawClients, id: string): Promise<Producer> {
  const made = await producer({ 'transactional.id': id })
  await answer<void>(done => made.initTransactions(TIMEOUT_MS, done))
  return made
}

const begin = (producer: Producer) => answer<void>(done => producer.beginTransaction(done))
const commit = (producer: Producer) => answer<void>(done => producer.commitTransaction(TIMEOUT_MS, done))
const abort = (producer: Producer) => answer<void>(done => producer.abortTransaction(TIMEOUT_MS, done))
const sendOffset = (producer: Producer, consumer: RawConsumer, place: object, timeoutMs = TIMEOUT_MS) =>
  answer<void>(done =>
    producer.sendOffsetsToTransaction([{ offset: 1, ...place } as never], consumer, timeoutMs, done),
  )

/** What `consumer`'s group has committed. */
async function committed(
  consumer: RawConsumer,
  topic: string,
  partition = 0,
  timeoutMs = TIMEOUT_MS,
): Promise<number | undefined> {
  const found = await answer<{ offset?: number }[]>(done =>
    consumer.committed([{ topic, partition }], timeoutMs, done as never),
  )
  return found[0]?.offset
}

/** Of partition 0, up to where it can be read. */
async function readableEnd(reader: RawConsumer, topic: string): Promise<number> {
  const { highOffset } = await answer<{ highOffset: number }>(done =>
    reader.queryWatermarkOffsets(topic, 0, TIMEOUT_MS, done),
  )
  return highOffset
}

const codeOf = (call: Promise<unknown>): Promise<number> =>
  call.then(
    () => 0,
    (error: LibrdKafkaError) => error.code,
  )

describe('transactions of the client', { skip: noBroker, concurrency: 4 }, () => {
  for (const [name, protocol] of Object.entries({ classic: COOPERATIVE, consumer: CONSUMER }))
    reliedOn(
      `a member that was given up and let in again is not fenced: its old transaction overwrites the new owner's offsets (${name})`,
      'src/repartition/round.ts: no assignment is answered while a transaction is open; src/kafka/consumer/committer.ts: nothing is committed of what is not owned',
      async ({ member }) => {
        const topic = await newTopic(2)
        const zombie = await startChild('zombie', topic, name)
        await zombie.told()
        zombie.kill('SIGSTOP')
        const next = await member(topic, { 'group.id': topic, ...protocol })
        await until(() => next.owned.size === 2)
        for (const partition of next.owned) assert.equal(await next.commit(partition, 5), 0)
        zombie.kill('SIGCONT')
        const { code, output } = await zombie.ended()
        assert.equal(code, 0, output)
        const [kept = -1] = next.owned
        assert.deepEqual([next.owned.size, await committed(next.consumer, topic, kept)], [1, 1])
      },
    )

  reliedOn(
    'offsets of a client that never joined are taken into a transaction while the group has a member (classic)',
    'src/repartition/round.ts: offsets are sent of what is owned only, the broker does not refuse others',
    async clients => {
      const topic = await newTopic()
      const group = { 'group.id': topic, ...COOPERATIVE }
      const owner = await clients.member(topic, group)
      await until(() => owner.owned.size === 1)
      assert.equal(await owner.commit(0, 7), 0)
      const producer = await transactional(clients, topic)
      await begin(producer)
      await sendOffset(producer, await clients.consumer(group), { topic, partition: 0, offset: 3 })
      await commit(producer)
      assert.equal(await committed(owner.consumer, topic), 3)
    },
  )

  reliedOn(
    'offsets of a client that never joined are refused while the group has a member (consumer)',
    'src/repartition/round.ts: offsets are sent of what is owned only',
    async clients => {
      const topic = await newTopic()
      const group = { 'group.id': topic, ...CONSUMER }
      const owner = await clients.member(topic, group)
      await until(() => owner.owned.size === 1)
      const producer = await transactional(clients, topic)
      await begin(producer)
      const code = await codeOf(sendOffset(producer, await clients.consumer(group), { topic, partition: 0 }))
      assert.equal(code, ERR.UNKNOWN_MEMBER)
      await abort(producer)
    },
  )

  reliedOn(
    'sendOffsetsToTransaction frees nothing of what it is given',
    'src/run/renewed.ts: a process that calls it is replaced by another before it has grown too large',
    async () => {
      const child = await startChild('many-offsets', await newTopic(50))
      const { grown, given } = await child.told<{ grown: number; given: number }>()
      await child.ended()
      assert.ok(grown > 0.8 * given && grown < 2 * given, `${grown} bytes more after ${given}`)
    },
  )

  reliedOn(
    'sendOffsetsToTransaction of a consumer that is disconnected ends the process with SIGSEGV',
    'src/kafka/copying/transactions.ts (commit): the consumer is disconnected after the last call',
    async () => {
      const child = await startChild('disconnected', await newTopic())
      await child.told()
      assert.equal((await child.ended()).signal, 'SIGSEGV')
    },
  )

  reliedOn(
    'offsets of a partition that does not exist take the whole time-out, and the transaction has to be aborted',
    'src/kafka/copying/transactions.ts: a call is bounded, and what failed is aborted',
    async clients => {
      const topic = await newTopic()
      const consumer = await clients.consumer({ 'group.id': topic })
      const producer = await transactional(clients, topic)
      await begin(producer)
      const began = performance.now()
      const sent = sendOffset(producer, consumer, { topic, partition: 99 }, 2_000)
      await assert.rejects(sent, { isTxnRequiresAbort: true })
      assert.ok(performance.now() - began > 1_900)
      await abort(producer)
      await begin(producer)
      await sendOffset(producer, consumer, { topic, partition: 0 })
      await commit(producer)
      assert.equal(await committed(consumer, topic), 1)
    },
  )

  reliedOn(
    'what a group has committed is not told while a transaction with its offsets is open',
    'src/kafka/consumer/assignment.ts (committedOffsets): the question times out, and is asked again',
    async clients => {
      const topic = await newTopic()
      const consumer = await clients.consumer({ 'group.id': topic })
      const producer = await transactional(clients, topic)
      await begin(producer)
      await sendOffset(producer, consumer, { topic, partition: 0 })
      assert.equal(await codeOf(committed(consumer, topic, 0, 2_000)), ERR.TIMED_OUT)
      const asked = committed(consumer, topic)
      await commit(producer)
      assert.equal(await asked, 1)
    },
  )

  reliedOn(
    'behind the open transaction of a killed producer nothing can be read, until one of its transactional.id comes',
    'src/kafka/copying/transactions.ts (initTransactions): the name is kept over restarts; src/kafka/ask/watermarks.ts (openTransaction): others say what they wait for',
    async clients => {
      const topic = await newTopic()
      const child = await startChild('open-transaction', topic, '60000')
      await child.told()
      child.kill('SIGKILL')
      await child.ended()
      await produceRaw(broker, topic, [{ partition: 0, value: Buffer.from('y') }])
      const reader = await clients.consumer({ 'group.id': 'reader', 'isolation.level': 'read_committed' })
      assert.equal(await readableEnd(reader, topic), 0)
      await transactional(clients, topic)
      await until(async () => (await readableEnd(reader, topic)) === 3)
    },
  )

  reliedOn(
    'the broker ends the open transaction of a killed producer by itself, some seconds after transaction.timeout.ms',
    'src/kafka/copying/transactions.ts (TRANSACTION_MS), src/kafka/ask/watermarks.ts (openTransaction)',
    async clients => {
      const topic = await newTopic()
      const child = await startChild('open-transaction', topic, '1000')
      await child.told()
      child.kill('SIGKILL')
      await child.ended()
      const reader = await clients.consumer({ 'group.id': 'reader', 'isolation.level': 'read_committed' })
      await until(async () => (await readableEnd(reader, topic)) === 2)
    },
  )

  reliedOn(
    'a producer that was fenced may begin and produce; its commit is the first that fails, for good',
    'src/kafka/copying/transactions.ts: only the answer to a commit counts',
    async clients => {
      const topic = await newTopic()
      const first = await transactional(clients, topic)
      await transactional(clients, topic)
      await begin(first)
      first.produce(topic, 0, Buffer.from('x'))
      await assert.rejects(commit(first), { code: FENCED, isFatal: true })
    },
  )
})
