/** What a restart repeats and what it does not, after a failure, a signal and kill -9. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { noOpenMSIStream, uploadDataFile } from '../support/openmsistream.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, endOffsets, produceRaw, readCommitted } from '../support/topics.ts'
import { until } from '../support/until.ts'

const small = (path: string) => ({ path, content: randomBytes(5_000) })

describe('restart with the same group', { skip: noBroker }, () => {
  let plugin: Steered
  before(() => {
    plugin = steered()
  })
  after(() => plugin.end())

  async function topicOf(partitions: number): Promise<{ topic: string; args: string[] }> {
    const topic = uniqueName('restart')
    await createTopic(broker, topic, partitions)
    plugin.forget()
    plugin.order({})
    return {
      topic,
      args: ['-b', broker, '-t', topic, '-g', topic, '--retries', '0', '-X', 'session.timeout.ms=6000'],
    }
  }

  test('failed and new files are processed, finished ones are not (uploaded by OpenMSIStream)', {
    skip: noOpenMSIStream,
  }, async () => {
    const { topic, args } = await topicOf(4)
    const upload = async (name: string) => {
      const file = join(plugin.folder, name)
      fs.writeFileSync(file, randomBytes(50_000))
      await uploadDataFile(file, { brokers: broker, topic, chunkSize: 4096 })
    }
    await upload('two.dat')
    await upload('one.dat')
    plugin.order({ 'one.dat': 'fail' })
    const first = await plugin.run([...args, '--until-end'])
    assert.equal(first.code, 3, first.stderr)
    assert.deepEqual(plugin.ended(), ['two.dat'])
    await upload('three.dat')
    plugin.order({})
    plugin.forget()
    const second = await plugin.run([...args, '--until-end'])
    assert.equal(second.code, 0, second.stderr)
    assert.deepEqual(plugin.ended().sort(), ['one.dat', 'three.dat'])
    const committed = (await readCommitted(broker, topic, topic)).map(c => c.offset)
    assert.deepEqual(committed, await endOffsets(broker, topic))
  })

  test('fault 1: kill -9 while a file is assembling loses nothing and repeats no finished file', async () => {
    const { topic, args } = await topicOf(4)
    const half = small('half.dat')
    await produceRaw(broker, topic, recordsOf(small('whole.dat')))
    const records = recordsOf(half)
    const run = plugin.start([...args, '-v'])
    await plugin.until('end', 'whole.dat')
    await until(async () => (await readCommitted(broker, topic, topic)).every(c => c.offset !== undefined))
    await produceRaw(broker, topic, records.slice(0, 2))
    await until(async () => sum((await readCommitted(broker, topic, topic)).map(c => c.offset ?? 0)) >= 5)
    run.kill('SIGKILL')
    await run.done
    await produceRaw(broker, topic, records.slice(2))
    const again = await plugin.run([...args, '--until-end'])
    assert.equal(again.code, 0, again.stderr)
    assert.deepEqual(plugin.ended(), ['whole.dat', 'half.dat'])
  })

  test('fault 3: kill -9 inside the plugin repeats that file, with the same delivery id', async () => {
    const { topic, args } = await topicOf(4)
    await produceRaw(broker, topic, recordsOf(small('inside.dat')))
    plugin.order({ 'inside.dat': 'wait' })
    const run = plugin.start(args)
    await plugin.until('start', 'inside.dat')
    run.kill('SIGKILL')
    await run.done
    plugin.order({})
    const again = await plugin.run([...args, '--until-end'])
    assert.equal(again.code, 0, again.stderr)
    assert.deepEqual(plugin.ended(), ['inside.dat'])
    const [first, second] = plugin.deliveries('inside.dat')
    assert.equal(first, second)
  })

  test('fault 4: kill -9 after null and before the commit loses nothing', async () => {
    const { topic, args } = await topicOf(4)
    await produceRaw(broker, topic, [...recordsOf(small('a.dat')), ...recordsOf(small('b.dat'))])
    const run = plugin.start(args)
    await plugin.until('end', 'b.dat')
    run.kill('SIGKILL')
    await run.done
    const again = await plugin.run([...args, '--until-end'])
    assert.equal(again.code, 0, again.stderr)
    const times = (path: string) => plugin.ended().filter(p => p === path).length
    for (const path of ['a.dat', 'b.dat'])
      assert.ok(times(path) === 1 || times(path) === 2, `${path} ran ${times(path)} times`)
    assert.deepEqual(
      (await readCommitted(broker, topic, topic)).map(c => c.offset),
      await endOffsets(broker, topic),
    )
  })

  test('fault 11: SIGTERM lets a running file finish, commits and ends with 0; a second one ends at once', async () => {
    const { topic, args } = await topicOf(4)
    await produceRaw(broker, topic, recordsOf(small('slow.dat')))
    plugin.order({ 'slow.dat': 'wait' })
    const run = plugin.start(args)
    await plugin.until('start', 'slow.dat')
    run.kill('SIGTERM')
    await run.waitFor(/SIGTERM/)
    plugin.order({})
    const result = await run.done
    assert.equal(result.code, 0, result.stderr)
    assert.match(result.stderr, /summary done=1 .*exit=0\s*$/)
    assert.deepEqual(
      (await readCommitted(broker, topic, topic)).map(c => c.offset),
      await endOffsets(broker, topic),
    )

    await produceRaw(broker, topic, recordsOf(small('stuck.dat')))
    plugin.order({ 'stuck.dat': 'wait' })
    const stuck = plugin.start(args)
    await plugin.until('start', 'stuck.dat')
    stuck.kill('SIGTERM')
    await stuck.waitFor(/SIGTERM/)
    stuck.kill('SIGTERM')
    const ended = await stuck.done
    assert.equal(ended.signal ?? ended.code, 'SIGTERM')
    plugin.order({})
    assert.equal((await plugin.run([...args, '--until-end'])).code, 0)
    assert.ok(plugin.ended().includes('stuck.dat'))
  })

  test('fault 11: SIGTERM while every partition is paused drains, commits and ends with 0', async () => {
    const { topic, args } = await topicOf(4)
    const big = Array.from({ length: 6 }, (_, i) => ({
      path: `big${i}.dat`,
      content: randomBytes(4_000_000),
      chunkSize: 400_000,
    }))
    for (const file of big) await produceRaw(broker, topic, recordsOf(file))
    plugin.order(Object.fromEntries(big.map(file => [file.path, 'wait' as const])))
    const run = plugin.start([...args, '--memory', '16MiB', '--stats', '100ms'])
    await run.waitFor(/flow=pause/)
    run.kill('SIGTERM')
    await run.waitFor(/SIGTERM/)
    plugin.order({})
    const result = await run.done
    assert.equal(result.code, 0, result.stderr)
    const rest = await plugin.run([...args, '--until-end'])
    assert.equal(rest.code, 0, rest.stderr)
    assert.deepEqual(
      [...new Set(plugin.ended())].sort(),
      big.map(file => file.path),
    )
  })
})

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
