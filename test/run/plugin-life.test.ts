import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setUp } from '../../src/run/plugin-life.ts'

const settings = { options: {}, sections: {}, outputDir: '/', tmpDir: '/' }

test('a setup that never ends is told within seconds and then once a minute, and ended by its limit', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const told: string[] = []
  const never = { start: () => new Promise<void>(() => {}) }
  const ended = assert.rejects(
    setUp(never, settings, text => told.push(text), 150_000),
    { code: 'E_BREAKER', message: /the plugin's setup has not ended/ },
  )
  t.mock.timers.tick(2_000)
  assert.deepEqual(told, ["the plugin's setup runs"])
  for (let i = 0; i < 2; i++) t.mock.timers.tick(60_000)
  assert.equal(told.length, 3)
  t.mock.timers.tick(28_000)
  await ended
  t.mock.timers.tick(600_000)
  assert.equal(told.length, 3)
})
