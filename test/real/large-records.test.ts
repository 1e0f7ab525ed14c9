/** Records far above the fetch size. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, produceRaw } from '../support/topics.ts'

let plugin: Steered
before(() => {
  plugin = steered()
})
after(() => plugin.end())

test('fault 49: records of 1, 20 and 90 MB are delivered and their partition goes on', {
  skip: noBroker,
}, async () => {
  const topic = uniqueName('large')
  await createTopic(broker, topic, 4, { 'max.message.bytes': '100000000' })
  const producer = { properties: { 'message.max.bytes': 100_000_000, 'queue.buffering.max.kbytes': 400_000 } }
  const files = [1, 20, 90].map(mb => ({
    path: `${mb}.dat`,
    content: randomBytes(mb * 1_000_000),
    chunkSize: mb * 1_000_000,
  }))
  for (const file of files) await produceRaw(broker, topic, recordsOf(file, 1), producer)
  await produceRaw(broker, topic, recordsOf({ path: 'after.dat', content: randomBytes(5_000) }, 1))
  const result = await plugin.run(['-b', broker, '-t', topic, '-g', topic, '--until-end'])
  assert.equal(result.code, 0, result.stderr)
  assert.deepEqual(plugin.ended().sort(), ['1.dat', '20.dat', '90.dat', 'after.dat'])
})
