/** Login and ACLs on a real SASL listener. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { noBroker, uniqueName } from '../support/broker.ts'
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
})
