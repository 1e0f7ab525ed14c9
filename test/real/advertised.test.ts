/** A listener that sends its clients on to an address at which nobody listens. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { noBroker, uniqueName } from '../support/broker.ts'
import { runCli } from '../support/cli.ts'
import { type Kafka, startKafka } from '../support/kafka.ts'
import { freePorts } from '../support/ports.ts'
import { createTopic } from '../support/topics.ts'
import { makeTree, removeTree } from '../support/trees.ts'

describe('a wrong advertised address', { skip: noBroker, concurrency: 6 }, () => {
  let kafka: Kafka
  let wrong: string
  let cwd: string
  const topic = uniqueName('advertised')
  before(async () => {
    const [plain = 0, controller = 0, other = 0] = await freePorts(3)
    wrong = `127.0.0.1:${other}`
    cwd = makeTree({ 'f.csv': 'x', 'p.mjs': 'export default () => null\n' })
    kafka = await startKafka({
      ports: [plain, controller],
      properties: {
        listeners: `PLAINTEXT://127.0.0.1:${plain},WRONG://${wrong},CONTROLLER://127.0.0.1:${controller}`,
        'advertised.listeners': `PLAINTEXT://127.0.0.1:${plain},WRONG://127.0.0.1:1`,
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,WRONG:PLAINTEXT,CONTROLLER:PLAINTEXT',
      },
    })
    await createTopic(kafka.brokers, topic, 2)
  })
  after(async () => {
    removeTree(cwd)
    await kafka.end()
  })

  const commands = [
    'run -p ./p.mjs -t TOPIC',
    'run -p ./p.mjs -t TOPIC --until-end',
    'run -p ./p.mjs -t TOPIC --dry-run',
    'upload f.csv -t TOPIC',
    'upload f.csv -t TOPIC --watch',
    'ls -t TOPIC',
    'get -t TOPIC f.csv',
    'status -t TOPIC -g g',
    'retry -p ./p.mjs -t TOPIC -g g --yes',
    'retry -p ./p.mjs --dlq TOPIC --yes',
    'replay -p ./p.mjs -t TOPIC --yes',
    'config check --connect',
  ]
  for (const command of commands)
    test(`${command} ends with 69 within 30 s and names the address`, async () => {
      const args = command.replace('TOPIC', topic).split(' ')
      const msOf = async (work: () => Promise<unknown>) => {
        const began = performance.now()
        await work()
        return performance.now() - began
      }
      const call = runCli([...args, '-b', wrong], { cwd })
      const took = await msOf(() => call)
      const { code, stdout, stderr } = await call
      assert.equal(code, 69, stderr)
      // And as long as a machine under load takes to load the program.
      const loading = await msOf(() => runCli(['--help'], { cwd }))
      assert.ok(took < 30_000 + 10 * loading, `${took} ms, ${loading} ms to load`)
      assert.match(
        stderr + stdout,
        new RegExp(`cannot reach 127\\.0\\.0\\.1:1, to which ${wrong} sends its clients \\[E_BROKER_UNREACH`),
      )
    })

  test('a broker of the list that answers is enough, in any order', async () => {
    const others = ['gone.invalid:9092', 'timed.out.example:9092', '127.0.0.1:1']
    for (const brokers of [
      [...others, kafka.brokers],
      [kafka.brokers, ...others],
    ]) {
      const { code, stderr } = await runCli(['ls', '-t', topic, '-b', brokers.join()], { cwd })
      assert.equal(code, 0, stderr)
    }
  })
})
