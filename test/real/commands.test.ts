/** The commands that only look, on a real broker: what the mock cluster does not answer. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { dfsp, folder } from '../cli/world.ts'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { createTopic, produceInTransaction, produceRaw } from '../support/topics.ts'
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
})
