/** A topic many times the memory budget, its files scattered over all partitions and open at the same time. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { noSmallDisk, type SmallDisk, smallDisk } from '../support/small-disk.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, endOffsets, produceRaw, type RawRecord, readCommitted } from '../support/topics.ts'

const MB = 1_000_000
const BUDGET = 16 * 1024 * 1024
/** Node, its threads and librdkafka's own queue. */
const BASE_BYTES = 200 * MB

describe('a topic larger than memory', { skip: noBroker }, () => {
  let plugin: Steered
  before(() => {
    plugin = steered()
  })
  after(() => plugin.end())

  /** Sends files whose chunks alternate, without the last chunks; returns those. */
  async function sendTogether(topic: string, paths: readonly string[], bytes: number): Promise<RawRecord[]> {
    const files = paths.map(path => recordsOf({ path, content: randomBytes(bytes), chunkSize: 16_384 }))
    const last = files.map(records => records.pop() as RawRecord)
    const alternating: RawRecord[] = []
    for (let i = 0; i < (files[0]?.length ?? 0); i++)
      for (const records of files) alternating.push(records[i] as RawRecord)
    await produceRaw(broker, topic, alternating)
    return last
  }

  async function begin(partitions: number): Promise<{ topic: string; args: string[] }> {
    const topic = uniqueName('budget')
    await createTopic(broker, topic, partitions)
    plugin.forget()
    plugin.order({})
    return { topic, args: ['-b', broker, '-t', topic, '-g', topic, '--memory', `${BUDGET / 2 ** 20}MiB`] }
  }

  async function allCommitted(topic: string): Promise<void> {
    const committed = (await readCommitted(broker, topic, topic)).map(({ offset }) => offset)
    assert.deepEqual(committed, await endOffsets(broker, topic))
  }

  test('20 times the budget over 12 partitions passes through; memory stays near the budget', {
    timeout: 900_000,
  }, async t => {
    const { topic, args } = await begin(12)
    const paths: string[] = []
    for (let group = 0; group < 4; group++) {
      const names = Array.from({ length: 60 }, (_, i) => `g${group}/f${i}.dat`)
      paths.push(...names)
      await produceRaw(broker, topic, await sendTogether(topic, names, (20 * BUDGET) / 240))
    }
    const run = plugin.start([...args, '--until-end'], { timeoutMs: 600_000 })
    let peak = 0
    const watch = setInterval(() => {
      peak = Math.max(peak, peakOf(run.child.pid as number))
    }, 50)
    const { code, stderr } = await run.done
    clearInterval(watch)
    t.diagnostic(`peak memory: ${Math.round(peak / MB)} MB; ${/seconds=\S+/.exec(stderr)?.[0]}`)
    assert.equal(code, 0, stderr)
    assert.deepEqual(plugin.ended().sort(), paths.sort())
    assert.ok(peak > 0 && peak <= BASE_BYTES + 1.2 * BUDGET, `${Math.round(peak / MB)} MB`)
    await allCommitted(topic)
  })

  describe('and no room on disk', { skip: noSmallDisk }, () => {
    let disk: SmallDisk
    before(() => {
      disk = smallDisk(8 * MB)
    })
    after(() => disk.end())

    test('fault 62: memory and disk are full of incomplete files: some are read again, none waits for ever', {
      timeout: 900_000,
    }, async () => {
      const { topic, args } = await begin(4)
      const paths = Array.from({ length: 40 }, (_, i) => `f${i}.dat`)
      const last = await sendTogether(topic, paths, MB)
      const log = ['--log-file', `${plugin.folder}/log`]
      const run = plugin.start([...args, ...log], { out: disk.folder, timeoutMs: 600_000 })
      await run.waitFor(/read again later/)
      await produceRaw(broker, topic, last)
      for (const path of paths) await plugin.until('end', path)
      run.kill('SIGTERM')
      const { code, stderr } = await run.done
      assert.equal(code, 0, stderr)
      assert.deepEqual(plugin.ended().sort(), paths.sort())
      await allCommitted(topic)
    })
  })
})

/** Bytes of memory that a process has had at most, 0 when it is gone. */
function peakOf(pid: number): number {
  try {
    return 1024 * Number(/^VmHWM:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
