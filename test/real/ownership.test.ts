/** Who owns which partitions, and what becomes of files when others join, leave, die and come back. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { joinGroup, PROTOCOLS } from '../support/member.ts'
import { type Steered, steered } from '../support/steered.ts'
import {
  createTopic,
  endOffsets,
  groupSize,
  produceRaw,
  type RawRecord,
  readCommitted,
} from '../support/topics.ts'

const flagsOf = (properties: Readonly<Record<string, string>>) =>
  Object.entries(properties).flatMap(([key, value]) => ['-X', `${key}=${value}`])

/** Another member that comes and goes is waited for as long as a session: here until it has gone. */
const PATIENT = ['-X', 'session.timeout.ms=60000']

const BLOCK_ON_SIGNAL = import.meta.resolve('../fixtures/block-on-signal.mjs')

const PARTITIONS = 4
/** Ten chunks over all partitions. */
const scattered = (path: string) =>
  recordsOf({ path, content: randomBytes(10_000), chunkSize: 1_000 }).map((record, i) => ({
    ...record,
    partition: i % PARTITIONS,
  }))

// They wait more than they work.
describe('ownership', { skip: noBroker, concurrency: 4 }, () => {
  const plain = (topic: string) => ['-b', broker, '-t', topic, '-g', topic]
  const args = (topic: string, ...more: string[]) => [...plain(topic), ...flagsOf(PROTOCOLS.eager), ...more]

  async function committedSum(topic: string): Promise<number> {
    return (await readCommitted(broker, topic, topic)).reduce((sum, c) => sum + (c.offset ?? 0), 0)
  }

  for (const [name, properties] of Object.entries(PROTOCOLS)) {
    test(`faults 17, 18, 19: ${name}: another program joins in the middle of a file and leaves again`, async t => {
      const plugin = pluginOf(t)
      const topic = uniqueName('joins')
      await createTopic(broker, topic, PARTITIONS)
      const flags = [...flagsOf(properties), ...('group.protocol' in properties ? [] : PATIENT)]
      const run = plugin.start([...plain(topic), ...flags])
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
      // Two threads have them: either may end first.
      for (const path of [during, after]) await plugin.until('end', path)
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

  for (const name of ['cooperative-sticky', 'group.protocol=consumer'] as const) {
    test(`fault 18: ${name}: a member that is killed: its partitions come back when its session is over, and the file completes`, async t => {
      const plugin = pluginOf(t)
      const topic = uniqueName('dies')
      const path = `${name}/dies.dat`
      await createTopic(broker, topic, PARTITIONS)
      const run = plugin.start([...plain(topic), ...flagsOf(PROTOCOLS[name])])
      await run.waitFor(/reading 4 partitions/)
      const member = await memberProcess(topic, PROTOCOLS[name])
      member.kill('SIGKILL')
      await produceRaw(broker, topic, scattered(path))
      await plugin.until('end', path)
      run.kill('SIGINT')
      const result = await run.done
      assert.equal(result.code, 0, result.stderr)
      assert.deepEqual(
        plugin.started().filter(started => started === path),
        [path],
      )
    })
  }

  test('of two that start at the same moment one owns all and works, the other ends with 75', async t => {
    const plugin = pluginOf(t)
    const topic = uniqueName('twins')
    await createTopic(broker, topic, PARTITIONS)
    const twins = [plugin.start(args(topic)), plugin.start(args(topic))]
    const first = await Promise.race(twins.map(twin => twin.done))
    assert.equal(first.code, 75, first.stderr)
    await produceRaw(broker, topic, scattered('twins.dat'))
    await plugin.until('end', 'twins.dat')
    for (const twin of twins) twin.kill('SIGINT')
    const codes = await Promise.all(twins.map(async twin => (await twin.done).code))
    assert.deepEqual(codes.sort(), [0, 75])
  })

  test('fault 17: another program that joins and stays ends the run with 75, named; nothing it was given is committed', async t => {
    const plugin = pluginOf(t)
    const topic = uniqueName('stays')
    await createTopic(broker, topic, PARTITIONS)
    const run = plugin.start(args(topic))
    await run.waitFor(/reading 4 partitions/)
    const other = await joinGroup(broker, topic, topic, PROTOCOLS.eager)
    await produceRaw(broker, topic, scattered('stays.dat'))
    await run.waitFor(
      /warn group .*: member another-program .*: nothing is read until all partitions are here/,
    )
    const result = await run.done
    assert.equal(result.code, 75, result.stderr)
    assert.match(
      result.stderr,
      new RegExp(
        `group ${topic} is in use \\[E_GROUP_BUSY\\]: member another-program on \\S+ owns partitions`,
      ),
    )
    assert.match(result.stderr, /this process was given 2 of 4 partitions/)
    assert.equal(await committedSum(topic), 0)
    await other.leave()
    assert.deepEqual(
      plugin.started().filter(path => path === 'stays.dat'),
      [],
    )
  })

  test('fault 20: a revoke waits for a running file, which is committed and not run again', async t => {
    const plugin = pluginOf(t)
    const topic = uniqueName('drains')
    await createTopic(broker, topic, PARTITIONS)
    const path = 'drains.dat'
    plugin.order({ [path]: 'wait' })
    await produceRaw(broker, topic, scattered(path))
    const run = plugin.start(args(topic, ...PATIENT))
    await plugin.until('start', path)
    const joining = joinGroup(broker, topic, topic, PROTOCOLS.eager)
    await until(async () => (await membersOf(topic)) === 2)
    plugin.order({})
    const other = await joining
    assert.equal(await committedSum(topic), 10)
    await other.leave()
    await run.waitFor(/reading 4 partitions[\s\S]*reading 4 partitions/)
    run.kill('SIGINT')
    assert.equal((await run.done).code, 0)
    assert.deepEqual(
      plugin.started().filter(started => started === path),
      [path],
    )
  })

  test('fault 20: a file that runs longer than a revoke may take is given up, and runs again for the next owner', async t => {
    const plugin = pluginOf(t)
    const topic = uniqueName('overruns')
    await createTopic(broker, topic, PARTITIONS)
    const path = 'overruns.dat'
    plugin.order({ [path]: 'wait' })
    await produceRaw(broker, topic, scattered(path))
    const run = plugin.start(args(topic, ...PATIENT, '--drain-timeout', '500ms'))
    await plugin.until('start', path)
    const other = await joinGroup(broker, topic, topic, PROTOCOLS.eager)
    plugin.order({})
    assert.equal(await committedSum(topic), 0)
    await other.leave()
    await until(async () => (await committedSum(topic)) === 10)
    run.kill('SIGINT')
    const result = await run.done
    assert.equal(result.code, 0, result.stderr)
    assert.equal(plugin.started().filter(started => started === path).length, 2)
  })

  test("properties that contradict each other end with 78 and librdkafka's reason", async t => {
    const plugin = pluginOf(t)
    const result = await plugin.run(args(uniqueName('never'), '-X', 'group.protocol=consumer'))
    assert.equal(result.code, 78, result.stderr)
    assert.match(
      result.stderr,
      /does not take these properties \[E_CONFIG\]\n {2}.*is not supported for `group\.protocol=consumer`/,
    )
  })

  for (const name of ['eager', 'group.protocol=consumer'] as const) {
    const flags = flagsOf(PROTOCOLS[name])
    test(`fault 22: ${name}: an event loop that is blocked longer than max.poll.interval.ms loses its partitions, takes them again and loses no file`, async t => {
      const plugin = pluginOf(t)
      const topic = uniqueName('blocked')
      await createTopic(broker, topic, PARTITIONS)
      const [first, second] = [1, 2].map(n => scattered(`${name}/blocked${n}.dat`)) as [
        RawRecord[],
        RawRecord[],
      ]
      const run = plugin.start([...plain(topic), ...flags, '-X', 'max.poll.interval.ms=6000'], {
        env: { NODE_OPTIONS: `--import=${BLOCK_ON_SIGNAL}`, BLOCK_MS: '8000' },
      })
      await produceRaw(broker, topic, [...first, ...second.slice(0, 3)])
      await plugin.until('end', `${name}/blocked1.dat`)
      run.kill('SIGUSR2')
      await produceRaw(broker, topic, second.slice(3))
      await plugin.until('end', `${name}/blocked2.dat`)
      await run.waitFor(/reading 4 partitions[\s\S]*reading 4 partitions/)
      await until(async () => (await committedSum(topic)) === 20)
      run.kill('SIGINT')
      const result = await run.done
      assert.equal(result.code, 0, result.stderr)
      assert.match(result.stderr, /the event loop runs again/)
      assert.equal(result.stderr.match(/reading 4 partitions/g)?.length, 2, result.stderr)
    })

    test(`fault 23: ${name}: a process frozen past its session gives way when it thaws; its late results and commits count for nothing`, async t => {
      const plugin = pluginOf(t)
      const topic = uniqueName('frozen')
      await createTopic(broker, topic, PARTITIONS)
      const path = `${name}/frozen.dat`
      plugin.order({ [path]: 'wait' })
      await produceRaw(broker, topic, scattered(path))
      const frozen = plugin.start([...plain(topic), ...flags])
      await plugin.until('start', path)
      frozen.kill('SIGSTOP')
      await until(async () => (await membersOf(topic)) === 0)
      const next = steered()
      next.order({ [path]: 'fail' })
      const successor = next.start([...plain(topic), ...flags, '--retries', '0'])
      await successor.waitFor(/failed.*frozen\.dat|frozen\.dat.*failed/)
      plugin.order({})
      frozen.kill('SIGCONT')
      const late = await frozen.done
      assert.equal(late.code, 75, late.stderr)
      assert.match(late.stderr, new RegExp(`member dfsp-\\S+-${successor.child.pid} on`))
      assert.equal(await committedSum(topic), 0, 'what failed for its owner is not committed by the other')
      successor.kill('SIGINT')
      await successor.done
      next.order({})
      const rest = await next.run([...plain(topic), ...flags, '--until-end'])
      assert.equal(rest.code, 0, rest.stderr)
      assert.deepEqual(next.ended(), [path])
      assert.equal(await committedSum(topic), 10)
      next.end()
    })
  }

  test('fault 24: a static member that was killed comes back within its session at once; a second process with its id fences it', async t => {
    const plugin = pluginOf(t)
    const topic = uniqueName('static')
    await createTopic(broker, topic, PARTITIONS)
    const asStatic = ['-X', 'group.instance.id=beamline', '-X', 'session.timeout.ms=20000']
    const killed = plugin.start([...args(topic), ...asStatic])
    await killed.waitFor(/reading 4 partitions/)
    killed.kill('SIGKILL')
    await killed.done
    await produceRaw(broker, topic, scattered('static.dat'))
    const started = Date.now()
    const run = plugin.start([...args(topic), ...asStatic])
    await plugin.until('end', 'static.dat')
    assert.ok(Date.now() - started < 20_000, 'it does not wait for the end of the session')
    const other = await joinGroup(broker, topic, topic, {
      ...PROTOCOLS.eager,
      'group.instance.id': 'beamline',
    })
    const result = await run.done
    await other.leave()
    assert.equal(result.code, 75, result.stderr)
    assert.match(result.stderr, /another process uses this group\.instance\.id/)
  })
})

function pluginOf(t: TestContext): Steered {
  const plugin = steered()
  t.after(() => plugin.end())
  return plugin
}

async function memberProcess(topic: string, properties: Readonly<Record<string, string>>) {
  const program = fileURLToPath(import.meta.resolve('../support/member-process.ts'))
  const member = spawn(
    process.execPath,
    ['--import', 'tsx', program, broker, topic, topic, JSON.stringify(properties)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await once(member.stdout, 'data')
  return member
}

async function membersOf(group: string): Promise<number> {
  return await groupSize(broker, group)
}

/** Asks the broker again and again: it has no event for this. */
async function until(reached: () => Promise<boolean>): Promise<void> {
  while (!(await reached())) await new Promise(resolve => setTimeout(resolve, 200))
}
