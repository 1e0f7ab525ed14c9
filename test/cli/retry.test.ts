/** `dfsp retry` before it reaches a broker: what it needs, and which of its two jobs is meant. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
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

test('what is named and is not there is told, and ends with 3; nothing that is there at all ends with 0', async t => {
  const cwd = folder(t, PLUGIN)
  const mock = await startMock()
  t.after(() => mock.end())
  for (const topic of ['xrd', 'dead'])
    await mock.produceRaw(topic, [{ partition: 0, key: null, value: Buffer.from('x') }])
  const call = (...args: string[]) => runCli([...args, '-b', mock.brokers], { cwd })
  const letters = ['retry', '--dlq', 'dead', '-p', './p.mjs', '--yes']
  const held = ['retry', '-t', 'xrd', '-g', 'g', '-p', './p.mjs', '--yes']
  for (const dry of [[], ['--dry-run']]) {
    const noLetter = await call(...letters, 'no/such', ...dry)
    assert.match(noLetter.stderr, /no dead letter in dead is of no\/such, or below it/)
    const notHeld = await call(...held, 'no/such', ...dry)
    assert.match(notHeld.stderr, /group g has not left no\/such unfinished/)
    const replayed = await call('replay', '-t', 'xrd', '-p', './p.mjs', '--yes', '--files', '^nosuch', ...dry)
    assert.match(replayed.stderr, /no file among 1 record of xrd matches --files \^nosuch/)
    assert.deepEqual([noLetter.code, notHeld.code, replayed.code], [3, 3, 3])
  }
  assert.equal((await call(...held)).code, 0)
  assert.equal((await call('replay', '-t', 'xrd', '-p', './p.mjs', '--yes')).code, 0)
})
