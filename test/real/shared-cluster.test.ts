/** Two hosts share a topic of three brokers, which die, stop and come back. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { partitionOfKey } from '../../src/core/chunks/murmur2.ts'
import { noBroker, uniqueName } from '../support/broker.ts'
import type { Cli } from '../support/cli.ts'
import { recordsOf } from '../support/files.ts'
import { type Kafka, startCluster } from '../support/kafka.ts'
import { type Steered, steered } from '../support/steered.ts'
import {
  coordinatorOf,
  createTopic,
  endOffsets,
  leadersOf,
  produceRaw,
  readCommitted,
} from '../support/topics.ts'
import { until } from '../support/until.ts'

const PARTITIONS = 6

describe('a shared topic of three brokers', { skip: noBroker }, () => {
  let nodes: readonly Kafka[]
  let all: string
  let plugin: Steered
  before(async () => {
    plugin = steered()
    nodes = await startCluster()
    all = nodes.map(node => node.brokers).join()
  })
  after(async () => {
    plugin.end()
    // In good order the last two would wait for one another.
    await Promise.all(nodes.map(node => node.kill().then(node.end)))
  })

  async function send(topic: string, count: number, name: string): Promise<string[]> {
    const paths = Array.from({ length: count }, (_, i) => `${topic}/${name}${i}.dat`)
    const records = paths.flatMap(path => {
      const home = partitionOfKey(Buffer.from(path), PARTITIONS)
      return recordsOf({ path, content: randomBytes(3_000) }, home)
    })
    await produceRaw(all, topic, records)
    return paths
  }
  const ended = (paths: readonly string[]) => Promise.all(paths.map(path => plugin.until('end', path)))

  /** Two hosts that have three partitions each, and a topic with files that they have done. */
  async function sharing(stem: string) {
    const topic = uniqueName(stem)
    await createTopic(all, topic, PARTITIONS, {}, 3)
    const hosts = ['a', 'b'].map(
      (host): Cli =>
        plugin.start(['-b', all, '-t', topic, '-g', topic, '--shared'], { out: `${topic}-${host}` }),
    )
    await Promise.all(hosts.map(host => host.waitFor(/reading 3 partitions|3 stay/)))
    const paths = await send(topic, 20, 'f')
    await ended(paths)
    const coordinator = nodes[(await coordinatorOf(all, topic)) - 1] as Kafka
    return { topic, hosts, paths, coordinator }
  }

  /** All is committed, both hosts end in good order, and each file was processed once. */
  async function isWhole(topic: string, hosts: readonly Cli[], paths: readonly string[]): Promise<void> {
    const ends = await endOffsets(all, topic)
    await until(async () => {
      const committed = await readCommitted(all, topic, topic)
      return committed.every(({ offset }, partition) => offset === ends[partition])
    })
    for (const host of hosts) host.kill('SIGTERM')
    const results = await Promise.all(hosts.map(host => host.done))
    for (const { code, stderr } of results) assert.equal(code, 0, stderr)
    const done = plugin.ended().filter(path => path.startsWith(`${topic}/`))
    const logs = results.map(({ stderr }) => stderr).join('\n---\n')
    assert.deepEqual(done.sort(), paths.toSorted(), `each file once\n${logs}`)
  }

  test('the coordinator of their group is killed: both go on, and each file is processed once', async () => {
    const { topic, hosts, paths, coordinator } = await sharing('coordinator')
    await coordinator.kill()
    const later = await send(topic, 20, 'g')
    await ended(later)
    await isWhole(topic, hosts, [...paths, ...later])
    await coordinator.start()
  })

  test('partitions get another leader: both go on, and each file is processed once', async () => {
    const { topic, hosts, paths, coordinator } = await sharing('leader')
    const leader = nodes.find(node => node !== coordinator) as Kafka
    const id = nodes.indexOf(leader) + 1
    await until(async () => (await leadersOf(all, topic)).includes(id))
    await leader.stop()
    const during = await send(topic, 20, 'g')
    assert.ok(!(await leadersOf(all, topic)).includes(id))
    await ended(during)
    await leader.start()
    const later = await send(topic, 20, 'h')
    await ended(later)
    await isWhole(topic, hosts, [...paths, ...during, ...later])
  })
})
