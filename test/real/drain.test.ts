/** SIGTERM in the middle of a backlog, as `systemctl stop` sends it. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { steered } from '../support/steered.ts'
import { createTopic, endOffsets, produceRaw, readCommitted } from '../support/topics.ts'

const PARTITIONS = 4
const FILES = 400
const THREADS = 4
/** Files from here on are held in the plugin until the stop has come. */
const HELD_FROM = 'load/0100.dat'

const isHeld = (path: string) => path >= HELD_FROM

test('SIGTERM under load: running files are finished, it ends with 0, and the next start repeats and misses none', {
  skip: noBroker,
}, async t => {
  const topic = uniqueName('load')
  await createTopic(broker, topic, PARTITIONS)
  const paths = Array.from({ length: FILES }, (_, i) => `load/${String(i).padStart(4, '0')}.dat`)
  // A file's chunks in all partitions: at any moment many files are half there.
  const records = paths.flatMap(path =>
    recordsOf({ path, content: randomBytes(8_000), chunkSize: 1_000 }).map((record, i) => ({
      ...record,
      partition: i % PARTITIONS,
    })),
  )
  await produceRaw(broker, topic, records)
  const plugin = steered()
  t.after(() => plugin.end())
  plugin.order(Object.fromEntries(paths.filter(isHeld).map(path => [path, 'wait'])))
  const args = ['-b', broker, '-t', topic, '-g', topic, '-j', `${THREADS}`]

  const run = plugin.start(args)
  while (plugin.started().filter(isHeld).length < THREADS) await setTimeout(20)
  const running = plugin.started().filter(isHeld)
  run.kill('SIGTERM')
  await run.waitFor(/SIGTERM/)
  plugin.order({})
  const stopped = await run.done
  assert.equal(stopped.code, 0, stopped.stderr)
  const first = plugin.ended()
  for (const path of running) assert.ok(first.includes(path), path)
  assert.deepEqual(plugin.started().sort(), [...first].sort())
  assert.ok(first.length < FILES, 'it stopped in the middle')

  const rest = await plugin.run([...args, '--until-end'])
  assert.equal(rest.code, 0, rest.stderr)
  assert.deepEqual(plugin.ended().sort(), paths)
  assert.deepEqual(
    (await readCommitted(broker, topic, topic)).map(({ offset }) => offset),
    await endOffsets(broker, topic),
  )
})
