/** A broker that dies, forgets and forbids while dfsp reads from it. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { type Kafka, LIMITED_USER, startKafka } from '../support/kafka.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, endOffsets, produceRaw, type RawRecord, readCommitted } from '../support/topics.ts'
import { until } from '../support/until.ts'

const PARTITIONS = 2
const scattered = (path: string): RawRecord[] =>
  recordsOf({ path, content: randomBytes(10_000), chunkSize: 1_000 }).map((record, i) => ({
    ...record,
    partition: i % PARTITIONS,
  }))

describe('broker', { skip: noBroker }, () => {
  let kafka: Kafka
  let plugin: Steered
  before(async () => {
    plugin = steered()
    kafka = await startKafka({ sasl: true })
  })
  after(async () => {
    plugin.end()
    await kafka.end()
  })
  const args = (topic: string) => [
    ...['-b', kafka.brokers, '-t', topic, '-g', topic, '-X', 'session.timeout.ms=6000'],
    ...['-X', 'reconnect.backoff.max.ms=500'],
  ]
  const asLimited = (topic: string) => [
    ...['-b', kafka.saslBrokers, '-t', topic, '-g', topic, '-X', 'security.protocol=SASL_PLAINTEXT'],
    ...['-X', 'sasl.mechanism=PLAIN', '-X', `sasl.username=${LIMITED_USER.username}`],
    ...['-X', `sasl.password=${LIMITED_USER.password}`, '-X', 'session.timeout.ms=6000'],
    ...['-X', 'reconnect.backoff.max.ms=500'],
  ]
  const committed = async (topic: string) =>
    (await readCommitted(kafka.brokers, topic, topic)).map(c => c.offset)

  test('faults 13 and 29: a broker killed in the middle of a file; later one that comes back with an empty log', async () => {
    const topic = uniqueName('killed')
    await createTopic(kafka.brokers, topic, PARTITIONS)
    const run = plugin.start(args(topic))
    const reached = (end: number) =>
      until(async () => (await committed(topic)).every(offset => offset === end))
    await produceRaw(kafka.brokers, topic, scattered('killed/whole.dat'))
    await plugin.until('end', 'killed/whole.dat')
    await reached(5)
    const half = scattered('killed/half.dat')
    await produceRaw(kafka.brokers, topic, half.slice(0, 5))
    await kafka.kill()
    await run.waitFor(/librdkafka keeps trying/)
    await kafka.start()
    await produceRaw(kafka.brokers, topic, half.slice(5))
    await plugin.until('end', 'killed/half.dat')
    assert.deepEqual(plugin.ended(), ['killed/whole.dat', 'killed/half.dat'])
    await reached(10)

    await kafka.kill()
    for (const partition of [0, 1]) emptyLog(join(kafka.folder, 'data', `${topic}-${partition}`))
    await kafka.start()
    await produceRaw(kafka.brokers, topic, scattered('killed/again.dat'))
    await plugin.until('end', 'killed/again.dat')
    run.kill('SIGINT')
    const result = await run.done
    assert.equal(result.code, 0, result.stderr)
    // It may have looked before or after the records came.
    assert.match(result.stderr, /committed offset 10 lies beyond the end [05]: .* reading it from 0/)
    assert.deepEqual(await committed(topic), [5, 5])
  })

  test('fault 25: a password that is refused while dfsp runs is told; reading goes on when it is right again', async () => {
    const topic = uniqueName('refused')
    await createTopic(kafka.brokers, topic, PARTITIONS)
    for (const operation of ['Describe', 'Read'] as const) await kafka.allow(operation, '--topic', topic)
    await kafka.allow('Read', '--group', topic)
    const run = plugin.start(asLimited(topic))
    await produceRaw(kafka.brokers, topic, scattered('sasl/1.dat'))
    await plugin.until('end', 'sasl/1.dat')
    const settings = join(kafka.folder, 'server.properties')
    const right = fs.readFileSync(settings, 'utf8')
    await kafka.kill()
    fs.writeFileSync(settings, right.replaceAll(LIMITED_USER.password, 'another'))
    await kafka.start()
    await run.waitFor(/SASL authentication error: Authentication failed/)
    await produceRaw(kafka.brokers, topic, scattered('sasl/2.dat'))
    await kafka.kill()
    fs.writeFileSync(settings, right)
    await kafka.start()
    await plugin.until('end', 'sasl/2.dat')
    run.kill('SIGINT')
    const result = await run.done
    assert.equal(result.code, 0, result.stderr)
    assert.deepEqual(await committed(topic), [10, 10])
  })

  test('fault 25: an ACL that is taken away while dfsp runs is told; reading goes on when it is back, and nothing is lost', async () => {
    const topic = uniqueName('revoked')
    await createTopic(kafka.brokers, topic, PARTITIONS)
    for (const operation of ['Describe', 'Read'] as const) await kafka.allow(operation, '--topic', topic)
    await kafka.allow('Read', '--group', topic)
    const run = plugin.start(asLimited(topic))
    await produceRaw(kafka.brokers, topic, scattered('acl/1.dat'))
    await plugin.until('end', 'acl/1.dat')
    await kafka.forbid('Read', '--topic', topic)
    await produceRaw(kafka.brokers, topic, scattered('acl/2.dat'))
    await run.waitFor(/READ on topic .* is not allowed for user "limited".* trying again/)
    await kafka.allow('Read', '--topic', topic)
    await plugin.until('end', 'acl/2.dat')
    await kafka.forbid('Read', '--group', topic)
    await run.waitFor(/READ on group .* is not allowed for user "limited".* trying again/)
    await produceRaw(kafka.brokers, topic, scattered('acl/3.dat'))
    await kafka.allow('Read', '--group', topic)
    await plugin.until('end', 'acl/3.dat')
    run.kill('SIGINT')
    const result = await run.done
    assert.equal(result.code, 0, result.stderr)
    assert.deepEqual(await committed(topic), await endOffsets(kafka.brokers, topic))
  })
})

/** What an unclean leader election leaves of a partition whose new leader had nothing of it. */
function emptyLog(folder: string): void {
  for (const name of fs.readdirSync(folder)) {
    if (name.endsWith('.log')) fs.truncateSync(join(folder, name))
    else if (/index|leader-epoch|snapshot/.test(name)) fs.rmSync(join(folder, name))
  }
}
