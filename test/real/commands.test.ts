/** The commands that only look, on a real broker: what the mock cluster does not answer. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { dfsp, folder } from '../cli/world.ts'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { kafkaJars } from '../support/kafka-jars.ts'
import { steered } from '../support/steered.ts'
import {
  commitAs,
  createTopic,
  endOffsets,
  produceInTransaction,
  produceRaw,
  readCommitted,
} from '../support/topics.ts'
import { readTree } from '../support/trees.ts'

describe('commands', { skip: noBroker }, () => {
  const sent = (path: string, time: string, content = randomBytes(3_000)) =>
    recordsOf({ path, content }).map(record => ({ ...record, timestamp: Date.parse(time) }))

  test('ls --from and --to bound what is looked at; get takes the rest of a file that was sent on after --to', async t => {
    const topic = uniqueName('ls')
    await createTopic(broker, topic, 3, { 'retention.ms': '-1' })
    const content = randomBytes(3_000)
    const [one, ...rest] = recordsOf({ path: 'long.dat', content })
    await produceRaw(broker, topic, [
      ...sent('a.dat', '2026-01-01T00:00Z'),
      ...sent('b.dat', '2026-01-02T00:00Z'),
      { ...(one as (typeof rest)[number]), timestamp: Date.parse('2026-01-02T10:00Z') },
      ...rest.map(record => ({ ...record, timestamp: Date.parse('2026-01-03T00:00:01Z') })),
      ...sent('c.dat', '2026-01-04T00:00Z'),
    ])
    const cwd = folder(t)
    const bounds = ['-b', broker, '-t', topic, '--from', '2026-01-02T00:00Z', '--to', '2026-01-03T00:00Z']
    const { stdout } = await dfsp(['ls', ...bounds], cwd)
    assert.match(stdout, /^b\.dat .* 3\/3 .* complete\nlong\.dat .* 1\/3 .* incomplete\n$/)
    const got = await dfsp(['get', ...bounds, '**'], cwd)
    assert.equal(got.exit, 0, got.stdout)
    const files = readTree(cwd)
    assert.deepEqual(Object.keys(files), ['b.dat', 'long.dat'])
    assert.equal(files['long.dat']?.content, content.toString('base64'))
  })

  test('ls ends where the last offsets are transaction markers, and does not see what was aborted', async t => {
    const topic = uniqueName('markers')
    await createTopic(broker, topic, 1)
    await produceInTransaction(
      broker,
      topic,
      recordsOf({ path: 'kept', content: randomBytes(9) }, 0),
      'commit',
    )
    await produceInTransaction(
      broker,
      topic,
      recordsOf({ path: 'gone', content: randomBytes(9) }, 0),
      'abort',
    )
    const { exit, stdout } = await dfsp(['ls', '-b', broker, '-t', topic], folder(t))
    assert.equal(exit, 0)
    assert.match(stdout, /^kept .*complete\n$/)
    const marker = await dfsp(['ls', '-b', broker, '-t', topic, '--raw', '0:1'], folder(t))
    assert.match(marker.error?.facts[0] ?? '', /transaction marker/)
  })

  test('status says of each partition what kafka-consumer-groups says, and names what is unfinished, while the group runs and after', async t => {
    const topic = uniqueName('status')
    await createTopic(broker, topic, 3)
    const plugin = steered()
    t.after(() => plugin.end())
    const file = (path: string) => recordsOf({ path, content: randomBytes(5_000) })
    await produceRaw(broker, topic, [
      ...file('a.dat'),
      ...file('bad.dat'),
      ...file('part.dat').slice(1),
      ...file('z.dat'),
      { partition: 0, key: 'k', value: Buffer.from('no chunk') },
    ])
    plugin.order({ 'bad.dat': 'fail' })
    const status = async (...args: string[]) => {
      const result = await dfsp(
        ['status', '-b', broker, '-t', topic, '-g', topic, '--json', ...args],
        folder(t),
      )
      const lines = result.stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line))
      return {
        exit: result.exit,
        rows: lines
          .filter(({ type }) => type === 'partition')
          .map(({ partition, committed, end, lag, member }) =>
            [partition, committed, end, lag, member?.memberId, member && `/${member.host}`, member?.clientId]
              .map(cell => String(cell ?? '-'))
              .join(' '),
          ),
        unfinished: lines
          .filter(({ type }) => type === 'unfinished')
          .map(({ path, present, chunks, attempts }) => [path, present, chunks, attempts]),
        last: lines.at(-1),
      }
    }
    const running = plugin.start(['-b', broker, '-t', topic, '-g', topic, '--retries', '1'])
    await running.waitFor(/failed bad\.dat/)
    await plugin.until('end', 'z.dat')
    let found = await status()
    // Its last commit, and that of the files beside it, come a moment later.
    while (found.unfinished[0]?.[3] !== 2 || found.last.lag - found.last.processedAbove !== 10)
      found = await status()
    assert.deepEqual(found.unfinished, [
      ['bad.dat', 5, 5, 2],
      ['part.dat', 4, 5, 0],
    ])
    assert.deepEqual([found.last.state, found.last.members, found.last.undecodable], ['Stable', 1, 1])
    assert.deepEqual(await describedByKafka(topic), found.rows)
    assert.equal((await status('--max-lag', '10', '--max-age', '1h')).exit, 0)
    assert.equal((await status('--max-lag', '9')).exit, 3)
    assert.equal((await status('--max-age', '1ms')).exit, 3)

    running.kill('SIGINT')
    await running.done
    found = await status()
    assert.deepEqual([found.last.state, found.last.members], ['Empty', 0])
    assert.equal(found.unfinished.length, 2)
    assert.deepEqual(await describedByKafka(topic), found.rows)
  })

  test('replay runs files once more, whole ones only, and moves no offset of any group', async t => {
    const topic = uniqueName('replay')
    await createTopic(broker, topic, 3)
    const plugin = steered()
    t.after(() => plugin.end())
    const file = (path: string) => recordsOf({ path, content: randomBytes(5_000) })
    await produceRaw(broker, topic, [
      ...file('a/x.dat'),
      ...file('a/x.dat'),
      ...file('a/y.dat'),
      ...file('a/part.dat').slice(1),
      ...file('b/z.dat'),
    ])
    assert.equal((await plugin.run(['-b', broker, '-t', topic, '-g', topic, '--until-end'])).code, 0)
    const before = await readCommitted(broker, topic, topic)
    plugin.forget()
    const replay = (...args: string[]) =>
      plugin.run(['-b', broker, '-t', topic, '--files', '^a/', ...args], { command: 'replay' })

    const looked = await replay('--dry-run')
    assert.equal(looked.code, 0, looked.stderr)
    assert.match(
      looked.stdout,
      /^replay {2}a\/x\.dat .*\nreplay {2}a\/y\.dat .*\nleave {3}a\/part\.dat {2}3\.9 KiB {2}4\/5/,
    )
    assert.match(looked.stdout, /^2 files to replay \(9\.8 KiB\), 1 left alone$/m)
    assert.match((await replay('--dry-run', '--json')).stdout, /"type":"summary".*"exit":0.*\n$/)
    const refused = await replay()
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /there is no terminal \[E_USAGE\]\nTry: add --yes/)
    assert.deepEqual(plugin.started(), [])

    plugin.order({ 'a/y.dat': 'fail' })
    const done = await replay('--yes', '--json')
    assert.equal(done.code, 3, done.stderr)
    assert.deepEqual(plugin.started().toSorted(), ['a/x.dat', 'a/y.dat'])
    assert.deepEqual(plugin.ended(), ['a/x.dat'])
    const last = JSON.parse(done.stdout.trimEnd().split('\n').at(-1) ?? '')
    assert.deepEqual([last.type, last.done, last.failed, last.exit], ['summary', 1, 2, 3])
    assert.deepEqual(await readCommitted(broker, topic, topic), before)
  })

  test('config check --connect and run --dry-run count what waits, leave out what is processed, and commit nothing', async t => {
    const topic = uniqueName('check')
    await createTopic(broker, topic, 3)
    const plugin = steered()
    t.after(() => plugin.end())
    const file = (path: string) => recordsOf({ path, content: randomBytes(5_000) })
    await produceRaw(broker, topic, [...file('bad.dat'), ...file('a.dat')])
    plugin.order({ 'bad.dat': 'fail' })
    const args = ['-b', broker, '-t', topic, '-g', topic]
    assert.equal((await plugin.run([...args, '--retries', '0', '--until-end'])).code, 3)
    await produceRaw(broker, topic, [...file('new.dat'), ...file('part.dat').slice(1)])
    const before = await readCommitted(broker, topic, topic)
    plugin.forget()

    const { exit, stdout } = await dfsp(['config', 'check', '--connect', ...args], folder(t))
    assert.equal(exit, 0, stdout)
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map(line => line.slice(0, 13).trim()),
      ['ok   config', 'skip plugin', 'ok   broker', 'ok   topic', 'ok   access', 'ok   group'],
    )
    assert.match(stdout, /2 files \(9\.8 KiB\), 1 incomplete in \d+ records; [1-5] are processed already\n$/)

    const dry = await plugin.run([...args, '--dry-run', '--json', '--files', 'new|part', '-j', '3'])
    assert.equal(dry.code, 0, dry.stderr)
    const { group, groupState, partitions, waiting, settings } = JSON.parse(dry.stdout)
    assert.deepEqual([group, groupState, waiting.files, waiting.incomplete], [topic, 'Empty', 1, 1])
    assert.deepEqual(
      partitions.map(({ partition, committed, end }: Record<string, number>) => [partition, committed, end]),
      before.map(({ partition, offset }, i) => [partition, offset ?? null, partitions[i].end]),
    )
    assert.deepEqual(
      partitions.map(({ end }: { end: number }) => end),
      await endOffsets(broker, topic),
    )
    const threads = settings.find(({ name }: { name: string }) => name === 'threads')
    assert.deepEqual(threads, { section: 'dfsp', name: 'threads', value: '3', origin: 'flag' })
    assert.deepEqual(plugin.started(), [])
    assert.deepEqual(await readCommitted(broker, topic, topic), before)
  })

  test('status says what is odd about a commit, and that a group has none', async t => {
    const topic = uniqueName('foreign')
    await createTopic(broker, topic, 2)
    await produceRaw(
      broker,
      topic,
      [0, 0, 0, 1].map(partition => ({ partition, key: null, value: Buffer.from('x') })),
    )
    const args = ['status', '-b', broker, '-t', topic, '-g', topic]
    const none = await dfsp(args, folder(t))
    assert.match(none.stdout, /^0 +- +3 +- /m)
    assert.match(none.stderr, /has committed nothing in .*: is the name right/)
    await commitAs(broker, topic, [
      { topic, partition: 0, offset: 2, metadata: 'by hand' },
      { topic, partition: 1, offset: 9, metadata: 'd1.ghost' },
    ])
    const { exit, stdout } = await dfsp(args, folder(t))
    assert.equal(exit, 0)
    assert.match(stdout, /^0 +2 +3 +1 /m)
    assert.match(stdout, /^note \S+\[0\]: the group's offset 2 was not committed by dfsp/m)
    assert.match(stdout, /^note \S+\[1\]: the committed offset 9 lies beyond the end 1/m)
  })
})

/** The rows of the broker's own tool: partition, offset, end, lag, member, host, client. */
async function describedByKafka(group: string): Promise<string[]> {
  const tool = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'
  const args = ['-Xmx128m', '-cp', join(await kafkaJars(), '*'), tool]
  const { stdout } = await promisify(execFile)('java', [
    ...args,
    ...['--bootstrap-server', broker, '--describe', '--group', group],
  ])
  return stdout
    .split('\n')
    .filter(line => line.startsWith(group))
    .map(line => line.trim().split(/\s+/).slice(2).join(' '))
    .sort()
}
