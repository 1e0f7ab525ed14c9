/** A group moves from one process on a topic whose chunks are scattered to several on a copy of it, and back. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { runCli } from '../support/cli.ts'
import { recordsOf } from '../support/files.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, produceRaw } from '../support/topics.ts'

const PARTITIONS = 4

describe('from solo to shared', { skip: noBroker }, () => {
  let plugin: Steered
  before(() => {
    plugin = steered()
  })
  after(() => plugin.end())

  test('what was done stays done, what was held or unfinished is processed, and so it goes on after the way back', async () => {
    const topic = uniqueName('moves')
    const copy = `${topic}.by-path`
    await createTopic(broker, topic, PARTITIONS)
    const run = (of: string, ...more: string[]) =>
      plugin.run(['-b', broker, '-t', of, '-g', topic, '--until-end', ...more])
    const send = async (name: string, count: number) => {
      const paths = Array.from({ length: count }, (_, i) => `${topic}/${name}${i}.dat`)
      const records = paths.map(path => recordsOf({ path, content: randomBytes(3_000) }))
      await produceRaw(broker, topic, records.flat())
      return paths
    }
    const copied = async () => {
      const args = ['repartition', '-b', broker, '-t', topic, '--until-end', '--from-group', topic]
      const { code, stderr } = await runCli(args)
      assert.equal(code, 0, stderr)
    }

    // One process: 30 files done, one held, and one of which chunks are missing.
    const done = await send('done', 30)
    const [held = ''] = await send('held', 1)
    const half = recordsOf({ path: `${topic}/half.dat`, content: randomBytes(3_000) })
    await produceRaw(broker, topic, half.slice(0, 1))
    const after1 = await send('behind', 5)
    plugin.order({ [held]: 'fail' })
    const solo = await run(topic, '--retries', '0', '--incomplete-after', '1h')
    assert.equal(solo.code, 3, solo.stderr)
    assert.deepEqual(plugin.ended().toSorted(), [...done, ...after1].toSorted())

    // Several: the copy begins where the group stands, which is at the held file.
    plugin.order({})
    await produceRaw(broker, topic, half.slice(1))
    const later = await send('later', 10)
    await copied()
    const hosts = await Promise.all(['a', 'b'].map(async () => await run(copy, '--shared')))
    for (const { code, stderr } of hosts) assert.equal(code, 0, stderr)
    const first = [...done, ...after1, held, `${topic}/half.dat`, ...later].toSorted()
    assert.deepEqual(plugin.ended().toSorted(), first)
    assert.match(hosts.map(({ stderr }) => stderr).join(''), /copies of records of .* are passed over/)

    // One process again, on the copy.
    const last = await send('last', 10)
    await copied()
    const back = await run(copy)
    assert.equal(back.code, 0, back.stderr)
    assert.deepEqual(plugin.ended().toSorted(), [...first, ...last].toSorted())
  })
})
