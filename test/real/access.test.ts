/** Login and ACLs on a real SASL listener. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { dfsp, folder } from '../cli/world.ts'
import { noBroker, uniqueName } from '../support/broker.ts'
import { runCli } from '../support/cli.ts'
import { recordsOf } from '../support/files.ts'
import { type Kafka, LIMITED_USER, startKafka } from '../support/kafka.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, produceRaw } from '../support/topics.ts'

describe('login and permission', { skip: noBroker }, () => {
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
  const login = (password: string) => [
    ...['-b', kafka.saslBrokers, '-X', 'security.protocol=SASL_PLAINTEXT', '-X', 'sasl.mechanism=PLAIN'],
    ...['-X', `sasl.username=${LIMITED_USER.username}`, '-X', `sasl.password=${password}`, '--until-end'],
  ]

  test('fault 25: a wrong password ends with 77, at once, and names mechanism and user', async () => {
    const topic = uniqueName('login')
    await createTopic(kafka.brokers, topic, 4)
    const result = await plugin.run([...login('wrong'), '-t', topic, '-g', topic])
    assert.equal(result.code, 77, result.stderr)
    assert.match(result.stderr, /login refused by .*\[E_AUTH\]\n {2}mechanism PLAIN, user "limited"\n/)
    assert.doesNotMatch(result.stderr, /wrong/)
  })

  test('fault 25: a topic or a group without an ACL ends with 77 and names what is missing', async () => {
    const topic = uniqueName('acl')
    await createTopic(kafka.brokers, topic, 4)
    await produceRaw(kafka.brokers, topic, recordsOf({ path: 'acl.dat', content: randomBytes(2_000) }))
    const args = [...login(LIMITED_USER.password), '-t', topic, '-g', topic]
    const noTopic = await plugin.run(args)
    assert.equal(noTopic.code, 77, noTopic.stderr)
    assert.match(
      noTopic.stderr,
      new RegExp(`READ on topic ${topic} is not allowed for user "limited" \\[E_ACL\\]`),
    )
    await kafka.allow('Describe', '--topic', topic)
    await kafka.allow('Read', '--topic', topic)
    const noGroup = await plugin.run(args)
    assert.equal(noGroup.code, 77, noGroup.stderr)
    assert.match(noGroup.stderr, new RegExp(`READ on group ${topic} is not allowed for user "limited"`))
    await kafka.allow('Read', '--group', topic)
    const allowed = await plugin.run(args)
    assert.equal(allowed.code, 0, allowed.stderr)
    assert.deepEqual(plugin.ended(), ['acl.dat'])
  })

  test('repartition says how its copy is to be made where it may not make it, and which other right it lacks', async () => {
    const topic = uniqueName('copy')
    await createTopic(kafka.brokers, topic, 4, { 'retention.ms': '86400000' })
    await kafka.allow('Read', '--topic', topic)
    await kafka.allow('DescribeConfigs', '--topic', topic)
    await kafka.allow('Read', '--group', `dfsp.repartition.${topic}`)
    const args = ['repartition', ...login(LIMITED_USER.password), '-t', topic]
    const missing = await runCli(args)
    assert.equal(missing.code, 69, missing.stderr)
    assert.match(missing.stderr, /by-path" does not exist \[E_TOPIC_MISSING\]/)
    assert.match(
      missing.stderr,
      new RegExp(
        `Try: kafka-topics\\.sh .* --create --topic ${topic}\\.by-path --partitions 4 .* --config retention\\.ms=86400000 `,
      ),
    )
    await createTopic(kafka.brokers, `${topic}.by-path`, 4, { 'max.message.bytes': '2000000' })
    await kafka.allow('Write', '--topic', `${topic}.by-path`)
    const noName = await runCli(args)
    assert.equal(noName.code, 77, noName.stderr)
    assert.match(
      noName.stderr,
      /WRITE on transactional id dfsp\.repartition\.\S+ is not allowed for user "limited"/,
    )
  })

  test('config check --connect says line by line what is refused and what to do, each with 77', async t => {
    const topic = uniqueName('check')
    await createTopic(kafka.brokers, topic, 2)
    await produceRaw(kafka.brokers, topic, recordsOf({ path: 'x.dat', content: randomBytes(2_000) }))
    const check = async (password: string) => {
      const settings = login(password).filter(word => word !== '--until-end')
      const args = ['config', 'check', '--connect', ...settings, '-t', topic, '-g', topic]
      const { exit, stdout } = await dfsp(args, folder(t))
      return { exit, lines: stdout.trimEnd().split('\n') }
    }
    const wrong = await check('wrong')
    assert.equal(wrong.exit, 77)
    assert.match(wrong.lines.at(2) ?? '', /^FAIL broker {3}login refused by .*\[E_AUTH\]$/)
    const noTopic = await check(LIMITED_USER.password)
    assert.equal(noTopic.exit, 77, noTopic.lines.join('\n'))
    assert.match(noTopic.lines[2] ?? '', /^ok {3}broker {3}.*, Kafka 4\.1, 1 broker$/)
    assert.match(
      noTopic.lines[3] ?? '',
      /^FAIL topic {4}READ on topic \S+ is not allowed for user "limited" \[E_ACL\]$/,
    )
    assert.match(noTopic.lines.at(-1) ?? '', /^ +Try: ask for an ACL that allows READ on topic/)
    await kafka.allow('Describe', '--topic', topic)
    await kafka.allow('Describe', '--group', topic)
    // A broker acts on an ACL a moment after it took it.
    let noRead = await check(LIMITED_USER.password)
    while (!noRead.lines.some(line => line.startsWith('FAIL access')))
      noRead = await check(LIMITED_USER.password)
    assert.equal(noRead.exit, 77)
    assert.ok(!noRead.lines.some(line => line.startsWith('FAIL topic')), 'once is enough')
    assert.match(
      noRead.lines.join('\n'),
      /^ok {3}topic .*\nFAIL access {3}not allowed: READ on topic \S+, READ on group \S+ \[E_ACL\]$/m,
    )
    await kafka.allow('Read', '--topic', topic)
    await kafka.allow('DescribeConfigs', '--topic', topic)
    await kafka.allow('Read', '--group', topic)
    let allowed = await check(LIMITED_USER.password)
    while (allowed.exit === 77) allowed = await check(LIMITED_USER.password)
    assert.equal(allowed.exit, 0, allowed.lines.join('\n'))
    assert.match(allowed.lines[3] ?? '', /, 2 partitions, keeps 7 d$/)
    assert.match(
      allowed.lines.at(-1) ?? '',
      /is new: will start at the earliest of 1 file \(2\.0 KiB\) in 2 records$/,
    )
    // READ includes DESCRIBE: without both the group may not even be looked at.
    await kafka.forbid('Describe', '--group', topic)
    await kafka.forbid('Read', '--group', topic)
    let hidden = await check(LIMITED_USER.password)
    while (hidden.exit === 0) hidden = await check(LIMITED_USER.password)
    assert.match(
      hidden.lines.join('\n'),
      /^FAIL group {4}READ on group \S+ is not allowed for user "limited" \[E_ACL\]$/m,
    )
    const asked = login(LIMITED_USER.password).filter(word => word !== '--until-end')
    const { error } = await dfsp(['status', ...asked, '-t', topic, '-g', topic], folder(t))
    assert.deepEqual(
      [error?.code, error?.message],
      ['E_ACL', `READ on group ${topic} is not allowed for user "limited"`],
    )
  })
})
