/** What a broker refuses of what dfsp sets by itself, and rights to write that are missing. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { noBroker } from '../support/broker.ts'
import { runCli } from '../support/cli.ts'
import { recordsOf } from '../support/files.ts'
import { type Kafka, LIMITED_USER, startKafka } from '../support/kafka.ts'
import { createTopic, produceRaw } from '../support/topics.ts'
import { makeTree, removeTree } from '../support/trees.ts'

describe('limits and rights of a broker', { skip: noBroker, concurrency: 3 }, () => {
  let kafka: Kafka
  let cwd: string
  before(async () => {
    cwd = makeTree({ 'f.csv': 'x', 'bad.mjs': "export default () => new Error('bad')\n" })
    kafka = await startKafka({
      sasl: true,
      properties: { 'group.min.session.timeout.ms': 30_000, 'group.max.session.timeout.ms': 40_000 },
    })
    for (const topic of ['xrd', 'dead']) await createTopic(kafka.brokers, topic, 2)
    await produceRaw(kafka.brokers, 'xrd', recordsOf({ path: 'f.csv', content: Buffer.from('x') }))
    await kafka.allow('Read', '--topic', 'xrd')
    await kafka.allow('Read', '--group', '*')
  })
  after(async () => {
    removeTree(cwd)
    await kafka.end()
  })
  const limited = () => [
    ...['-b', kafka.saslBrokers, '-X', 'security.protocol=SASL_PLAINTEXT', '-X', 'sasl.mechanism=PLAIN'],
    ...['-X', `sasl.username=${LIMITED_USER.username}`, '-X', `sasl.password=${LIMITED_USER.password}`],
  ]

  for (const command of [
    'run -p ./bad.mjs -t xrd -g short',
    'run -p ./bad.mjs -t xrd -g short --until-end',
    'run -p ./bad.mjs -t xrd -g short --dry-run',
    'run -p ./bad.mjs -t xrd -g long -X session.timeout.ms=60000',
    'retry -p ./bad.mjs --dlq xrd --yes',
    'config check --connect -t xrd -g short',
  ])
    test(`a session that is shorter or longer than is allowed ends at the start: ${command}`, async () => {
      const { code, stdout, stderr } = await runCli([...command.split(' '), '-b', kafka.brokers], { cwd })
      assert.equal(code, 78, stderr)
      assert.match(stdout + stderr, /does not take session\.timeout\.ms = (10000|60000) \[E_CONFIG\]/)
      assert.match(stdout + stderr, /it allows 30000 to 40000/)
      assert.match(stdout + stderr, /-X session\.timeout\.ms=(30000|40000)/)
    })

  test('with what mends it the run goes', async () => {
    const args = ['run', '-p', 'save', '-t', 'xrd', '-g', 'mended', '--until-end', '-o', 'out']
    const { code, stderr } = await runCli([...args, '-b', kafka.brokers, '-X', 'session.timeout.ms=30000'], {
      cwd,
    })
    assert.equal(code, 0, stderr)
  })

  test('a topic that may not be written to asks for WRITE: of an upload, and of dead letters', async () => {
    const upload = await runCli(['upload', 'f.csv', '-t', 'dead', ...limited()], { cwd })
    assert.equal(upload.code, 77, upload.stderr)
    assert.match(upload.stderr, /WRITE on topic dead is not allowed for user "limited" \[E_ACL\]/)
    const args = ['-t', 'xrd', '-g', 'dlq', '--until-end', '--retries', '0', '-X', 'session.timeout.ms=30000']
    const run = await runCli(['run', '-p', './bad.mjs', '--dlq', 'dead', ...args, ...limited()], { cwd })
    assert.equal(run.code, 3, run.stderr)
    assert.match(run.stderr, /dead letters: WRITE on topic dead is not allowed/)
    assert.doesNotMatch(run.stderr, /READ on topic dead/)
  })

  test('an upload by a user who may see the topic but write to none says so', async () => {
    await createTopic(kafka.brokers, 'seen', 1)
    await kafka.allow('Describe', '--topic', 'seen')
    const { code, stderr } = await runCli(['upload', 'f.csv', '-t', 'seen', ...limited()], { cwd })
    assert.equal(code, 77, stderr)
    assert.match(stderr, /WRITE on topic seen is not allowed for user "limited" \[E_ACL\]/)
    assert.doesNotMatch(stderr, /keeps trying/)
  })
})
