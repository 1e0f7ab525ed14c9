/** What one sees of several processes that share a topic: status page, metrics, `dfsp status`. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { partitionOfKey } from '../../src/core/chunks/murmur2.ts'
import type { Status } from '../../src/report/monitor/status.ts'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { type Cli, runCli } from '../support/cli.ts'
import { recordsOf } from '../support/files.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, produceRaw } from '../support/topics.ts'
import { until } from '../support/until.ts'

const PARTITIONS = 4
const ALL = [0, 1, 2, 3]

describe('a shared topic, seen from outside', { skip: noBroker, concurrency: 2 }, () => {
  let plugin: Steered
  before(() => {
    plugin = steered()
  })
  after(() => plugin.end())

  async function start(topic: string, host: string, ...more: string[]) {
    const args = ['-b', broker, '-t', topic, '-g', topic, '--shared', '--http', '0', ...more]
    const run = plugin.start(args, { out: `${topic}-${host}` })
    const [url = ''] = await run.waitFor(/http:\/\/\S+/)
    const asked = async (path: string) => await (await fetch(`${url}${path}`)).text()
    return { run, asked, status: async () => JSON.parse(await asked('status')) as Status }
  }
  const own = ({ shared }: Status) => [...(shared?.own ?? [])]
  const ended = async (...runs: Cli[]) => {
    for (const run of runs) run.kill('SIGTERM')
    for (const { done } of runs) assert.equal((await done).code, 0)
  }

  test('each host tells its own partitions and who has the others, and dfsp status both', async () => {
    const topic = uniqueName('sight')
    await createTopic(broker, topic, PARTITIONS)
    const first = await start(topic, 'a', '--member', 'lab1')
    await until(async () => own(await first.status()).length === PARTITIONS)
    assert.deepEqual((await first.status()).shared, { partitions: PARTITIONS, own: ALL, others: [] })

    const second = await start(topic, 'b')
    const name = new RegExp(`^\\S+-${second.run.child.pid}$`)
    await until(async () => {
      const [one, other] = [await first.status(), await second.status()]
      // Each has what it reads at once, and of the other what the group said last.
      assert.deepEqual(
        one.partitions.map(p => p.partition),
        own(one),
      )
      for (const { partitions } of one.shared?.others ?? [])
        assert.ok(!partitions.some(partition => own(one).includes(partition)))
      const told = one.shared?.others?.find(({ member }) => name.test(member))
      return own(one).length === 2 && own(other).length === 2 && told?.partitions.join() === own(other).join()
    })
    const [one, other] = [await first.status(), await second.status()]
    assert.deepEqual([...own(one), ...own(other)].sort(), ALL)
    assert.equal(one.member, 'lab1')
    assert.match(String(other.member), name)

    const metrics = await first.asked('metrics')
    assert.match(metrics, /^dfsp_ready\{topic="\S+",group="\S+",member="lab1"\} 1$/m)
    const lagged = [...metrics.matchAll(/^dfsp_consumer_lag_records\{partition="(\d)",/gm)].map(([, p]) =>
      Number(p),
    )
    assert.deepEqual(lagged, own(one))

    const looked = await runCli(['status', '-b', broker, '-t', topic, '-g', topic, '--json'])
    assert.equal(looked.code, 0, looked.stderr)
    const lines = looked.stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    const members = lines.filter(({ type }) => type === 'member')
    const found = members.map(({ name, partitions, lag }) => [name, partitions.sort(), lag])
    assert.deepEqual(
      found.toSorted(),
      [
        [null, own(other), 0],
        ['lab1', own(one), 0],
      ].toSorted(),
    )
    const owners = lines.filter(({ type }) => type === 'partition').map(({ member }) => member.clientId)
    assert.equal(new Set(owners).size, 2)

    await ended(second.run)
    await until(async () => own(await first.status()).length === PARTITIONS)
    await ended(first.run)
  })

  test('a partition that is to go is no longer told as its own, while a file of it still runs', async () => {
    const topic = uniqueName('going')
    await createTopic(broker, topic, PARTITIONS)
    const homeOf = (path: string) => partitionOfKey(Buffer.from(path), PARTITIONS)
    const held = ALL.map(partition => {
      for (let i = 0; ; i++) if (homeOf(`${topic}/${i}.dat`) === partition) return `${topic}/${i}.dat`
    })
    plugin.order(Object.fromEntries(held.map(path => [path, 'wait' as const])))
    const first = await start(topic, 'a', '--threads', '4', '--drain-timeout', '120s')
    await until(async () => own(await first.status()).length === PARTITIONS)
    for (const path of held)
      await produceRaw(broker, topic, recordsOf({ path, content: Buffer.from('x') }, homeOf(path)))
    for (const path of held) await plugin.until('start', path)
    const second = await start(topic, 'b')
    await until(async () => own(await first.status()).length === 2)
    const { files, partitions, shared } = await first.status()
    assert.equal(files.running, 4)
    assert.deepEqual(
      partitions.map(p => p.partition),
      shared?.own,
    )
    assert.deepEqual(own(await second.status()), [])
    plugin.order({})
    await until(async () => own(await second.status()).length === 2)
    await ended(first.run, second.run)
  })
})
