/** `dfsp repartition`: a topic copied, exactly once, so that each file lies in one partition. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { partitionOfKey } from '../../src/core/chunks/murmur2.ts'
import { namedChunk } from '../../src/core/chunks/named-chunk.ts'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { type Cli, type CliOptions, runCli, startCli } from '../support/cli.ts'
import { recordsOf } from '../support/files.ts'
import {
  commitAs,
  createTopic,
  deleteRecords,
  endOffsets,
  produceRaw,
  type RawRecord,
  type ReadRecord,
  readAll,
} from '../support/topics.ts'
import { until } from '../support/until.ts'

const PARTITIONS = 4
const COPY_PARTITIONS = 3

describe('dfsp repartition', { skip: noBroker, concurrency: 4 }, () => {
  const args = (topic: string, ...more: string[]) => ['repartition', '-b', broker, '-t', topic, ...more]
  const start = (topic: string, more: readonly string[] = [], options: CliOptions = {}): Cli =>
    startCli(args(topic, ...more), options)
  const copied = (topic: string) => `${topic}.by-path`

  /** Files whose chunks are spread over the partitions. */
  async function send(topic: string, count: number, name = 'f'): Promise<void> {
    const records = Array.from({ length: count }, (_, i) =>
      recordsOf({ path: `a/${name}${i}.dat`, content: randomBytes(3_000) }),
    ).flat()
    await produceRaw(broker, topic, records)
  }

  async function made(stem: string, count: number): Promise<string> {
    const topic = uniqueName(stem)
    await createTopic(broker, topic, PARTITIONS)
    await send(topic, count)
    return topic
  }

  /** Where a copy came from: topic/partition/offset. */
  const origin = ({ headers }: ReadRecord) => String(Object.values(headers.at(-1) ?? {})[0] ?? '')

  /** Each record of the topic is there once, and those of a partition are in order. */
  async function isCopied(topic: string): Promise<readonly ReadRecord[]> {
    const copies = await readAll(broker, copied(topic))
    const records = await readAll(broker, topic)
    const wanted = records.map(({ partition, offset }) => `${topic}/${partition}/${offset}`)
    assert.deepEqual(copies.map(origin).sort(), wanted.sort())
    const last = new Map<string, number>()
    for (const copy of copies) {
      const [, partition, offset] = origin(copy).split('/')
      const way = `${partition} ${copy.partition}`
      assert.ok(Number(offset) > (last.get(way) ?? -1), `${origin(copy)} comes after ${last.get(way)}`)
      last.set(way, Number(offset))
    }
    return copies
  }

  /** So many copies can be read. */
  async function arrived(topic: string, count: number): Promise<void> {
    await until(async () => (await readAll(broker, copied(topic))).length >= count)
  }

  test('each record is copied once, as it is, into the partition of its path', async () => {
    const topic = await made('copy', 30)
    const odd: RawRecord[] = [
      { partition: 1, key: 'no chunk', value: Buffer.from('no chunk'), timestamp: 1_700_000_000_123 },
      { partition: 2, key: null, value: Buffer.from('no key') },
      { partition: 3, key: 'tombstone', value: null },
      {
        partition: 0,
        key: Buffer.from([0, 255, 128]),
        value: Buffer.from([0, 255]),
        headers: [{ twice: Buffer.from([0, 255]) }, { twice: 'again' }, { empty: '' }],
      },
    ]
    await produceRaw(broker, topic, odd)
    const { code, stderr } = await runCli(args(topic, '--until-end', '--partitions', String(COPY_PARTITIONS)))
    assert.equal(code, 0, stderr)
    const copies = await isCopied(topic)
    const records = new Map(
      (await readAll(broker, topic)).map(record => [`${topic}/${record.partition}/${record.offset}`, record]),
    )
    for (const copy of copies) {
      const record = records.get(origin(copy)) as ReadRecord
      for (const what of ['key', 'value', 'timestamp'] as const) assert.deepEqual(copy[what], record[what])
      assert.deepEqual(copy.headers.slice(0, -1), record.headers)
      const found = namedChunk(copy.value)
      const home =
        'path' in found
          ? partitionOfKey(Buffer.from(found.path), COPY_PARTITIONS)
          : record.partition % COPY_PARTITIONS
      assert.equal(copy.partition, home)
    }
  })

  test('SIGTERM commits the round that is open, and the next start goes on there', async () => {
    const topic = await made('stop', 10)
    const first = start(topic, ['--commit-every', '5s'])
    await first.waitFor(/copying 4 partitions/)
    await arrived(topic, 1)
    first.kill('SIGTERM')
    const { code, stderr } = await first.done
    assert.equal(code, 0, stderr)
    assert.match(stderr, /summary records=30 rounds=\d aborted=0/)
    const group = `dfsp.repartition.${topic}`
    const { stdout } = await runCli(['status', '-b', broker, '-t', topic, '-g', group])
    assert.match(stdout, /^lag 0 records to be copied into 4 partitions$/m)
    assert.doesNotMatch(stdout, /note/)
    await send(topic, 5, 'g')
    assert.equal((await runCli(args(topic, '--until-end'))).code, 0)
    await isCopied(topic)
  })

  test('killed within a round, it copies the round again, and nobody reads half of it', async () => {
    const topic = await made('kill', 20)
    const { signal } = await start(topic, [], { env: { DFSP_FAULT: 'before-round-end' } }).done
    assert.equal(signal, 'SIGKILL')
    assert.equal((await readAll(broker, copied(topic))).length, 0)
    const { code, stderr } = await runCli(args(topic, '--until-end'))
    assert.equal(code, 0, stderr)
    await isCopied(topic)
  })

  test('two hosts share the partitions, one is killed, and each record arrives once', async () => {
    const topic = await made('hosts', 10)
    const hosts = ['a', 'b'].map(name => start(topic, ['--member', name]))
    const [a, b] = hosts as [Cli, Cli]
    await Promise.all([a.waitFor(/copying 2 partitions/), b.waitFor(/copying 2 partitions/)])
    for (let i = 0; i < 10; i++) await send(topic, 4, `g${i}-`)
    signalWorker(b, 'SIGKILL')
    assert.equal((await b.done).signal, 'SIGKILL')
    for (let i = 0; i < 10; i++) await send(topic, 4, `h${i}-`)
    await a.waitFor(/copying 2 partitions[\s\S]*copying 4 partitions/)
    await arrived(topic, 3 * 90)
    a.kill('SIGTERM')
    assert.equal((await a.done).code, 0)
    await isCopied(topic)
  })

  for (const protocol of ['classic', 'consumer']) {
    test(`frozen within a round for longer than its session, it is taken over, and back it copies nothing twice (${protocol})`, async () => {
      const topic = await made('frozen', 10)
      const session = protocol === 'classic' ? ['-X', 'session.timeout.ms=6000'] : []
      const more = ['-X', `group.protocol=${protocol}`, ...session]
      const frozen = start(topic, ['--member', 'a', ...more], { env: { DFSP_FAULT: 'copied:15:stop' } })
      await until(() => isWorkerStopped(frozen))
      const other = start(topic, ['--member', 'b', ...more])
      await other.waitFor(/copying 4 partitions/)
      await send(topic, 5, 'g')
      signalWorker(frozen, 'SIGCONT')
      await send(topic, 5, 'h')
      await arrived(topic, 3 * 20)
      for (const host of [frozen, other]) host.kill('SIGTERM')
      for (const { code, stderr } of await Promise.all([frozen.done, other.done]))
        assert.equal(code, 0, stderr)
      await isCopied(topic)
    })
  }

  test('two of one name: the second ends with 75, and the first goes on', async () => {
    const topic = await made('name', 2)
    const first = start(topic, ['--member', 'a'])
    await first.waitFor(/copying 4 partitions/)
    const { code, stderr } = await runCli(args(topic, '--member', 'a'))
    assert.equal(code, 75)
    assert.match(stderr, /E_GROUP_BUSY[\s\S]*--member NAME/)
    await send(topic, 2, 'g')
    await arrived(topic, 12)
    first.kill('SIGTERM')
    assert.equal((await first.done).code, 0)
    await isCopied(topic)
  })

  test('--from-group begins where the group stands, at the lowest of several', async () => {
    const topic = await made('from', 20)
    const ends = await endOffsets(broker, topic)
    const commit = async (group: string, behind: number) =>
      await commitAs(
        broker,
        `${group}.${topic}`,
        ends.map((end, partition) => ({ topic, partition, offset: Math.max(0, end - behind), metadata: '' })),
      )
    await commit('one', 1)
    await commit('two', 3)
    const groups = ['one', 'two'].flatMap(group => ['--from-group', `${group}.${topic}`])
    const unknown = await runCli(args(topic, '--until-end', '--from-group', `none.${topic}`))
    assert.equal(unknown.code, 2)
    assert.match(unknown.stderr, /has committed nothing in topic/)
    const { code, stderr } = await runCli(args(topic, '--until-end', ...groups))
    assert.equal(code, 0, stderr)
    const copies = (await readAll(broker, copied(topic))).map(origin).sort()
    const wanted = ends.flatMap((end, partition) =>
      Array.from({ length: Math.min(3, end) }, (_, i) => `${topic}/${partition}/${end - 1 - i}`),
    )
    assert.deepEqual(copies, wanted.sort())
  })

  test('a topic that is there already must keep records as long, whole and as they are', async () => {
    const topic = uniqueName('wrong')
    await createTopic(broker, topic, PARTITIONS)
    await createTopic(broker, copied(topic), PARTITIONS, {
      'cleanup.policy': 'compact',
      'max.message.bytes': '1000000',
    })
    const { code, stderr } = await runCli(args(topic, '--until-end'))
    assert.equal(code, 78)
    assert.match(stderr, /cleanup\.policy is compact[\s\S]*max\.message\.bytes is 1000000/)
    assert.match(stderr, /kafka-configs\.sh .*--add-config cleanup\.policy=delete,max\.message\.bytes=\d+/)
  })

  test('its copy is refused once records are there that it knows nothing of', async () => {
    const topic = await made('foreign', 2)
    await createTopic(broker, copied(topic), PARTITIONS, { 'max.message.bytes': '2000000' })
    await produceRaw(broker, copied(topic), [{ partition: 1, value: Buffer.from('mine') }])
    const { code, stderr } = await runCli(args(topic, '--until-end'))
    assert.equal(code, 2)
    assert.match(stderr, /has records, and group dfsp\.repartition\.\S+ no commit/)
  })

  test('a copy is not copied again, nor a topic into itself', async () => {
    const topic = await made('again', 2)
    assert.equal((await runCli(args(topic, '--to', topic))).code, 2)
    assert.equal((await runCli(args(topic, '--until-end'))).code, 0)
    const { code, stderr } = await runCli(args(copied(topic), '--until-end'))
    assert.equal(code, 2)
    assert.match(stderr, /is a copy itself[\s\S]*dfsp\.from/)
  })

  test('what retention deleted before it was copied is told by its offsets', async () => {
    const topic = await made('late', 10)
    assert.equal((await runCli(args(topic, '--until-end'))).code, 0)
    const stood = await endOffsets(broker, topic)
    await send(topic, 20, 'g')
    const [low = 0] = stood
    await deleteRecords(broker, topic, [{ partition: 0, offset: low + 2 }])
    const { code, stderr } = await runCli(args(topic, '--until-end'))
    assert.equal(code, 0, stderr)
    assert.match(stderr, new RegExp(`${topic}\\[0\\]: records ${low}-${low + 1} were deleted by retention`))
  })

  test('--purge-after deletes of the copy what the group has processed, and nothing before it has begun', async () => {
    const topic = await made('purge', 10)
    const group = `reader.${topic}`
    const copy = start(topic, ['--purge-after', group])
    await copy.waitFor(/has committed nothing in \S+ yet/)
    await arrived(topic, 30)
    const ends = await endOffsets(broker, copied(topic))
    await commitAs(
      broker,
      group,
      ends.map((end, partition) => ({ topic: copied(topic), partition, offset: end, metadata: '' })),
    )
    await until(async () => (await readAll(broker, copied(topic))).length === 0)
    copy.kill('SIGTERM')
    assert.equal((await copy.done).code, 0)
  })

  test('dfsp run --shared processes the files of the copy, each once', async () => {
    const topic = await made('whole', 12)
    assert.equal((await runCli(args(topic, '--until-end'))).code, 0)
    const out = await mkdtemp(join(tmpdir(), 'dfsp-repartition-'))
    const more = ['-g', topic, '--shared', '--until-end', '-o', out]
    const { code, stderr } = await runCli(['run', '-p', 'save', '-b', broker, '-t', copied(topic), ...more])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /done=12/)
    await rm(out, { recursive: true })
  })
})

/** The process that does the work: see src/run/renewed.ts. Undefined before it is there. */
function workerOf({ child }: Cli): number | undefined {
  const text = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim()
  return text === '' ? undefined : Number(text)
}

function signalWorker(cli: Cli, signal: NodeJS.Signals): void {
  process.kill(workerOf(cli) as number, signal)
}

function isWorkerStopped(cli: Cli): boolean {
  const pid = workerOf(cli)
  return pid !== undefined && / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}
