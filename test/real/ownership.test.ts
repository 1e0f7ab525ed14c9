/** Who owns which partitions, and what becomes of files when others join, leave, die and come back. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { joinGroup } from '../support/member.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, endOffsets, produceRaw, readCommitted } from '../support/topics.ts'

const PROTOCOLS = {
  eager: { 'partition.assignment.strategy': 'range', 'session.timeout.ms': 6000 },
  'cooperative-sticky': { 'partition.assignment.strategy': 'cooperative-sticky', 'session.timeout.ms': 6000 },
  'group.protocol=consumer': { 'group.protocol': 'consumer' },
} as const

const PARTITIONS = 4
/** Ten chunks over all partitions. */
const scattered = (path: string) =>
  recordsOf({ path, content: randomBytes(10_000), chunkSize: 1_000 }).map((record, i) => ({
    ...record,
    partition: i % PARTITIONS,
  }))

describe('ownership', { skip: noBroker }, () => {
  let plugin: Steered
  before(() => {
    plugin = steered()
  })
  after(() => plugin.end())

  async function committedSum(topic: string): Promise<number> {
    return (await readCommitted(broker, topic, topic)).reduce((sum, c) => sum + (c.offset ?? 0), 0)
  }

  for (const [name, properties] of Object.entries(PROTOCOLS)) {
    test(`faults 17, 18, 19: ${name}: another program joins in the middle of a file and leaves again`, async () => {
      const topic = uniqueName('joins')
      await createTopic(broker, topic, PARTITIONS)
      const flags = Object.entries(properties).flatMap(([key, value]) => ['-X', `${key}=${value}`])
      const run = plugin.start(['-b', broker, '-t', topic, '-g', topic, ...flags])
      const [before, during, after] = ['before', 'during', 'after'].map(when => `${name}/${when}.dat`) as [
        string,
        string,
        string,
      ]
      await produceRaw(broker, topic, scattered(before))
      await plugin.until('end', before)
      const records = scattered(during)
      await produceRaw(broker, topic, records.slice(0, 6))
      while ((await committedSum(topic)) < 10) await new Promise(resolve => setTimeout(resolve, 100))

      const other = await joinGroup(broker, topic, topic, properties)
      await produceRaw(broker, topic, [...records.slice(6), ...scattered(after)])
      const held = await committedSum(topic)
      assert.equal(held, 10, 'nothing above the unfinished file is committed')
      assert.ok(other.owned().length < PARTITIONS, 'dfsp is still a member')
      assert.deepEqual(
        plugin.started().filter(path => path === during || path === after),
        [],
      )
      await other.leave()
      await plugin.until('end', after)
      run.kill('SIGINT')
      const result = await run.done
      assert.equal(result.code, 0, result.stderr)
      assert.deepEqual(
        plugin
          .ended()
          .filter(path => path.startsWith(name))
          .sort(),
        [after, before, during].sort(),
      )
      assert.equal(result.stderr.match(/reading 4 partitions/g)?.length, 2, result.stderr)
      assert.deepEqual(
        (await readCommitted(broker, topic, topic)).map(c => c.offset),
        await endOffsets(broker, topic),
      )
    })
  }
})
