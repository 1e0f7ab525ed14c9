/** `dfsp retry` before it reaches a broker: what it needs, and which of its two jobs is meant. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startMock } from '../support/mock.ts'
import { dfsp, folder } from './world.ts'

const PLUGIN = { 'p.mjs': 'export default () => null\n' }

test('it needs a topic of dead letters, or topic and group', async t => {
  const { error } = await dfsp(['retry', '-p', 'p.mjs', '-b', 'x:1'], folder(t, PLUGIN))
  assert.equal(error?.message, 'neither dead letters nor a group is given')
  const half = await dfsp(['retry', '-p', 'p.mjs', '-b', 'x:1', '-t', 'xrd'], folder(t, PLUGIN))
  assert.equal(half.error?.message, 'neither dead letters nor a group is given')
})

test('it needs a plugin, but not for a dry run', async t => {
  const cwd = folder(t)
  assert.equal((await dfsp(['retry', '--dlq', 'd', '-b', 'x:1'], cwd)).error?.message, 'no plugin given')
  assert.equal((await dfsp(['retry', '--dlq', 'd', '--dry-run'], cwd)).error?.code, 'E_NO_BROKER')
})

test('a group that is named means its held files, the one of a config file does not', async t => {
  const cwd = folder(t, { 'dfsp.config': '[dfsp]\ntopic = xrd\ngroup = g\ndlq = dead\n' })
  const mock = await startMock()
  t.after(() => mock.end())
  await mock.produceRaw('xrd', [{ partition: 0, key: null, value: Buffer.from('x') }])
  const noLetters = await dfsp(['retry', '--dry-run', '-b', mock.brokers, 'a.dat'], cwd)
  assert.equal(noLetters.error?.code, 'E_TOPIC_MISSING')
  const held = await dfsp(['retry', '--dry-run', '-b', mock.brokers, '-g', 'g', 'a.dat'], cwd)
  assert.match(held.stderr, /group g has committed nothing in xrd/)
})
