/** A run until the end whose broker takes something away, holds it back or takes less than others. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { noBroker, uniqueName } from '../support/broker.ts'
import { type Cli, runCli } from '../support/cli.ts'
import { recordsOf } from '../support/files.ts'
import { type Kafka, LIMITED_USER, startKafka } from '../support/kafka.ts'
import { type Steered, steered } from '../support/steered.ts'
import {
  createTopic,
  deleteTopic,
  endOffsets,
  produceRaw,
  type RawRecord,
  readCommitted,
  withOpenTransaction,
} from '../support/topics.ts'
import { until } from '../support/until.ts'

const PARTITIONS = 2
const ENDS_WITHIN_MS = 240_000
const scattered = (path: string, chunkSize = 1_000): RawRecord[] =>
  recordsOf({ path, content: randomBytes(10 * chunkSize), chunkSize }).map((record, i) => ({
    ...record,
    partition: i % PARTITIONS,
  }))

// They wait more than they work.
describe('a run until the end', { skip: noBroker, concurrency: 4 }, () => {
  let kafka: Kafka
  before(async () => {
    // Of a client without a name of its own nobody is slowed down.
    kafka = await startKafka({ sasl: true, properties: { 'offset.metadata.max.bytes': 60 } })
  })
  after(() => kafka.end())

  const asLimited = (topic: string) => [
    ...['-b', kafka.saslBrokers, '-t', topic, '-g', topic, '-X', 'security.protocol=SASL_PLAINTEXT'],
    ...['-X', 'sasl.mechanism=PLAIN', '-X', `sasl.username=${LIMITED_USER.username}`],
    ...['-X', `sasl.password=${LIMITED_USER.password}`, '--until-end', '--threads', '1'],
  ]

  /** Of two files one is processed, the other is in the plugin. */
  async function underWay(plugin: Steered, topic: string): Promise<Cli> {
    await createTopic(kafka.brokers, topic, PARTITIONS)
    for (const operation of ['Describe', 'Read'] as const) await kafka.allow(operation, '--topic', topic)
    await kafka.allow('Read', '--group', topic)
    await produceRaw(kafka.brokers, topic, [...scattered('1.dat'), ...scattered('2.dat')])
    plugin.order({ '2.dat': 'wait' })
    const run = plugin.start(asLimited(topic), { timeoutMs: ENDS_WITHIN_MS })
    await plugin.until('start', '2.dat')
    return run
  }

  for (const [what, lose, code, words] of [
    [
      'its topic is deleted',
      async (topic: string) => {
        await deleteTopic(kafka.brokers, topic)
        await until(async () => (await endOffsets(kafka.brokers, topic)).length === 0)
      },
      69,
      /topic ".*" does not exist/,
    ],
    [
      'the right to read the topic is taken away',
      (topic: string) => kafka.forbid('Read', '--topic', topic),
      77,
      /READ on topic .* is not allowed for user "limited"/,
    ],
    [
      'the right to use the group is taken away',
      (topic: string) => kafka.forbid('Read', '--group', topic),
      77,
      /READ on group .* is not allowed for user "limited"/,
    ],
  ] as const)
    test(`${what}: it says why, seldom, and ends with ${code}`, async t => {
      const plugin = steered()
      t.after(() => plugin.end())
      const topic = uniqueName('lost')
      const run = await underWay(plugin, topic)
      await lose(topic)
      plugin.order({})
      const { code: exit, stderr } = await run.done
      assert.equal(exit, code, stderr)
      assert.match(stderr, new RegExp(`error .*${words.source}.*so it has been for \\d+ s`))
      assert.ok(stderr.split('\n').filter(line => line.includes(' warn ')).length <= 6, stderr)
    })

  test('a quota slows it down: all files are processed, nothing is asked for again', async t => {
    const plugin = steered()
    t.after(() => plugin.end())
    const topic = uniqueName('slow')
    await createTopic(kafka.brokers, topic, PARTITIONS)
    for (const name of ['1', '2', '3'])
      await produceRaw(kafka.brokers, topic, scattered(`slow/${name}.dat`, 30_000))
    await kafka.limitClient('slow', { consumer_byte_rate: 15_000 })
    const args = ['-b', kafka.brokers, '-t', topic, '-g', topic, '--until-end', '-X', 'client.id=slow']
    const { code, stderr } = await plugin.run(args, { timeoutMs: 480_000 })
    assert.equal(code, 0, stderr)
    assert.match(stderr, /warn the broker slows this client down/)
    assert.doesNotMatch(stderr, /do not come|went back|made anew/)
    assert.equal(plugin.ended().length, 3)
  })

  test('a broker that takes short commit records only gets short ones, and all is committed', async t => {
    const plugin = steered()
    t.after(() => plugin.end())
    const topic = uniqueName('short')
    await createTopic(kafka.brokers, topic, PARTITIONS)
    for (const name of ['1', '2', '3']) await produceRaw(kafka.brokers, topic, scattered(`${name}.dat`))
    const { code, stderr } = await plugin.run(['-b', kafka.brokers, '-t', topic, '-g', topic, '--until-end'])
    assert.equal(code, 0, stderr)
    assert.doesNotMatch(stderr, / warn /)
    const committed = await readCommitted(kafka.brokers, topic, topic)
    assert.deepEqual(
      committed.map(({ offset }) => offset),
      await endOffsets(kafka.brokers, topic),
    )
  })

  test('records that an open transaction holds back are told, and are read once it has ended', async t => {
    const plugin = steered()
    t.after(() => plugin.end())
    const topic = uniqueName('open')
    await createTopic(kafka.brokers, topic, 1)
    const records = scattered('open.dat').map(record => ({ ...record, partition: 0 }))
    const args = ['-b', kafka.brokers, '-t', topic, '-g', topic, '--until-end']
    await withOpenTransaction(kafka.brokers, topic, records, async () => {
      const { code, stderr } = await plugin.run(args)
      assert.equal(code, 0, stderr)
      assert.match(stderr, /warn 10 records of .*\[0\] wait for a transaction that is open/)
    })
    const { code, stderr } = await plugin.run(args)
    assert.equal(code, 0, stderr)
    assert.doesNotMatch(stderr, /transaction/)
    assert.deepEqual(plugin.ended(), ['open.dat'])
  })

  test('a producer is killed in its transaction: status, ls and a run that goes on tell since when it is open, and go on after it', async t => {
    const plugin = steered()
    t.after(() => plugin.end())
    const topic = uniqueName('killed')
    await createTopic(kafka.brokers, topic, 1)
    const send = (path: string) =>
      produceRaw(
        kafka.brokers,
        topic,
        scattered(path).map(record => ({ ...record, partition: 0 })),
      )
    const began = Date.now()
    await send('before.dat')
    const producer = spawn(process.execPath, [
      ...['--import', 'tsx', fileURLToPath(import.meta.resolve('../fixtures/open-transaction.ts'))],
      ...[kafka.brokers, topic, 'never.dat'],
    ])
    await once(producer.stdout, 'data')
    producer.kill('SIGKILL')
    await send('after.dat')
    const OPEN = /15 records of .*\[0\] wait for a transaction that is open since (\S+Z): from offset 10 on/
    const args = ['-b', kafka.brokers, '-t', topic]
    const run = plugin.start([...args, '-g', topic])
    await plugin.until('end', 'before.dat')
    const [ls, status] = await Promise.all([
      runCli(['ls', ...args]),
      runCli(['status', ...args, '-g', topic]),
      run.waitFor(OPEN),
    ])
    for (const text of [ls.stderr, `${status.stdout}${status.stderr}`, run.stderr()]) {
      const since = Date.parse(OPEN.exec(text)?.[1] ?? '')
      assert.ok(since >= began - 2_000 && since <= Date.now(), text)
    }
    await plugin.until('end', 'after.dat')
    run.kill()
    assert.equal((await run.done).code, 0)
    assert.deepEqual(plugin.ended(), ['before.dat', 'after.dat'])
  })

  test('two hundred partitions with nothing to do cost little more time than one', async t => {
    const plugin = steered()
    t.after(() => plugin.end())
    const secondsOf = async (partitions: number) => {
      const topic = uniqueName('wide')
      await createTopic(kafka.brokers, topic, partitions)
      const args = ['-b', kafka.brokers, '-t', topic, '-g', topic, '--until-end']
      await plugin.run(args) // their leaders are being chosen
      const { code, stderr } = await plugin.run(args)
      assert.equal(code, 0, stderr)
      return Number(/ seconds=([\d.]+) /.exec(stderr)?.[1])
    }
    const [one, many] = [await secondsOf(1), await secondsOf(200)]
    t.diagnostic(`${one} s, ${many} s`)
    assert.ok(
      many < 5 * one + 3,
      `${many} s, ${one} s for one: 9 s where each partition is asked for in turn`,
    )
  })
})
