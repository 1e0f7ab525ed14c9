/** Files that cannot be processed, one or all of them. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, endOffsets, produceRaw, readAll, readCommitted } from '../support/topics.ts'

const tiny = (path: string) => recordsOf({ path, content: Buffer.from(path) })

describe('files that cannot be processed', { skip: noBroker }, () => {
  let plugin: Steered
  before(() => {
    plugin = steered()
  })
  after(() => plugin.end())

  async function begin(partitions: number): Promise<{ topic: string; args: string[] }> {
    const topic = uniqueName('poison')
    await createTopic(broker, topic, partitions)
    plugin.forget()
    const args = ['-b', broker, '-t', topic, '-g', topic, '-X', 'session.timeout.ms=6000']
    return { topic, args }
  }

  // By hand with DFSP_TEST_POISON=100000: see docs/guarantees.md for what it takes.
  const many = Number(process.env.DFSP_TEST_POISON ?? 5_000)

  test(`fault 58: the first file is poisoned, ${many} after it are good: a restart runs the poisoned one only`, {
    timeout: 900_000,
  }, async t => {
    const { topic, args } = await begin(1)
    plugin.order({ 'poison.dat': 'fail' })
    await produceRaw(broker, topic, tiny('poison.dat'))
    for (let from = 0; from < many; from += 10_000) {
      const count = Math.min(10_000, many - from)
      await produceRaw(
        broker,
        topic,
        Array.from({ length: count }, (_, i) => tiny(`f${from + i}.dat`)).flat(),
      )
    }
    const first = await plugin.run([...args, '--retries', '0', '--until-end'], { timeoutMs: 600_000 })
    assert.equal(first.code, 3, first.stderr)
    assert.equal(new Set(plugin.ended()).size, many)
    const [committed] = await readCommitted(broker, topic, topic)
    assert.equal(committed?.offset, 0)
    t.diagnostic(`commit record: ${committed?.metadata?.length} characters`)
    plugin.forget()
    const began = performance.now()
    const second = await plugin.run([...args, '--retries', '0', '--until-end'], {
      out: 'other',
      timeoutMs: 600_000,
    })
    t.diagnostic(`restart: ${Math.round(performance.now() - began)} ms`)
    assert.equal(second.code, 3, second.stderr)
    assert.deepEqual(plugin.started(), ['poison.dat'])
    plugin.order({})
    const third = await plugin.run([...args, '--retries', '0', '--until-end'], { timeoutMs: 600_000 })
    assert.equal(third.code, 0, third.stderr)
    assert.deepEqual(plugin.started(), ['poison.dat', 'poison.dat'])
    assert.deepEqual(
      (await readCommitted(broker, topic, topic)).map(each => each.offset),
      [many + 1],
    )
  })

  test('fault 59: every file fails: it pauses, gives nothing up, writes no dead letter, and resumes by itself', async () => {
    const { topic, args } = await begin(2)
    const letters = uniqueName('letters')
    await createTopic(broker, letters, 1)
    const paths = Array.from({ length: 30 }, (_, i) => `f${i}.dat`)
    plugin.order(Object.fromEntries(paths.map(path => [path, 'fail'])))
    await produceRaw(broker, topic, paths.flatMap(tiny))
    const run = plugin.start([...args, '--on-error', 'dlq', '--dlq', letters])
    await run.waitFor(/paused: .*E_BREAKER/)
    assert.deepEqual(await readAll(broker, letters), [])
    // Nothing is resolved, nothing committed but the beginning.
    for (const { offset = 0 } of await readCommitted(broker, topic, topic)) assert.equal(offset, 0)
    plugin.order({})
    await run.waitFor(/resumed/)
    for (const path of paths) await plugin.until('end', path)
    run.kill('SIGTERM')
    const { code, stderr } = await run.done
    assert.equal(code, 0, stderr)
    assert.deepEqual(plugin.ended().sort(), paths.sort())
    assert.deepEqual(await readAll(broker, letters), [])
    const committed = (await readCommitted(broker, topic, topic)).map(each => each.offset)
    assert.deepEqual(committed, await endOffsets(broker, topic))
  })
})
