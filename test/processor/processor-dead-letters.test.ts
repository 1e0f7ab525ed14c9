import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settled } from './clock.ts'
import { cut, DONE, deferred, failure, world } from './world.ts'

const settings = { retries: 0, onError: 'dlq' } as const

test('a file that failed for good is resolved once its dead letter is acknowledged', async t => {
  const acknowledged = deferred<void>()
  const w = world(t, { partitions: 2, settings, plugin: () => failure('no columns') })
  w.onDeadLetter = () => acknowledged.promise
  const file = cut('a/bad', 'aaaabbbbcccc', { mtime: 12 })
  w.append(0, file.values[0] as Buffer, file.values[2] as Buffer)
  w.append(1, file.values[1] as Buffer)
  await w.read()
  await w.clock.advance(5_000)
  assert.deepEqual([...w.committed.values()], [0, 0])
  assert.equal(w.processor.quiet, false)
  acknowledged.resolve()
  await w.clock.advance(5_000)
  assert.deepEqual(
    [...w.committed],
    [
      [0, 2],
      [1, 1],
    ],
  )
  const [letter] = w.letters
  assert.ok(letter?.kind === 'file')
  assert.deepEqual(letter.ranges, [
    { partition: 0, from: 0, to: 1 },
    { partition: 1, from: 0, to: 0 },
  ])
  const { path, error, reason, attempts, bytes, chunks, mtime } = letter
  assert.deepEqual(
    { path, error, reason, attempts, bytes, chunks, mtime },
    { path: 'a/bad', error: 'no columns', reason: 'failed', attempts: 1, bytes: 12, chunks: 3, mtime: 12 },
  )
  assert.equal(w.files()[0]?.setAside, 'dead-lettered')
  assert.equal(w.processor.counts.deadLettered, 1)
})

test('fault 64: a dead letter that is refused leaves its file held, with an alarm', async t => {
  const w = world(t, { settings, plugin: () => failure('no') })
  w.onDeadLetter = async () => {
    throw new Error('topic "dead" does not exist')
  }
  await w.send(0, ...cut('bad', 'x').values, Buffer.from('junk'))
  await w.clock.advance(5_000)
  assert.equal(w.committed.get(0) ?? 0, 0)
  assert.equal(w.files()[0]?.setAside, 'held')
  assert.equal(w.events.filter(e => e.type === 'undecodable' && e.setAside === 'held').length, 1)
  assert.equal(w.events.filter(e => e.type === 'problem' && /refused.*does not exist/.test(e.text)).length, 1)
  assert.ok(w.processor.quiet)
})

test('an undecodable record is dead-lettered with its first bytes', async t => {
  const w = world(t, { settings })
  await w.send(0, Buffer.from('junk'))
  await w.clock.advance(5_000)
  const [letter] = w.letters
  assert.ok(letter?.kind === 'record')
  assert.equal(Buffer.from(letter.head).toString(), 'junk')
  assert.equal(w.committed.get(0), 1)
})

test('an incomplete file follows its own policy', async t => {
  const w = world(t, { settings: { onIncomplete: 'dlq' } })
  await w.send(0, cut('f', 'aaaabbbb').values[0] as Buffer)
  await w.reachEnds()
  await w.clock.advance(11 * 60_000)
  await w.tick()
  await w.clock.advance(2_000)
  assert.equal(w.letters[0]?.reason, 'incomplete')
  assert.equal(w.committed.get(0), 1)
})

test('fault 7: a file whose epoch ends while its letter is on its way comes again', async t => {
  const acknowledged = deferred<void>()
  const w = world(t, { settings, plugin: () => failure('no') })
  w.onDeadLetter = () => acknowledged.promise
  await w.send(0, ...cut('bad', 'x').values)
  await w.revoke({ lost: true })
  acknowledged.resolve()
  await settled()
  w.assign()
  await w.read()
  await w.clock.advance(5_000)
  assert.equal(w.calls.length, 2)
  assert.equal(w.letters.length, 2)
  assert.equal(w.committed.get(0), 1)
})

test('a stop waits for dead letters that are on their way', async t => {
  const acknowledged = deferred<void>()
  const w = world(t, { settings, plugin: () => failure('no') })
  w.onDeadLetter = () => acknowledged.promise
  await w.send(0, ...cut('bad', 'x').values)
  const drained = w.processor.drain(20_000)
  await settled()
  acknowledged.resolve()
  assert.equal(await drained, true)
  assert.equal(w.committed.get(0), 1)
})

test('fault 59: when every file fails everything pauses, nothing is dead-lettered, and it goes on by itself', async t => {
  let broken = true
  const w = world(t, {
    threads: 3,
    settings: { retries: 1, onError: 'dlq', breaker: 5 },
    plugin: () => (broken ? failure('no network') : DONE),
  })
  for (let i = 0; i < 50; i++) w.append(0, ...cut(`f${i}`, 'x').values)
  await w.read()
  for (let s = 0; s < 120; s++) {
    await w.clock.advance(1_000)
    await w.tick()
  }
  assert.deepEqual(w.letters, [])
  assert.equal(w.isPaused, true)
  assert.match(w.processor.blocked?.reason ?? '', /no network/)
  assert.ok(w.calls.length < 50, `${w.calls.length} attempts`)
  assert.ok((w.processor.blocked?.probes ?? 0) > 5)
  broken = false
  for (let s = 0; s < 120; s++) {
    await w.clock.advance(1_000)
    await w.tick()
  }
  assert.equal(w.processor.counts.done, 50)
  assert.equal(w.isPaused, false)
  assert.equal(w.committed.get(0), 50)
  assert.deepEqual(w.letters, [])
  assert.equal(w.processor.blocked, undefined)
})

test('fault 59: files that are bad by themselves do not keep the good ones behind them from being tried', async t => {
  const w = world(t, {
    threads: 1,
    settings: { retries: 0, onError: 'dlq', breaker: 3 },
    plugin: ({ path }) => (path.startsWith('bad') ? failure('no columns') : DONE),
  })
  for (let i = 0; i < 9; i++) w.append(0, ...cut(`bad${i}`, 'x').values)
  for (let i = 0; i < 9; i++) w.append(0, ...cut(`good${i}`, 'x').values)
  for (let s = 0; s < 200; s++) {
    await w.read(2)
    await w.clock.advance(1_000)
    await w.tick()
  }
  assert.equal(w.processor.counts.done, 9)
  assert.equal(w.letters.length, 9)
  assert.equal(w.processor.blocked, undefined)
  assert.equal(w.committed.get(0), 18)
})
