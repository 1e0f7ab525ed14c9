/** `dfsp repartition`: a topic copied, exactly once, so that each file lies in one partition. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { partitionOfKey } from '../../src/core/chunks/murmur2.ts'
import { namedChunk } from '../../src/core/chunks/named-chunk.ts'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { type Cli, type CliOptions, runCli, startCli } from '../support/cli.ts'
import { recordsOf } from '../support/files.ts'
import { createTopic, produceRaw, type RawRecord, type ReadRecord, readAll } from '../support/topics.ts'
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
})
