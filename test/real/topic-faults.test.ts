/** What happens to the topic and to the group's offsets behind dfsp's back, while it runs and while it does not. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { type Steered, steered } from '../support/steered.ts'
import {
  addPartitions,
  commitAs,
  createTopic,
  deleteGroup,
  deleteRecords,
  deleteTopic,
  endOffsets,
  produceInTransaction,
  produceRaw,
  type RawRecord,
  readCommitted,
} from '../support/topics.ts'

const PARTITIONS = 2
const scattered = (path: string, partitions = PARTITIONS): RawRecord[] =>
  recordsOf({ path, content: randomBytes(10_000), chunkSize: 1_000 }).map((record, i) => ({
    ...record,
    partition: i % partitions,
  }))

// They wait more than they work.
describe('topic', { skip: noBroker, concurrency: 3 }, () => {
  const args = (topic: string, ...more: string[]) => [
    ...['-b', broker, '-t', topic, '-g', topic, '-X', 'session.timeout.ms=6000', '--incomplete-after', '1s'],
    ...more,
  ]
  const offsets = async (topic: string) => (await readCommitted(broker, topic, topic)).map(c => c.offset)

  test('fault 27: a partition that is added in the middle of a file is read from its first record, and the file completes', async t => {
    const { plugin, ran } = pluginOf(t)
    const topic = uniqueName('grows')
    await createTopic(broker, topic, PARTITIONS)
    const run = plugin.start(args(topic, '-X', 'topic.metadata.refresh.interval.ms=1000'))
    const records = scattered('grows.dat', 3)
    await produceRaw(
      broker,
      topic,
      records.filter(({ partition }) => partition !== 2),
    )
    await run.waitFor(/reading 2 partitions/)
    await addPartitions(broker, topic, 3)
    await produceRaw(
      broker,
      topic,
      records.filter(({ partition }) => partition === 2),
    )
    await plugin.until('end', 'grows.dat')
    await run.waitFor(/reading 3 partitions/)
    run.kill('SIGINT')
    assert.equal((await run.done).code, 0)
    assert.deepEqual(ran('grows'), ['grows.dat'])
    assert.deepEqual(await offsets(topic), await endOffsets(broker, topic))
  })

  test('fault 28: a topic that is deleted and made anew while dfsp runs is read from its first record', async t => {
    const { plugin } = pluginOf(t)
    const topic = uniqueName('anew')
    await createTopic(broker, topic, PARTITIONS)
    const run = plugin.start(args(topic, '-X', 'topic.metadata.refresh.interval.ms=1000'))
    await produceRaw(broker, topic, scattered('anew/old.dat'))
    await plugin.until('end', 'anew/old.dat')
    await deleteTopic(broker, topic)
    await createTopicAgain(topic)
    // More than the old one had, so that no offset gives the change away.
    for (const name of ['1', '2', '3']) await produceRaw(broker, topic, scattered(`anew/new${name}.dat`))
    for (const name of ['1', '2', '3']) await plugin.until('end', `anew/new${name}.dat`)
    run.kill('SIGINT')
    const result = await run.done
    assert.equal(result.code, 0, result.stderr)
    assert.match(result.stderr, /deleted and made anew/)
    assert.deepEqual(await offsets(topic), await endOffsets(broker, topic))
  })

  test('faults 28 and 29: a committed offset beyond the end is told, and the log is read from its first record', async t => {
    const { plugin, ran } = pluginOf(t)
    const topic = uniqueName('beyond')
    await createTopic(broker, topic, PARTITIONS)
    await produceRaw(broker, topic, scattered('beyond.dat'))
    await commitAs(
      broker,
      topic,
      [0, 1].map(partition => ({ topic, partition, offset: 40 })),
    )
    const result = await plugin.run(args(topic, '--until-end'))
    assert.equal(result.code, 0, result.stderr)
    assert.match(result.stderr, /\[1\]: the committed offset 40 lies beyond the end 5: .* reading it from 0/)
    assert.deepEqual(ran('beyond'), ['beyond.dat'])
    assert.deepEqual(await offsets(topic), [5, 5])
  })

  test('fault 31: a group whose offsets are gone reads all again, and says that it had none', async t => {
    const { plugin, ran } = pluginOf(t)
    const topic = uniqueName('expired')
    await createTopic(broker, topic, PARTITIONS)
    await produceRaw(broker, topic, scattered('expired.dat'))
    assert.equal((await plugin.run(args(topic, '--until-end'))).code, 0)
    const again = await plugin.run(args(topic, '--until-end'))
    assert.doesNotMatch(again.stderr, /no committed offsets/)
    await deleteGroup(broker, topic)
    const replay = await plugin.run(args(topic, '--until-end'))
    assert.match(
      replay.stderr,
      /has no committed offsets \(it is new, or they have expired\): reading from the first/,
    )
    assert.deepEqual(ran('expired'), ['expired.dat', 'expired.dat'])
  })

  test('fault 67: offsets that a tool moved: down is read again, up is told with the range that is passed over', async t => {
    const { plugin, ran } = pluginOf(t)
    const topic = uniqueName('moved')
    await createTopic(broker, topic, 1)
    for (const name of ['a', 'b', 'c']) await produceRaw(broker, topic, scattered(`moved/${name}.dat`, 1))
    assert.equal((await plugin.run(args(topic, '--until-end'))).code, 0)
    await commitAs(broker, topic, [{ topic, partition: 0, offset: 10 }])
    const down = await plugin.run(args(topic, '--until-end'))
    assert.equal(down.code, 0, down.stderr)
    assert.match(down.stderr, /offset 10 was not committed by dfsp .* records 0-9 are passed over/)
    assert.deepEqual(
      ran('moved').sort(),
      ['a', 'b', 'b', 'c', 'c'].map(name => `moved/${name}.dat`),
    )
    await produceRaw(broker, topic, [...scattered('moved/skipped.dat', 1), ...scattered('moved/d.dat', 1)])
    await commitAs(broker, topic, [{ topic, partition: 0, offset: 40 }])
    plugin.forget()
    const up = await plugin.run(args(topic, '--until-end'))
    assert.match(up.stderr, /offset 40 was not committed by dfsp .* records 0-39 are passed over/)
    assert.deepEqual(plugin.ended(), ['moved/d.dat'])
  })

  test('fault 68: records deleted below the committed offset of a stopped dfsp are told exactly, the rest is processed', async t => {
    const { plugin, ran } = pluginOf(t)
    const topic = uniqueName('overtaken')
    await createTopic(broker, topic, 1)
    const held = scattered('overtaken/held.dat', 1)
    await produceRaw(broker, topic, [...scattered('overtaken/done.dat', 1), ...held.slice(0, 9)])
    await plugin.run(args(topic, '--until-end'))
    assert.deepEqual(await offsets(topic), [10])
    await deleteRecords(broker, topic, [{ partition: 0, offset: 15 }])
    await produceRaw(broker, topic, [...held.slice(9), ...scattered('overtaken/next.dat', 1)])
    const result = await plugin.run(args(topic, '--until-end'))
    assert.match(result.stderr, /\[0\]: records 10-14 were deleted by retention before they were processed/)
    assert.deepEqual(ran('overtaken'), ['overtaken/done.dat', 'overtaken/next.dat'])
  })

  test('faults 68 and 70: a partition that retention overtakes while it is paused is told exactly; its neighbour goes on', async t => {
    const { plugin, ran } = pluginOf(t)
    const topic = uniqueName('outrun')
    await createTopic(broker, topic, PARTITIONS)
    const files = Array.from({ length: 12 }, (_, i) => ({
      path: `outrun/${i}.dat`,
      content: randomBytes(3_000_000),
      chunkSize: 500_000,
    }))
    for (const file of files)
      await produceRaw(broker, topic, recordsOf(file, Number(file.path.slice(7, -4)) % 2))
    plugin.order(Object.fromEntries(files.map(({ path }) => [path, 'wait' as const])))
    const run = plugin.start(args(topic, '--memory', '16MiB', '--stats', '200ms', '--threads', '2'))
    await run.waitFor(/flow=pause/)
    await deleteRecords(broker, topic, [{ partition: 1, offset: 35 }])
    plugin.order({})
    await plugin.until('end', 'outrun/10.dat')
    const told = await run.waitFor(/\[1\]: records (\d+)-34 were deleted by retention before they were read/)
    assert.ok(Number(told[1]) > 0)
    run.kill('SIGINT')
    const result = await run.done
    assert.equal(result.code, 0, result.stderr)
    for (const i of [0, 2, 4, 6, 8, 10]) assert.ok(ran('outrun').includes(`outrun/${i}.dat`), `file ${i}`)
  })

  test('fault 69: aborted and committed transactions and a compacted topic: no gap is taken for a loss, none holds an offset', async t => {
    const { plugin, ran } = pluginOf(t)
    const topic = uniqueName('gaps')
    await createTopic(broker, topic, PARTITIONS, {
      'cleanup.policy': 'compact',
      'segment.ms': '200',
      'min.cleanable.dirty.ratio': '0.01',
    })
    const once = scattered('gaps/twice.dat')
    await produceRaw(broker, topic, once)
    await produceInTransaction(broker, topic, scattered('gaps/aborted.dat'), 'abort')
    await produceInTransaction(broker, topic, scattered('gaps/committed.dat'), 'commit')
    await produceRaw(broker, topic, once)
    const result = await plugin.run(args(topic, '--until-end'))
    assert.equal(result.code, 0, result.stderr)
    assert.deepEqual(ran('gaps').sort(), ['gaps/committed.dat', 'gaps/twice.dat'])
    assert.doesNotMatch(result.stderr, /warn|deleted|held/)
    assert.deepEqual(await offsets(topic), await endOffsets(broker, topic))
  })

  /** The broker deletes in the background, and takes the name again only then. */
  async function createTopicAgain(topic: string): Promise<void> {
    for (;;) {
      try {
        return await createTopic(broker, topic, PARTITIONS)
      } catch {
        await new Promise(resolve => setTimeout(resolve, 100))
      }
    }
  }
})

function pluginOf(t: TestContext): { plugin: Steered; ran(prefix: string): string[] } {
  const plugin = steered()
  t.after(() => plugin.end())
  return { plugin, ran: prefix => plugin.ended().filter(path => path.startsWith(prefix)) }
}
