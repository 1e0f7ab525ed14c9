import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { findPlugin, loadedPlugin, withinReach } from '../../src/cli/plugin-path.ts'

test('plugin and config are warned of where messages can write over them', t => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-reach-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const output = path.join(folder, 'out')
  fs.mkdirSync(output)
  for (const name of ['plot.mjs', 'dfsp.config', 'out/inner.mjs'])
    fs.writeFileSync(path.join(folder, name), '')
  const [outside, inside] = [findPlugin('plot.mjs', folder), findPlugin('out/inner.mjs', folder)]
  const config = path.join(folder, 'dfsp.config')
  assert.deepEqual(withinReach(outside, config, output), [])
  assert.deepEqual(withinReach(outside, undefined, output), [])
  assert.equal(withinReach(outside, config, folder).length, 2)
  const [warning] = withinReach(inside, config, output)
  assert.match(warning ?? '', /^inner\.mjs lies below the output directory .* choose another --output-dir$/)
})

test('a module that loads for longer than --max-time ends the call for now, not as a plugin that is wrong', async () => {
  const { stdout, stderr } = process
  const invocation = { stdout, stderr, env: {} } as unknown as Parameters<typeof loadedPlugin>[2]
  const plugin = { name: 'plot', shown: './plot.ts', url: 'file:///plot.ts' }
  const never = new Promise<never>(() => {})
  await assert.rejects(loadedPlugin(never, plugin, invocation, true, 10), { code: 'E_BREAKER', exitCode: 75 })
})
