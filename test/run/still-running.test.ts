import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunEvent } from '../../src/report/events.ts'
import { stillRunning } from '../../src/run/still-running.ts'

test('where no file has begun or ended for 10 s it is told which ones run, and again after a minute', () => {
  const told: string[] = []
  let now = 0
  const look = stillRunning(
    (event: RunEvent) => void (event.type === 'info' && told.push(event.text)),
    () => now,
  )
  const [a, b] = [{ path: 'a.csv' }, { path: 'b.csv' }]
  const running = new Map([[a, 0]])
  for (now = 0; now < 9_000; now += 1_000) look(running)
  running.set(b, 9_000)
  for (; now < 19_000; now += 1_000) look(running)
  assert.deepEqual(told, [])
  for (; now < 90_000; now += 1_000) look(running)
  assert.deepEqual(told, [
    'waiting for the plugin: a.csv (19.0 s), b.csv (10.0 s)',
    'waiting for the plugin: a.csv (79.0 s), b.csv (70.0 s)',
  ])
  look(new Map())
  look(running)
  assert.equal(told.length, 3)
})
