/** Reading by reference on a real broker: offsets without records, deleted records, missing rights. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import kafka from '@confluentinc/kafka-javascript'
import type { OffsetRange } from '../../src/core/offsets/offset-ranges.ts'
import { openRefetcher } from '../../src/kafka/refetch/refetch.ts'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { LIMITED_USER, startKafka } from '../support/kafka.ts'
import { answer, createTopic, deleteRecords, endOffsets, produceRaw } from '../support/topics.ts'

const live = new AbortController().signal

async function read(topic: string, ranges: readonly OffsetRange[], properties: Record<string, string> = {}) {
  const refetcher = openRefetcher({ topic, properties: { 'bootstrap.servers': broker, ...properties } })
  try {
    const offsets: number[] = []
    const { missing } = await refetcher.read(ranges, r => void offsets.push(r.offset), live)
    return { offsets, missing }
  } finally {
    await refetcher.close()
  }
}

describe('refetch from a real broker', { skip: noBroker }, () => {
  test('fault 69: ranges that end in transaction markers or aborted records end, and nothing of them is missing', async () => {
    const topic = uniqueName('markers')
    await createTopic(broker, topic, 1)
    const producer = new kafka.Producer({ 'bootstrap.servers': broker, 'transactional.id': topic })
    await answer(done => producer.connect({ timeout: 10_000 }, done))
    await answer(done => producer.initTransactions(10_000, done as never))
    for (const commit of [true, false]) {
      await answer(done => producer.beginTransaction(done as never))
      for (let i = 0; i < 3; i++) producer.produce(topic, 0, Buffer.from(`${i}`))
      await answer(done => producer.flush(10_000, done as never)) // an abort drops what was not sent
      const end = commit ? 'commitTransaction' : 'abortTransaction'
      await answer(done => producer[end](10_000, done as never))
    }
    await answer(done => producer.disconnect(done))
    // 0-2 records, 3 marker, 4-6 aborted, 7 marker; it is there once 8 is the end for readers.
    while ((await endOffsets(broker, topic))[0] !== 8) await delay(20)
    assert.deepEqual(await read(topic, [{ partition: 0, from: 1, to: 3 }]), { offsets: [1, 2], missing: [] })
    assert.deepEqual(await read(topic, [{ partition: 0, from: 0, to: 7 }]), {
      offsets: [0, 1, 2],
      missing: [],
    })
    assert.deepEqual(await read(topic, [{ partition: 0, from: 4, to: 9 }]), {
      offsets: [],
      missing: [{ partition: 0, from: 8, to: 9 }],
    })
  })

  test('fault 68: records that were deleted are missing by exact range', async () => {
    const topic = uniqueName('deleted')
    await createTopic(broker, topic, 2)
    const records = Array.from({ length: 100 }, (_, i) => ({ partition: i % 2, value: Buffer.from(`${i}`) }))
    await produceRaw(broker, topic, records)
    await deleteRecords(broker, topic, [{ partition: 1, offset: 20 }])
    const ranges = [
      { partition: 0, from: 10, to: 12 },
      { partition: 1, from: 3, to: 5 },
      { partition: 1, from: 18, to: 21 },
    ]
    const { offsets, missing } = await read(topic, ranges)
    assert.deepEqual(offsets.toSorted(), [10, 11, 12, 20, 21])
    assert.deepEqual(missing, [
      { partition: 1, from: 3, to: 5 },
      { partition: 1, from: 18, to: 19 },
    ])
  })

  test('a user who may read the topic and no group reads; one who may not is told which right is missing', async () => {
    const kafkaWithUsers = await startKafka({ sasl: true })
    try {
      await createTopic(kafkaWithUsers.brokers, 'xrd', 1)
      await produceRaw(kafkaWithUsers.brokers, 'xrd', [{ partition: 0, value: Buffer.from('x') }])
      const login = {
        'bootstrap.servers': kafkaWithUsers.saslBrokers,
        'security.protocol': 'SASL_PLAINTEXT',
        'sasl.mechanism': 'PLAIN',
        'sasl.username': LIMITED_USER.username,
        'sasl.password': LIMITED_USER.password,
      }
      const range = [{ partition: 0, from: 0, to: 0 }]
      await assert.rejects(read('xrd', range, login), { code: 'E_ACL', message: /READ on topic xrd/ })
      await kafkaWithUsers.allow('Read', '--topic', 'xrd')
      assert.deepEqual(await read('xrd', range, login), { offsets: [0], missing: [] })
    } finally {
      await kafkaWithUsers.end()
    }
  })
})
