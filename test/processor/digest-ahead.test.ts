/** Large files are digested while they arrive: as far as their chunks adjoin, and never of bytes that were replaced. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { cut, world } from './world.ts'

const MIB = 1024 * 1024
const LARGE = randomBytes(33 * MIB + 5)
const chunkSize = MIB

for (const mode of ['memory', 'disk'] as const)
  test(`mode ${mode}: when the last chunk comes only the last few are left to be digested`, async t => {
    const w = world(t, { settings: { mode } })
    const { values } = cut('large.dat', LARGE, { chunkSize })
    for (const value of values) await w.send(0, value)
    assert.equal(w.processor.counts.done, 1)
    assert.deepEqual(
      w.aheads.map(({ path }) => path),
      ['large.dat'],
    )
    assert.ok((w.aheads[0]?.bytes ?? 0) >= 30 * MIB, `${w.aheads[0]?.bytes} bytes`)
  })

test('while an early chunk is missing no later one is digested', async t => {
  const w = world(t)
  const { values } = cut('large.dat', LARGE, { chunkSize })
  const [missing] = values.splice(8, 1)
  for (const value of values) await w.send(0, value)
  await w.send(0, missing as Buffer)
  assert.equal(w.processor.counts.done, 1)
  assert.ok((w.aheads[0]?.bytes ?? 0) <= 8 * MIB, `${w.aheads[0]?.bytes} bytes`)
})

test('files that are over in a moment are left alone, somewhat larger ones where another is there', async t => {
  const w = world(t)
  const middle = (path: string) => cut(path, LARGE.subarray(0, 8 * MIB), { chunkSize }).values
  await w.send(0, ...cut('small.dat', LARGE.subarray(0, 3 * MIB), { chunkSize }).values)
  const [first, ...rest] = middle('first.dat')
  await w.send(0, first as Buffer)
  await w.send(0, ...middle('second.dat'))
  assert.deepEqual(w.aheads, [])
  for (const value of rest) await w.send(0, value)
  for (const value of middle('alone.dat')) await w.send(0, value)
  assert.equal(w.processor.counts.done, 4)
  assert.deepEqual(
    w.aheads.map(({ path }) => path),
    ['first.dat', 'alone.dat'],
  )
})

test('a copy of a chunk may have replaced what was digested: then the whole is digested', async t => {
  const w = world(t)
  const { values } = cut('large.dat', LARGE, { chunkSize })
  for (const value of values.slice(0, 20)) await w.send(0, value)
  await w.send(0, values[3] as Buffer)
  for (const value of values.slice(20)) await w.send(0, value)
  assert.equal(w.processor.counts.done, 1)
  assert.equal(w.processor.counts.duplicates, 1)
  assert.deepEqual(w.aheads, [])
})

test('bytes that were dropped and read again are digested anew', async t => {
  // Twice the file: with less it would go to disk from the start.
  const w = world(t, { settings: { memoryBytes: 80 * MIB } })
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const { values } = cut('large.dat', LARGE, { chunkSize })
  const other = cut('other.dat', randomBytes(35 * MIB), { chunkSize })
  Object.assign(w, { failWrites: full, failWritesTo: 'disk' })
  w.append(0, ...other.values.slice(0, -1))
  w.append(0, ...values)
  w.append(0, other.values.at(-1) as Buffer)
  for (let i = 0; i < 60 && w.processor.counts.done < 2; i++) {
    await w.clock.advance(1_000)
    await w.tick()
    await w.read(4)
  }
  assert.ok(w.processor.counts.evicted > 0)
  assert.deepEqual(w.calls.map(({ path }) => path).sort(), ['large.dat', 'other.dat'])
})

test('the next large file is digested ahead where the one before was given up', async t => {
  const w = world(t, { settings: { incompleteAfterMs: 1_000, onIncomplete: 'skip' } })
  const lost = cut('lost.dat', LARGE, { chunkSize })
  await w.send(0, ...lost.values.slice(0, 20))
  await w.reachEnds()
  for (let i = 0; i < 5; i++) {
    await w.clock.advance(1_000)
    await w.tick()
  }
  assert.equal(w.processor.counts.skipped, 1)
  for (const value of cut('large.dat', LARGE, { chunkSize }).values) await w.send(0, value)
  assert.deepEqual(
    w.aheads.map(({ path }) => path),
    ['large.dat'],
  )
})
