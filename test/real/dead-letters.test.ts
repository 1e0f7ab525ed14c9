/** Dead letters when something goes wrong: a kill around the letter, a topic that takes none. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { LIMITED_USER, startKafka } from '../support/kafka.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, endOffsets, produceRaw, readAll, readCommitted } from '../support/topics.ts'

describe('dead letters in trouble', { skip: noBroker }, () => {
  let plugin: Steered
  before(() => {
    plugin = steered()
  })
  after(() => plugin.end())

  const file = (path: string) => recordsOf({ path, content: randomBytes(5_000) })
  const offsets = async (topic: string) =>
    (await readCommitted(broker, topic, topic)).map(({ offset }) => offset ?? 0)
  const argsFor = (topic: string) => ['-t', topic, '-g', topic, '--retries', '0', '--until-end']

  for (const fault of ['dead-letter-sent', 'dead-letter-acked']) {
    test(`fault 7: kill -9 at ${fault}: the file is among the dead letters or comes again, never neither`, async () => {
      const topic = uniqueName('killed')
      const dlq = `${topic}-dead`
      await createTopic(broker, topic, 3)
      await createTopic(broker, dlq, 1)
      await produceRaw(broker, topic, [...file('bad.dat'), ...file('good.dat')])
      plugin.order({ 'bad.dat': 'fail' })
      plugin.forget()
      // The killed one stays a member until its session ends.
      const soon = ['-X', 'session.timeout.ms=1500', '-X', 'heartbeat.interval.ms=300']
      const args = ['-b', broker, '--dlq', dlq, ...argsFor(topic), ...soon]
      assert.equal((await plugin.run(args, { fault })).signal, 'SIGKILL')
      const written = await readAll(broker, dlq)
      const ends = await endOffsets(broker, topic)
      assert.notDeepEqual(await offsets(topic), ends, 'the bad file is not committed yet')
      if (fault === 'dead-letter-acked') assert.equal(written.length, 1)

      assert.equal((await plugin.run(args)).code, 3)
      const letters = (await readAll(broker, dlq)).map(({ key }) => String(key))
      assert.deepEqual([...new Set(letters)], ['bad.dat'])
      assert.ok(letters.length <= written.length + 1)
      assert.deepEqual(await offsets(topic), ends)
      plugin.order({})
      plugin.forget()
      const retried = await plugin.run(['-b', broker, '--dlq', dlq, '--yes'], { command: 'retry' })
      assert.equal(retried.code, 0, retried.stderr)
      assert.deepEqual(plugin.ended(), ['bad.dat'], 'both letters are of one file')
    })
  }

  describe('refused', () => {
    let kafka: Awaited<ReturnType<typeof startKafka>>
    before(async () => {
      kafka = await startKafka({ sasl: true, properties: { 'auto.create.topics.enable': false } })
      await createTopic(kafka.brokers, 'xrd', 2)
      await createTopic(kafka.brokers, 'small', 1, { 'max.message.bytes': '200' })
      await createTopic(kafka.brokers, 'forbidden', 1)
      await produceRaw(kafka.brokers, 'xrd', [...file('bad.dat'), ...file('good.dat')])
      await kafka.allow('Read', '--topic', 'xrd')
      await kafka.allow('Read', '--group', '*')
      plugin.order({ 'bad.dat': 'fail' })
    })
    after(() => kafka.end())

    const login = () => [
      ...['-b', kafka.saslBrokers, '-X', 'security.protocol=SASL_PLAINTEXT', '-X', 'sasl.mechanism=PLAIN'],
      ...['-X', `sasl.username=${LIMITED_USER.username}`, '-X', `sasl.password=${LIMITED_USER.password}`],
    ]
    for (const { dlq, user, reason } of [
      {
        dlq: 'missing',
        // The client would ask for 30 s whether the topic appears.
        user: () => ['-b', kafka.brokers, '-X', 'topic.metadata.propagation.max.ms=500'],
        reason: /topic "missing" does not exist/,
      },
      {
        dlq: 'small',
        user: () => ['-b', kafka.brokers],
        reason: /a record is larger than topic small takes/,
      },
      { dlq: 'forbidden', user: login, reason: /WRITE on topic forbidden is not allowed/ },
    ])
      test(`fault 64: a topic of dead letters that is ${dlq}: an alarm, the file is held, others are processed`, async () => {
        plugin.forget()
        const args = ['-t', 'xrd', '-g', `g-${dlq}`, '--retries', '0', '--until-end', '--dlq', dlq]
        const result = await plugin.run([...user(), ...args])
        assert.equal(result.code, 3, result.stderr)
        assert.match(result.stderr, /warn the dead letter of bad\.dat was refused, so it is held: /)
        assert.match(result.stderr, reason)
        assert.match(result.stderr, /error failed bad\.dat .*; held/)
        assert.deepEqual(plugin.ended(), ['good.dat'])
        const [first, second] = await Promise.all([
          readCommitted(kafka.brokers, `g-${dlq}`, 'xrd'),
          endOffsets(kafka.brokers, 'xrd'),
        ])
        assert.ok(
          first.some(({ partition, offset = 0 }) => offset < (second[partition] as number)),
          'the held file keeps an offset',
        )
      })
  })
})
