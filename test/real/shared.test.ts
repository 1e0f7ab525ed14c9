/** Several processes of one group, each with some of the partitions of a topic in which each file lies in one. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { partitionOfKey } from '../../src/core/chunks/murmur2.ts'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import type { Cli } from '../support/cli.ts'
import { recordsOf } from '../support/files.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, endOffsets, produceRaw, readCommitted } from '../support/topics.ts'

const PARTITIONS = 4

describe('a shared topic', { skip: noBroker, concurrency: 4 }, () => {
  let plugin: Steered
  before(() => {
    plugin = steered()
  })
  after(() => plugin.end())

  const argsFor = (topic: string) => ['-b', broker, '-t', topic, '-g', topic, '--shared']
  const start = (topic: string, host: string, ...more: string[]): Cli =>
    plugin.start([...argsFor(topic), ...more], { out: `${topic}-${host}` })
  const reading = async (cli: Cli) => await cli.waitFor(/reading \d+ partitions/)

  /** Each file in the partition of its path. */
  async function send(topic: string, count: number, name: string): Promise<string[]> {
    const paths = Array.from({ length: count }, (_, i) => `${topic}/${name}${i}.dat`)
    for (const path of paths) {
      const partition = partitionOfKey(Buffer.from(path), PARTITIONS)
      await produceRaw(broker, topic, recordsOf({ path, content: randomBytes(3_000) }, partition))
    }
    return paths
  }
  const ended = (topic: string) =>
    plugin
      .ended()
      .filter(path => path.startsWith(`${topic}/`))
      .sort()

  async function isCommitted(topic: string): Promise<void> {
    const committed = (await readCommitted(broker, topic, topic)).map(({ offset }) => offset)
    assert.deepEqual(committed, await endOffsets(broker, topic))
  }

  for (const protocol of ['classic', 'consumer']) {
    test(`each file is processed once by one of two hosts, and both end (${protocol})`, async () => {
      const topic = uniqueName('share')
      await createTopic(broker, topic, PARTITIONS)
      const paths = await send(topic, 40, 'f')
      const more = ['--until-end', '-X', `group.protocol=${protocol}`]
      const hosts = ['a', 'b'].map(host => start(topic, host, ...more))
      const results = await Promise.all(hosts.map(async ({ done }) => await done))
      for (const { code, stderr } of results) assert.equal(code, 0, stderr)
      assert.deepEqual(ended(topic), paths.toSorted())
      await isCommitted(topic)
    })
  }

  test('a host that comes takes partitions over while the other goes on, and gives them back when it stops', async () => {
    const topic = uniqueName('join')
    await createTopic(broker, topic, PARTITIONS)
    const first = start(topic, 'a')
    await first.waitFor(/reading 4 partitions/)
    const second = start(topic, 'b')
    await second.waitFor(/reading 2 partitions/)
    const paths = await send(topic, 20, 'f')
    for (const path of paths) await plugin.until('end', path)
    second.kill('SIGTERM')
    const { code, stderr } = await second.done
    assert.equal(code, 0, stderr)
    await first.waitFor(/reading 2 more partitions/)
    const later = await send(topic, 20, 'g')
    for (const path of later) await plugin.until('end', path)
    first.kill('SIGTERM')
    assert.equal((await first.done).code, 0)
    assert.deepEqual(ended(topic), [...paths, ...later].sort())
    await isCommitted(topic)
  })

  test('while partitions wait to go, files of those that stay are processed', async () => {
    const topic = uniqueName('drain')
    await createTopic(broker, topic, PARTITIONS)
    const homeOf = (path: string) => partitionOfKey(Buffer.from(path), PARTITIONS)
    const held = Array.from({ length: PARTITIONS }, (_, partition) => {
      for (let i = 0; ; i++) if (homeOf(`${topic}/held${i}.dat`) === partition) return `${topic}/held${i}.dat`
    })
    plugin.order(Object.fromEntries(held.map(path => [path, 'wait' as const])))
    const first = start(topic, 'a', '--threads', '8', '--drain-timeout', '120s')
    await first.waitFor(/reading 4 partitions/)
    for (const path of held)
      await produceRaw(broker, topic, recordsOf({ path, content: randomBytes(3_000) }, homeOf(path)))
    for (const path of held) await plugin.until('start', path)
    const second = start(topic, 'b')
    await second.waitFor(/waiting for one/)
    const paths = await send(topic, 20, 'f')
    const least = Math.min(...held.map(of => paths.filter(path => homeOf(path) === homeOf(of)).length))
    assert.ok(least > 0)
    while (new Set(ended(topic).map(homeOf)).size < 2) await delay(50)
    assert.doesNotMatch(second.stderr(), /reading/)
    plugin.order({})
    for (const path of [...held, ...paths]) await plugin.until('end', path)
    for (const host of [first, second]) host.kill('SIGTERM')
    await Promise.all([first.done, second.done])
    assert.deepEqual(ended(topic), [...held, ...paths].sort())
  })

  test('what a killed host had comes to the other, and nothing is lost', async () => {
    const topic = uniqueName('slain')
    await createTopic(broker, topic, PARTITIONS)
    const hosts = ['a', 'b'].map(host => start(topic, host))
    await Promise.all(hosts.map(reading))
    const before = await send(topic, 20, 'f')
    for (const path of before) await plugin.until('end', path)
    hosts[1]?.kill('SIGKILL')
    const later = await send(topic, 20, 'g')
    for (const path of later) await plugin.until('end', path)
    hosts[0]?.kill('SIGTERM')
    assert.equal((await hosts[0]?.done)?.code, 0)
    assert.deepEqual([...new Set(ended(topic))], [...before, ...later].sort())
    await isCommitted(topic)
  })

  test('a host that was frozen past its session says so when it goes on, and takes part again; its late result counts for nothing', async () => {
    const topic = uniqueName('thaws')
    await createTopic(broker, topic, PARTITIONS)
    const session = ['-X', 'session.timeout.ms=6000']
    const frozen = start(topic, 'a', ...session, '-v')
    await frozen.waitFor(/reading 4 partitions/)
    plugin.order({ [`${topic}/f0.dat`]: 'wait' })
    const [path = ''] = await send(topic, 1, 'f')
    await plugin.until('start', path)
    frozen.kill('SIGSTOP')
    plugin.order({})
    const other = start(topic, 'b', ...session)
    await other.waitFor(/reading 4 partitions/)
    await plugin.until('end', path)
    frozen.kill('SIGCONT')
    await frozen.waitFor(/has given this process up[\s\S]*reading 2 partitions/)
    const later = await send(topic, 20, 'g')
    for (const each of later) await plugin.until('end', each)
    for (const host of [frozen, other]) host.kill('SIGTERM')
    const [{ code, stderr }] = await Promise.all([frozen.done, other.done])
    assert.equal(code, 0, stderr)
    assert.doesNotMatch(stderr, /ok .*f0\.dat/)
    assert.deepEqual([...new Set(ended(topic))], [path, ...later].sort())
    await isCommitted(topic)
  })

  test('a process that does not share ends with 75 beside one that does, and the other way round', async () => {
    const topic = uniqueName('alone')
    await createTopic(broker, topic, PARTITIONS)
    const sharing = start(topic, 'a')
    await reading(sharing)
    const alone = argsFor(topic).filter(arg => arg !== '--shared')
    const refused = await plugin.run(alone, { out: `${topic}-b` })
    assert.equal(refused.code, 75)
    assert.match(refused.stderr, /E_GROUP_BUSY[\s\S]*--shared here, too/)
    sharing.kill('SIGTERM')
    await sharing.done
    const owner = plugin.start(alone, { out: `${topic}-b` })
    await reading(owner)
    const late = await start(topic, 'a').done
    assert.equal(late.code, 75)
    assert.match(late.stderr, /E_GROUP_BUSY[\s\S]*it was started without --shared/)
    owner.kill('SIGTERM')
    assert.equal((await owner.done).code, 0)
  })

  test('chunks that are spread over the partitions end the run with 78, and stay', async () => {
    const topic = uniqueName('spread')
    await createTopic(broker, topic, PARTITIONS)
    const path = `${topic}/spread.dat`
    const astray = (partitionOfKey(Buffer.from(path), PARTITIONS) + 1) % PARTITIONS
    await produceRaw(broker, topic, recordsOf({ path, content: randomBytes(3_000) }, astray))
    const { code, stderr } = await start(topic, 'a').done
    assert.equal(code, 78)
    assert.match(stderr, new RegExp(`E_NOT_KEYED[\\s\\S]*${topic}\\[${astray}\\]@0 is a chunk of ${path}`))
    assert.deepEqual(ended(topic), [])
  })

  test('a new group begins for all hosts where the first of them said', async () => {
    const topic = uniqueName('latest')
    await createTopic(broker, topic, PARTITIONS)
    await send(topic, 10, 'old')
    const first = start(topic, 'a', '--from', 'latest')
    await first.waitFor(/reading 4 partitions/)
    const paths = await send(topic, 10, 'new')
    const second = start(topic, 'b', '--from', 'latest')
    await second.waitFor(/reading 2 partitions/)
    for (const path of paths) await plugin.until('end', path)
    for (const host of [first, second]) host.kill('SIGTERM')
    await Promise.all([first.done, second.done])
    assert.deepEqual(ended(topic), paths.toSorted())
  })

  test('a process that keeps its name is started again without a partition moving', async () => {
    const topic = uniqueName('named')
    await createTopic(broker, topic, PARTITIONS)
    const first = start(topic, 'a', '--member', 'a')
    await first.waitFor(/reading 4 partitions/)
    const second = start(topic, 'b', '--member', 'b')
    await second.waitFor(/reading 2 partitions/)
    first.kill('SIGTERM')
    assert.equal((await first.done).code, 0)
    const again = start(topic, 'a', '--member', 'a')
    await again.waitFor(/reading 2 partitions/)
    const paths = await send(topic, 20, 'f')
    for (const path of paths) await plugin.until('end', path)
    for (const host of [second, again]) host.kill('SIGTERM')
    const results = await Promise.all([second.done, again.done])
    for (const { code, stderr } of results) assert.equal(code, 0, stderr)
    assert.doesNotMatch(results[0]?.stderr ?? '', /more partitions|went to other/)
    assert.deepEqual(ended(topic), paths.toSorted())
  })

  test('in one folder processes with names have a journal each; without names the second is refused', async () => {
    const topic = uniqueName('folder')
    await createTopic(broker, topic, PARTITIONS)
    const first = start(topic, 'one', '--journal')
    await first.waitFor(/reading 4 partitions/)
    const refused = await start(topic, 'one', '--journal').done
    assert.equal(refused.code, 73)
    assert.match(refused.stderr, /cannot have the journal .* alone \[E_OUTPUT\][\s\S]*--member of its own/)
    const second = start(topic, 'one', '--journal', '--member', 'b')
    await second.waitFor(/reading 2 partitions/)
    const out = join(plugin.folder, `${topic}-one`)
    assert.equal(readdirSync(join(out, '.dfsp-tmp')).length, 2)
    const paths = await send(topic, 20, 'f')
    for (const path of paths) await plugin.until('end', path)
    for (const host of [first, second]) {
      host.kill('SIGTERM')
      assert.equal((await host.done).code, 0)
    }
    assert.deepEqual(ended(topic), paths.toSorted())
    const journals = readdirSync(out).filter(name => /^\.dfsp-journal-[0-9a-f]+$/.test(name))
    assert.equal(journals.length, 2)
    await isCommitted(topic)
  })

  test('a strategy that takes all partitions from all hosts is refused', async () => {
    const topic = uniqueName('eager')
    const { code, stderr } = await start(topic, 'a', '-X', 'partition.assignment.strategy=range').done
    assert.equal(code, 2)
    assert.match(stderr, /-X partition\.assignment\.strategy: range cannot be shared[\s\S]*leave it out/)
  })
})
