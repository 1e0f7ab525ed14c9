/** Three brokers: the one that keeps the group's offsets dies between commits. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { type Kafka, startCluster } from '../support/kafka.ts'
import { type Steered, steered } from '../support/steered.ts'
import { coordinatorOf, createTopic, endOffsets, produceRaw, readCommitted } from '../support/topics.ts'

describe('group coordinator', { skip: noBroker }, () => {
  let nodes: readonly Kafka[]
  let plugin: Steered
  before(async () => {
    plugin = steered()
    nodes = await startCluster()
  })
  after(async () => {
    plugin.end()
    // In good order the last two would wait for one another.
    await Promise.all(nodes.map(node => node.kill().then(node.end)))
  })

  test('fault 14: the coordinator dies during commits: they are made again, and no committed offset ever goes back', async () => {
    const all = nodes.map(node => node.brokers).join()
    const topic = uniqueName('moves')
    await createTopic(all, topic, 2, {}, 3)
    const paths = Array.from({ length: 30 }, (_, i) => `moves/${i}.dat`)
    const run = plugin.start(['-b', all, '-t', topic, '-g', topic, '-X', 'session.timeout.ms=6000'])
    const send = async (some: readonly string[]) => {
      for (const path of some) await produceRaw(all, topic, recordsOf({ path, content: randomBytes(5_000) }))
    }
    await send(paths.slice(0, 10))
    await plugin.until('end', 'moves/5.dat')
    const coordinator = nodes[(await coordinatorOf(all, topic)) - 1] as Kafka
    const rest = nodes.filter(node => node !== coordinator).map(node => node.brokers)
    let highest = 0
    const look = async () => {
      const sum = (await readCommitted(rest.join(), topic, topic)).reduce((a, c) => a + (c.offset ?? 0), 0)
      assert.ok(sum >= highest, `committed ${sum} after ${highest}`)
      highest = sum
      return sum
    }
    await coordinator.kill()
    await send(paths.slice(10))
    await plugin.until('end', 'moves/29.dat')
    const ends = (await endOffsets(rest.join(), topic)).reduce((a, b) => a + b, 0)
    while ((await look()) < ends) await new Promise(resolve => setTimeout(resolve, 100))
    run.kill('SIGINT')
    const result = await run.done
    assert.equal(result.code, 0, result.stderr)
    assert.deepEqual([...plugin.ended()].sort(), [...paths].sort(), 'each file once')
  })
})
