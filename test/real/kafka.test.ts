import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { noBroker, uniqueName } from '../support/broker.ts'
import { type Kafka, LIMITED_USER, SUPER_USER, startKafka } from '../support/kafka.ts'
import { commitAs, createTopic, endOffsets, produceRaw, readAll, readCommitted } from '../support/topics.ts'

// A broker of its own: these tests stop it and ask it for passwords.
let kafka: Kafka
before(async () => {
  if (!noBroker) kafka = await startKafka({ sasl: true })
})
after(() => kafka?.end())

test('records, offsets and commits survive a broker that is killed and started again', {
  skip: noBroker,
}, async () => {
  const topic = uniqueName('kept')
  await createTopic(kafka.brokers, topic, 2, { 'retention.ms': '-1' })
  const offsets = await produceRaw(
    kafka.brokers,
    topic,
    [
      { partition: 1, key: 'a', value: Buffer.from('one') },
      { partition: 1, key: null, value: null },
    ],
    { compression: 'lz4' },
  )
  await commitAs(kafka.brokers, topic, [{ topic, partition: 1, offset: 1, metadata: 'd1.x.' }])
  await kafka.kill()
  await kafka.start()

  assert.deepEqual(offsets, [0, 1])
  assert.deepEqual(await endOffsets(kafka.brokers, topic), [0, 2])
  assert.deepEqual(
    (await readAll(kafka.brokers, topic)).map(({ key, value }) => [key?.toString(), value?.toString()]),
    [
      ['a', 'one'],
      [undefined, undefined],
    ],
  )
  assert.deepEqual(await readCommitted(kafka.brokers, topic, topic), [
    { partition: 0, offset: undefined, metadata: undefined },
    { partition: 1, offset: 1, metadata: 'd1.x.' },
  ])
})

test('the limited user may do what an ACL allows and nothing else', { skip: noBroker }, async () => {
  const topic = uniqueName('guarded')
  await createTopic(kafka.brokers, topic, 1)
  const login = (user: { username: string; password: string }) => ({
    properties: {
      'security.protocol': 'sasl_plaintext',
      'sasl.mechanism': 'PLAIN',
      'sasl.username': user.username,
      'sasl.password': user.password,
      'message.timeout.ms': 5000,
    } as const,
  })
  const record = [{ partition: 0, value: Buffer.from('x') }]
  await produceRaw(kafka.saslBrokers, topic, record, login(SUPER_USER))
  await assert.rejects(produceRaw(kafka.saslBrokers, topic, record, login(LIMITED_USER)), /authorization/i)
  await kafka.allow('Write', '--topic', topic)
  await produceRaw(kafka.saslBrokers, topic, record, login(LIMITED_USER))
  await kafka.forbid('Write', '--topic', topic)
  await assert.rejects(produceRaw(kafka.saslBrokers, topic, record, login(LIMITED_USER)), /authorization/i)
})

test('a broker that has ended leaves nothing behind', { skip: noBroker }, async () => {
  const short = await startKafka()
  const pid = short.pid()
  await short.end()
  assert.throws(() => process.kill(pid, 0))
  assert.equal(existsSync(short.folder), false)
})
