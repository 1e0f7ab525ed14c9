/** `dfsp retry` before it reaches a broker: what it needs, and which of its two jobs is meant. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
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
  // A path goes with dead letters only.
  const held = await dfsp(['retry', '--dry-run', '-b', 'nowhere.invalid:1', '-g', 'g', 'a.dat'], cwd)
  assert.equal(held.error?.code, 'E_USAGE')
  assert.match(held.error?.message ?? '', /PATH goes with --dlq/)
  const letters = await dfsp(['retry', '--dry-run', '-b', 'nowhere.invalid:1', 'a.dat'], cwd)
  assert.equal(letters.error?.code, 'E_BROKER_UNREACHABLE')
})
