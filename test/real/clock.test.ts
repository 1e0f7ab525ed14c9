/** The wall clock jumps while dfsp runs: it is set by hand, by NTP, or after a suspended machine wakes up. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { steered } from '../support/steered.ts'
import { createTopic, endOffsets, produceRaw, readCommitted } from '../support/topics.ts'
import { until } from '../support/until.ts'

const DAY_MS = 86_400_000
const CLOCK = import.meta.resolve('../fixtures/jumping-clock.mjs')

test('fault 63: the wall clock jumps by a day, forth and back: nothing expires, no attempt times out', {
  skip: noBroker,
}, async () => {
  const topic = uniqueName('clock')
  await createTopic(broker, topic, 2)
  const plugin = steered()
  const offset = join(plugin.folder, 'offset')
  const jump = (ms: number) => {
    fs.writeFileSync(`${offset}.new`, String(ms))
    fs.renameSync(`${offset}.new`, offset)
  }
  jump(0)
  try {
    plugin.order({ 'slow.dat': 'wait' })
    const half = recordsOf({ path: 'half.dat', content: randomBytes(3_000) })
    await produceRaw(broker, topic, half.slice(0, 2))
    await produceRaw(broker, topic, recordsOf({ path: 'slow.dat', content: randomBytes(10) }))
    const patience = ['--incomplete-after', '30m', '--on-incomplete', 'skip', '--timeout', '30m']
    const run = plugin.start(
      ['-b', broker, '-t', topic, '-g', topic, '--stats', '100ms', '--retries', '0', ...patience],
      { env: { NODE_OPTIONS: `--import ${CLOCK}`, CLOCK_OFFSET: offset } },
    )
    await plugin.until('start', 'slow.dat')
    const today = new Date().toISOString().slice(0, 10)
    const dateOf = (days: number) => new Date(Date.parse(today) + days * DAY_MS).toISOString().slice(0, 10)
    for (const days of [1, -1, 0]) {
      jump(days * DAY_MS)
      // The jump has arrived, and files were looked through since: that is done once a second.
      const lines = () =>
        run
          .stderr()
          .split('\n')
          .filter(line => line.startsWith(dateOf(days))).length
      const before = lines()
      await until(() => lines() >= before + 15)
    }
    plugin.order({})
    await produceRaw(broker, topic, half.slice(2))
    await plugin.until('end', 'half.dat')
    run.kill('SIGTERM')
    const { code, stderr } = await run.done
    assert.equal(code, 0, stderr)
    assert.deepEqual(plugin.ended().sort(), ['half.dat', 'slow.dat'])
    assert.deepEqual(plugin.started().sort(), ['half.dat', 'slow.dat'])
    const committed = (await readCommitted(broker, topic, topic)).map(each => each.offset)
    assert.deepEqual(committed, await endOffsets(broker, topic))
  } finally {
    plugin.end()
  }
})
