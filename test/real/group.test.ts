/** One process owns all partitions; membership outlives pauses; topics may come late. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import kafka from '@confluentinc/kafka-javascript'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, endOffsets, produceRaw, readCommitted } from '../support/topics.ts'

describe('consumer group', { skip: noBroker }, () => {
  let plugin: Steered
  before(() => {
    plugin = steered()
  })
  after(() => plugin.end())
  const argsFor = (topic: string) => ['-b', broker, '-t', topic, '-g', topic]

  test('a second process in the group ends with 75 and names the first, which goes on undisturbed', async () => {
    const topic = uniqueName('busy')
    await createTopic(broker, topic, 4)
    const first = plugin.start(argsFor(topic))
    await first.waitFor(/reading 4 partitions/)
    const second = await plugin.run(argsFor(topic))
    assert.equal(second.code, 75)
    assert.match(
      second.stderr,
      new RegExp(
        `group ${topic} is in use \\[E_GROUP_BUSY\\]\\n  member dfsp-\\S+-${first.child.pid} on \\S+ owns partitions 0-3`,
      ),
    )
    assert.match(
      second.stderr,
      /--shared for all of them, where each file lies in one partition .*, else dfsp repartition/,
    )
    await produceRaw(broker, topic, recordsOf({ path: 'x.dat', content: randomBytes(3_000) }))
    await plugin.until('end', 'x.dat')
    first.kill('SIGINT')
    const result = await first.done
    assert.equal(result.code, 0, result.stderr)
    assert.equal(result.stderr.match(/reading 4 partitions/g)?.length, 1)
  })

  test('fault 26: a topic that is missing ends the run with 69, or is waited for and read from its first record', async () => {
    const topic = uniqueName('late')
    const missing = await plugin.run(argsFor(topic))
    assert.equal(missing.code, 69)
    assert.match(missing.stderr, new RegExp(`topic "${topic}" does not exist \\[E_TOPIC_MISSING\\]`))
    const waiting = plugin.start([...argsFor(topic), '--wait-for-topic'])
    await waiting.waitFor(/does not exist yet: waiting/)
    await createTopic(broker, topic, 4)
    await produceRaw(broker, topic, recordsOf({ path: 'late.dat', content: randomBytes(9_000) }))
    await plugin.until('end', 'late.dat')
    waiting.kill('SIGINT')
    assert.equal((await waiting.done).code, 0)
  })

  test('a signal while the topic or the broker is waited for ends the run at once', async () => {
    const topic = uniqueName('never')
    const waiting = plugin.start([...argsFor(topic), '--wait-for-topic'])
    await waiting.waitFor(/does not exist yet: waiting/)
    waiting.kill('SIGINT')
    const ended = await waiting.done
    assert.equal(ended.code, 0, ended.stderr)
    assert.match(ended.stderr, /summary done=0 .*exit=0\s*$/)

    const connecting = plugin.start(['-b', '127.0.0.1:1', '-t', topic, '--until-end'])
    await connecting.waitFor(/connecting to 127\.0\.0\.1:1/)
    connecting.kill('SIGTERM')
    assert.equal((await connecting.done).code, 128 + 15)
  })

  test('faults 30 and 57: with every partition paused for longer than max.poll.interval.ms it stays a member, in budget', async () => {
    const topic = uniqueName('paused')
    await createTopic(broker, topic, 12)
    const files = Array.from({ length: 20 }, (_, i) => ({
      path: `big${i}.dat`,
      content: randomBytes(3_000_000),
      chunkSize: 300_000,
    }))
    for (const file of files) await produceRaw(broker, topic, recordsOf(file))
    plugin.order(Object.fromEntries(files.map(file => [file.path, 'wait' as const])))
    const limits = ['-X', 'max.poll.interval.ms=6500', '-X', 'session.timeout.ms=6000', '--memory', '16MiB']
    const run = plugin.start([...argsFor(topic), ...limits, '--stats', '200ms', '--json', '--until-end'])
    await run.waitFor(/"flow":"pause"/)
    const pausedFor = 8_000 // the broker gives up a member that is silent for longer than the interval above
    await new Promise(resolve => setTimeout(resolve, pausedFor))
    plugin.order({})
    const result = await run.done
    assert.equal(result.code, 0, result.stderr)
    assert.equal(result.stderr.match(/reading 12 partitions/g)?.length, 1, 'no rebalance')
    assert.deepEqual(
      plugin
        .ended()
        .filter(p => p.startsWith('big'))
        .sort(),
      files.map(file => file.path).sort(),
    )
    const used = [...result.stdout.matchAll(/"memoryBytes":(\d+)/g)].map(m => Number(m[1]))
    const batch = 4 * 1024 * 1024 + 300_000 * 8
    assert.ok(Math.max(...used) <= 16 * 1024 * 1024 + batch, `memory reached ${Math.max(...used)}`)
    assert.deepEqual(
      (await readCommitted(broker, topic, topic)).map(c => c.offset),
      await endOffsets(broker, topic),
    )
  })

  for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const skip = kafka.features.includes(compression)
      ? false
      : `the client was compiled without ${compression}`
    test(`${compression} batches over 12 partitions`, { skip }, async () => {
      const topic = uniqueName(compression)
      await createTopic(broker, topic, 12)
      const files = Array.from({ length: 30 }, (_, i) => ({
        path: `${compression}/${i}.txt`,
        content: Buffer.from('0.123 4.56\n'.repeat(900 + i)),
      }))
      await produceRaw(
        broker,
        topic,
        files.flatMap(file => recordsOf(file)),
        { compression },
      )
      const result = await plugin.run([...argsFor(topic), '--until-end'])
      assert.equal(result.code, 0, result.stderr)
      assert.deepEqual(
        plugin
          .ended()
          .filter(p => p.startsWith(compression))
          .sort(),
        files.map(file => file.path).sort(),
      )
    })
  }
})
