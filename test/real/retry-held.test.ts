/** `dfsp retry` of the files that a group holds, on a real broker. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, endOffsets, produceRaw, readCommitted } from '../support/topics.ts'

describe('held files', { skip: noBroker }, () => {
  let plugin: Steered
  before(() => {
    plugin = steered()
  })
  after(() => plugin.end())

  const file = (path: string) => recordsOf({ path, content: randomBytes(5_000) })
  const argsFor = (topic: string) => ['-b', broker, '-t', topic, '-g', topic]
  const retry = (topic: string, ...args: string[]) =>
    plugin.run([...argsFor(topic), ...args], { command: 'retry' })
  const run = (topic: string) => plugin.run([...argsFor(topic), '--retries', '1', '--until-end'])
  const offsets = async (topic: string) =>
    (await readCommitted(broker, topic, topic)).map(({ offset }) => offset ?? 0)

  test('what a run held is listed, run once and committed; nothing of it runs again, and what came since is not lost', async () => {
    const topic = uniqueName('held')
    await createTopic(broker, topic, 3)
    const parts = file('part.dat')
    await produceRaw(broker, topic, [
      ...file('a.dat'),
      ...parts.slice(1),
      ...file('bad.dat'),
      { partition: 0, key: 'k', value: Buffer.from('no chunk') },
      ...file('z.dat'),
    ])
    plugin.order({ 'a.dat': 'fail', 'bad.dat': 'fail' })
    assert.equal((await run(topic)).code, 3)
    assert.deepEqual(plugin.ended(), ['z.dat'])
    plugin.order({ 'bad.dat': 'fail' })
    plugin.forget()

    const looked = await retry(topic, '--dry-run')
    assert.equal(looked.code, 0, looked.stderr)
    assert.match(looked.stdout, /^retry {2}a\.dat {2}4\.9 KiB {2}whole, 2 tries {2}held-\S+ \d: /m)
    assert.match(looked.stdout, /^leave {2}part\.dat {2}3\.9 KiB {2}4 of 5 chunks/m)
    assert.match(looked.stdout, /^2 files to retry, 2 left alone$/m)
    assert.equal((await retry(topic)).code, 2)
    assert.deepEqual(plugin.started(), [])

    await produceRaw(broker, topic, file('new.dat'))
    const first = await retry(topic, '--yes')
    assert.equal(first.code, 3, first.stderr)
    assert.ok(plugin.ended().includes('a.dat'))
    // A run with one retry has tried each twice.
    assert.deepEqual([plugin.attempts('a.dat'), plugin.attempts('bad.dat')], [[3], [3]])

    plugin.order({})
    assert.equal((await retry(topic, '--yes')).code, 3, 'the record that is no chunk stays')
    await produceRaw(broker, topic, parts.slice(0, 1))
    assert.equal((await run(topic)).code, 3)
    assert.deepEqual(plugin.ended().toSorted(), ['a.dat', 'bad.dat', 'new.dat', 'part.dat'])
    const ends = await endOffsets(broker, topic)
    assert.ok((await offsets(topic)).slice(1).every((offset, i) => offset === ends[i + 1]))
  })

  test('a group that is running elsewhere is left alone: 75', async () => {
    const topic = uniqueName('running')
    await createTopic(broker, topic, 2)
    await produceRaw(broker, topic, file('bad.dat'))
    plugin.order({ 'bad.dat': 'fail' })
    plugin.forget()
    const running = plugin.start([...argsFor(topic), '--retries', '0'])
    await running.waitFor(/failed bad\.dat/)
    // Once its commit is there, it is known what it holds.
    let looked = await retry(topic, '--dry-run')
    while (!/^retry {2}bad\.dat/m.test(looked.stdout)) looked = await retry(topic, '--dry-run')
    plugin.order({})
    const refused = await retry(topic, '--yes')
    assert.equal(refused.code, 75, refused.stderr)
    assert.deepEqual(plugin.ended(), [])
    running.kill('SIGINT')
    assert.equal((await running.done).code, 0)
    assert.equal((await retry(topic, '--yes')).code, 0)
    assert.deepEqual(plugin.ended(), ['bad.dat'])
    assert.deepEqual(await offsets(topic), await endOffsets(broker, topic))
  })

  test('files and folders that are named are run, the others stay held with the tries they had', async () => {
    const topic = uniqueName('named')
    await createTopic(broker, topic, 2)
    const paths = ['a/x.dat', 'a/y.dat', 'b/x.dat', 'c.dat']
    await produceRaw(broker, topic, paths.flatMap(file))
    plugin.order(Object.fromEntries(paths.map(path => [path, 'fail' as const])))
    assert.equal((await run(topic)).code, 3)
    plugin.order({})
    plugin.forget()
    const looked = await retry(topic, '--dry-run', 'a/', 'c.dat')
    assert.match(
      looked.stdout,
      /^retry {2}a\/x\.dat .*\n.*a\/y\.dat .*\n.*c\.dat .*\n3 files to retry, 0 left alone\n/,
    )
    await produceRaw(broker, topic, file('new.dat'))
    const named = await retry(topic, '--yes', 'a', 'c.dat')
    assert.equal(named.code, 0, named.stderr)
    assert.deepEqual(plugin.started().toSorted(), ['a/x.dat', 'a/y.dat', 'c.dat'])
    assert.match(
      (await retry(topic, '--dry-run')).stdout,
      /^retry {2}b\/x\.dat {2}4\.9 KiB {2}whole, 2 tries /m,
    )
    plugin.forget()
    assert.equal((await run(topic)).code, 0)
    assert.deepEqual(plugin.ended().toSorted(), ['b/x.dat', 'new.dat'])
    assert.deepEqual(await offsets(topic), await endOffsets(broker, topic))
  })
})
