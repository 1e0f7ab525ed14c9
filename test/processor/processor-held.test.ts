/** What an outage did to files: what is held comes back by itself, and what is the environment's fault holds none. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROBE_EVERY_MS } from '../../src/core/breaker.ts'
import type { TaskResult } from '../../src/plugin/messages.ts'
import { cut, DONE, failure, type World, type WorldOptions, world } from './world.ts'

const MINUTE = 60_000
const HOLD = { retries: 0, onError: 'hold', retriesHeld: true } as const

const environment = (message = 'connect ECONNREFUSED'): TaskResult => ({
  kind: 'failed',
  hookCalled: true,
  fault: { message, frames: [], environment: true },
})

/** A plugin that answers as the test has it now. */
function plugin(first: TaskResult) {
  const p = { answer: first, of: new Map<string, TaskResult>() }
  const call: NonNullable<WorldOptions['plugin']> = ({ path }) => p.of.get(path) ?? p.answer
  return Object.assign(p, { call })
}

/** Lets time pass as a run does, which ticks once a second. */
async function pass(w: World, ms: number, readsToEnd = false): Promise<void> {
  for (let left = ms; left > 0; left -= 1_000) {
    await w.clock.advance(1_000)
    await w.tick()
    await w.read()
    if (readsToEnd) await w.reachEnds()
  }
}

test('a held file is tried again after 1, 2, 4 … minutes, never more than an hour apart, until it succeeds', async t => {
  const p = plugin(failure('no answer'))
  const w = world(t, { settings: HOLD, plugin: p.call })
  await w.send(0, ...cut('f', 'aaaabbbb').values)
  const at: number[] = []
  for (let minutes = 0; minutes < 190; minutes++) {
    const before = w.calls.length
    await pass(w, MINUTE)
    if (w.calls.length > before) at.push(minutes + 1)
  }
  assert.deepEqual(
    at.map((minute, i) => minute - (at[i - 1] ?? 0)),
    [1, 2, 4, 8, 16, 32, 60, 60],
  )
  assert.deepEqual(
    w.calls.map(c => c.job.attempt),
    w.calls.map((_, i) => i + 1),
  )
  assert.equal(w.committed.get(0) ?? 0, 0)
  assert.equal(w.processor.counts.failed, 1)
  assert.equal(w.store.memoryBytes, 0)
  p.answer = DONE
  await pass(w, 61 * MINUTE)
  assert.equal(w.committed.get(0), 2)
  assert.equal(w.processor.counts.failed, 0)
  assert.equal(w.processor.counts.done, 1)
  assert.deepEqual(
    w.files().map(f => [f.result, f.setAside, f.delayMs]),
    [
      ['failed', 'held', MINUTE],
      ['ok', undefined, undefined],
    ],
    'it is told as held once, then each further attempt',
  )
})

test('files of an outage shorter than the breaker notices are all processed by the same process', async t => {
  const p = plugin(failure('no answer'))
  const settings = { ...HOLD, breaker: 6, retries: 5, onError: 'hold' } as const
  const w = world(t, { settings, plugin: p.call })
  for (let i = 0; i < 5; i++) await w.send(0, ...cut(`f${i}`, 'x').values)
  await pass(w, 40_000)
  assert.equal(w.processor.files.count('held'), 5)
  p.answer = DONE
  await pass(w, 5 * MINUTE)
  assert.equal(w.processor.counts.done, 5)
  assert.equal(w.processor.counts.failed, 0)
  assert.equal(w.committed.get(0), 5)
})

test('one held file at a time comes back while they fail, many once they succeed', async t => {
  const p = plugin(failure('bad'))
  const w = world(t, { settings: HOLD, plugin: p.call })
  const count = 300
  for (let i = 0; i < count; i++) await w.send(0, ...cut(`f${i}`, 'x').values)
  let most = 0
  for (let second = 0; second < 120; second++) {
    const before = w.calls.length
    await pass(w, 1_000)
    most = Math.max(most, w.calls.length - before)
  }
  assert.equal(most, 1)
  p.answer = DONE
  await pass(w, 10 * MINUTE)
  assert.equal(w.processor.counts.done, count)
})

test('a run that has an end leaves what it holds to the next start', async t => {
  const w = world(t, { settings: { ...HOLD, retriesHeld: false }, plugin: () => failure('bad') })
  await w.send(0, ...cut('f', 'x').values)
  await pass(w, 10 * MINUTE)
  assert.equal(w.calls.length, 1)
  assert.equal(w.files()[0]?.delayMs, undefined)
})

test('a held file whose records were deleted meanwhile is not tried again', async t => {
  const w = world(t, { settings: HOLD, plugin: () => failure('bad') })
  await w.send(0, ...cut('f', 'x').values)
  w.processor.lowWatermark(0, 1)
  await pass(w, 10 * MINUTE)
  assert.equal(w.calls.length, 1)
})

test('a file whose dead letter was refused is not run again: its letter is sent again, with growing pauses', async t => {
  const w = world(t, {
    settings: { ...HOLD, retries: 0, onError: 'dlq' },
    plugin: () => failure('bad'),
  })
  w.onDeadLetter = () => Promise.reject(new Error('the topic is away'))
  await w.send(0, ...cut('f', 'x').values)
  await pass(w, 90_000)
  assert.equal(w.processor.files.count('held'), 1)
  w.onDeadLetter = undefined
  await pass(w, 3 * MINUTE)
  assert.equal(w.letters.length, 1)
  assert.equal(w.calls.length, 1)
  assert.equal(w.processor.counts.failed, 1)
  assert.equal(w.committed.get(0), 1)
})

for (const onError of ['hold', 'dlq', 'skip'] as const)
  test(`the refused letter of an incomplete file is sent again, also with --on-error ${onError}`, async t => {
    const w = world(t, { settings: { ...HOLD, onError, onIncomplete: 'dlq', incompleteAfterMs: 5_000 } })
    w.onDeadLetter = () => Promise.reject(new Error('the topic is away'))
    await w.send(0, cut('f', 'aaaabbbb').values[0] as Buffer)
    await pass(w, 30_000, true)
    assert.equal(w.processor.files.count('held'), 1)
    assert.equal(w.files()[0]?.delayMs, MINUTE)
    w.onDeadLetter = undefined
    await pass(w, 3 * MINUTE, true)
    assert.deepEqual(
      w.letters.map(({ reason }) => reason),
      ['incomplete'],
    )
    assert.equal(w.committed.get(0), 1)
    assert.equal(w.processor.quiet, true)
  })

test('an incomplete file whose letter was refused is run, and no letter sent, where its rest came meanwhile', async t => {
  const w = world(t, { settings: { ...HOLD, onIncomplete: 'dlq', incompleteAfterMs: 5_000 } })
  w.onDeadLetter = () => Promise.reject(new Error('the topic is away'))
  const [first, second] = cut('f', 'aaaabbbb').values as [Buffer, Buffer]
  await w.send(0, first)
  await pass(w, 30_000, true)
  w.onDeadLetter = undefined
  await w.send(0, second)
  await pass(w, 3 * MINUTE, true)
  assert.deepEqual(w.letters, [])
  assert.deepEqual(
    w.calls.map(({ content }) => content),
    ['aaaabbbb'],
  )
  assert.equal(w.committed.get(0), 2)
})

test('a plugin that blames the environment pauses all at once, and costs no file an attempt', async t => {
  const p = plugin(environment())
  const w = world(t, { settings: { ...HOLD, breaker: 6 }, plugin: p.call })
  await w.send(0, ...cut('a', 'x').values, ...cut('b', 'x').values)
  assert.match(w.processor.blocked?.reason ?? '', /connect ECONNREFUSED/)
  assert.equal(w.processor.blocked?.probes, 0, 'what ran at that time is no probe')
  await w.send(0, ...cut('c', 'x').values)
  await pass(w, 10 * MINUTE)
  assert.deepEqual(w.files(), [])
  p.answer = DONE
  await pass(w, 2 * PROBE_EVERY_MS + 2_000)
  assert.deepEqual(
    w.files().map(f => [f.result, f.attempt]),
    Array(3).fill(['ok', 1]),
  )
  assert.equal(w.committed.get(0), 3)
})

test('one file that always blames the environment holds up no others for long: it fails as any other', async t => {
  const p = plugin(DONE)
  p.of.set('bad', environment())
  const w = world(t, { settings: HOLD, plugin: p.call })
  await w.send(0, ...cut('bad', 'x').values)
  assert.notEqual(w.processor.blocked, undefined)
  await w.send(0, ...cut('good', 'x').values)
  await pass(w, 3 * PROBE_EVERY_MS)
  for (let i = 0; i < 9; i++) await w.send(0, ...cut(`good${i}`, 'x').values)
  await pass(w, 2 * PROBE_EVERY_MS)
  assert.equal(w.processor.blocked, undefined)
  assert.equal(w.processor.counts.done, 10)
  assert.deepEqual(
    w
      .files()
      .filter(f => f.result === 'failed')
      .map(f => [f.path, f.setAside]),
    [['bad', 'held']],
  )
  await pass(w, 30 * MINUTE)
  assert.equal(w.processor.blocked, undefined)
  assert.equal(w.events.filter(e => e.type === 'problem' && /paused/.test(e.text)).length, 1)
})

test('where nothing waits for the environment, as in dfsp try, the file has failed', async t => {
  const w = world(t, {
    settings: { waitsForEnvironment: false, retries: 0, onError: 'skip' },
    plugin: () => environment(),
  })
  await w.send(0, ...cut('f', 'x').values)
  assert.deepEqual(
    w.files().map(f => f.result),
    ['failed'],
  )
})

test('while files cannot be stored one is tried every 10 s, and none in between', async t => {
  let tried = 0
  const full = { kind: 'io-error', code: 'ENOSPC', message: 'ENOSPC: no space left on device' } as const
  const w = world(t, {
    plugin: async () => {
      tried++
      return full
    },
  })
  for (let i = 0; i < 4; i++) await w.send(0, ...cut(`f${i}`, 'aaaabbbb').values)
  await w.clock.advance(1_000)
  const atFirst = tried
  for (let i = 0; i < 35; i++) {
    await w.clock.advance(1_000)
    await w.tick()
  }
  assert.ok(tried - atFirst >= 2 && tried - atFirst <= 4, `${tried - atFirst} attempts in 35 s`)
})

test('while there is no thread and none can be started all waits, and it is tried every 10 s until one is there', async t => {
  const w = world(t)
  w.shortage = 'no further plugin thread can be started: EMFILE'
  await pass(w, 60_000)
  assert.equal(w.processor.blocked, undefined, 'nobody waits for a thread')
  for (const name of ['a', 'b']) await w.send(0, ...cut(name, 'x').values)
  assert.deepEqual(w.processor.blocked, { reason: w.shortage, probes: 0 })
  await pass(w, 35_000)
  assert.deepEqual(w.processor.blocked, { reason: w.shortage, probes: 3 })
  const told = w.events.filter(event => event.type === 'problem')
  assert.deepEqual(
    told.map(({ text }) => text.slice(0, text.indexOf(';'))),
    [`paused: ${w.shortage}`],
  )
  w.shortage = undefined
  await pass(w, PROBE_EVERY_MS)
  assert.deepEqual(
    w.calls.map(c => [c.path, c.job.attempt]),
    [
      ['a', 1],
      ['b', 1],
    ],
  )
  assert.equal(w.processor.blocked, undefined)
  assert.equal(w.committed.get(0), 2)
})
