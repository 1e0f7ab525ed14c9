/** Back pressure: memory stays within its budget, and nothing waits for ever. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PAGE_BYTES } from '../../src/core/page-bytes.ts'
import { settled } from './clock.ts'
import { cut, DONE, failure, type World, world } from './world.ts'

const KIB = 1024
const BUDGET = 2 * KIB * KIB
/** Values that are read at a time: what may come on top of the budget's 80 %. */
const BATCH = 4

/** Reads all there is in small batches, as far as it is not paused; returns the most memory that files took. */
async function readAll(w: World, wait: () => Promise<void> = settled): Promise<number> {
  let most = 0
  for (let turns = 0; ; turns++) {
    assert.ok(turns < 100_000, 'stands still')
    await w.read(BATCH)
    most = Math.max(most, w.store.memoryBytes)
    if (w.isPaused) await wait()
    else if (w.log.every((values, p) => !hasMore(w, p, values.length))) return most
  }
}

function hasMore(w: World, partition: number, length: number): boolean {
  return w.processor.ledger.position(partition) < length
}

/** Lets all that was read come to its end. */
async function finish(w: World): Promise<void> {
  for (let turns = 0; !w.processor.quiet; turns++) {
    assert.ok(turns < 10_000, 'stands still')
    await w.clock.advance(1_000)
  }
}

test('fault 57: twenty times the budget passes through a slow plugin', async t => {
  const plugin = async () => {
    for (let i = 0; i < 5; i++) await settled()
    return DONE
  }
  const w = world(t, { threads: 1, plugin, settings: { memoryBytes: BUDGET } })
  let pauses = 0
  const chunkSize = 64 * KIB
  for (let i = 0; i < 160; i++) w.append(0, ...cut(`f${i}`, Buffer.alloc(256 * KIB, i), { chunkSize }).values)
  const most = await readAll(w, async () => {
    pauses++
    await settled()
  })
  await finish(w)
  assert.equal(w.processor.counts.done, 160)
  assert.equal(w.committed.get(0), w.log[0]?.length)
  assert.ok(most <= BUDGET, `${most} bytes`)
  assert.ok(pauses > 0)
  assert.equal(w.isPaused, false)
  assert.equal(w.store.memoryBytes, 0)
})

test('fault 62: more open files than memory holds go to disk, and come out whole', async t => {
  const w = world(t, { threads: 2, settings: { memoryBytes: BUDGET } })
  const files = Array.from({ length: 60 }, (_, i) =>
    cut(`f${i}`, Buffer.alloc(128 * KIB, i + 1), { chunkSize: 64 * KIB }),
  )
  for (const chunk of [0, 1]) for (const { values } of files) w.append(0, values[chunk] as Buffer)
  let sawSpool = false
  let most = 0
  for (let i = 0; i < 120; i += BATCH) {
    await w.read(BATCH)
    most = Math.max(most, w.store.memoryBytes)
    sawSpool ||= w.processor.flow === 'spool'
  }
  await w.clock.advance(5_000)
  assert.ok(sawSpool)
  assert.ok(most <= BUDGET, `${most} bytes`)
  assert.equal(w.processor.counts.done, 60)
  assert.ok(w.calls.some(c => c.job.source.kind === 'spool'))
  for (const { path, content } of w.calls)
    assert.equal(content, String.fromCharCode(Number(path.slice(1)) + 1).repeat(128 * KIB))
  assert.equal(w.processor.flow, 'flow')
})

test('a file that is larger than half the budget begins on disk', async t => {
  const w = world(t, { settings: { memoryBytes: BUDGET } })
  const [first] = cut('big', Buffer.alloc(BUDGET * 2), { chunkSize: 64 * KIB }).values as [Buffer]
  await w.send(0, first)
  assert.equal(w.store.memoryBytes, 0)
  assert.equal(w.processor.unfinished().assembling[0]?.stored.place, 'disk')
})

test('fault 42: a file of many times the budget passes in disk mode with no memory at all', async t => {
  const w = world(t, { settings: { memoryBytes: BUDGET, mode: 'disk' } })
  w.append(0, ...cut('big', Buffer.alloc(BUDGET * 5, 7), { chunkSize: 256 * KIB }).values)
  assert.equal(await readAll(w), 0)
  await w.clock.advance(2_000)
  assert.equal(w.processor.counts.done, 1)
})

test('files that wait for a retry hold the reading up, and let it go on again', async t => {
  const failedOnce = new Set<string>()
  const settings = { memoryBytes: BUDGET, retries: 3, onError: 'hold' } as const
  const w = world(t, {
    settings,
    plugin({ path }) {
      if (failedOnce.has(path)) return DONE
      failedOnce.add(path)
      return failure('at first')
    },
  })
  for (let i = 0; i < 40; i++)
    w.append(0, ...cut(`f${i}`, Buffer.alloc(200 * KIB), { chunkSize: 64 * KIB }).values)
  const most = await readAll(w, () => w.clock.advance(500))
  await w.clock.advance(10_000)
  assert.equal(w.processor.counts.done, 40)
  assert.ok(most <= BUDGET)
})

test('fault 59: files that are held take no memory', async t => {
  const w = world(t, { settings: { memoryBytes: BUDGET }, plugin: () => failure('always') })
  for (let i = 0; i < 60; i++)
    w.append(0, ...cut(`f${i}`, Buffer.alloc(200 * KIB), { chunkSize: 64 * KIB }).values)
  await readAll(w)
  await w.clock.advance(10_000)
  assert.equal(w.processor.counts.failed, 60)
  const { pauses } = w
  await w.send(0, ...cut('small', 'x').values)
  assert.equal(w.pauses, pauses, 'they hold nothing up')
  assert.equal(w.store.memoryBytes, 0)
  assert.equal(w.processor.flow, 'flow')
})

test('fault 57: when paused partitions are taken away the next ones are read', async t => {
  const w = world(t, { threads: 1, settings: { memoryBytes: BUDGET }, plugin: () => new Promise(() => {}) })
  for (let i = 0; i < 12; i++)
    w.append(0, ...cut(`f${i}`, Buffer.alloc(200 * KIB), { chunkSize: 64 * KIB }).values)
  for (let i = 0; i < 40 && !w.isPaused; i++) await w.read(BATCH)
  assert.ok(w.isPaused)
  await w.revoke({ lost: true })
  assert.equal(w.isPaused, false)
})

test('fault 62: whatever arrives in whatever order, it passes within the budget', async t => {
  const file = fc.record({
    chunks: fc.integer({ min: 1, max: 9 }),
    size: fc.integer({ min: 1, max: 90 * KIB }),
  })
  const budget = 16 * PAGE_BYTES
  await fc.assert(
    fc.asyncProperty(
      fc.array(file, { minLength: 5, maxLength: 25 }),
      fc.infiniteStream(fc.nat()),
      fc.integer({ min: 1, max: 3 }),
      async (files, choices, threads) => {
        const next = (below: number) => (choices.next().value as number) % below
        const slowness = next(4)
        const plugin = async () => {
          for (let i = 0; i < slowness; i++) await settled()
          return DONE
        }
        const w = world(t, { threads, plugin, partitions: 2, settings: { memoryBytes: budget } })
        const values = files.flatMap(({ chunks, size }, i) =>
          cut(`f${i}`, Buffer.alloc(chunks * size, i), { chunkSize: size }).values.map(value => ({
            i,
            value,
          })),
        )
        // Some files one after the other, the rest mixed.
        const mixed = files.map(() => next(3) > 0)
        const order = values.map(({ i }, at) => (mixed[i] ? next(values.length) : at))
        const sorted = values.map((v, at) => ({ ...v, at: order[at] as number })).sort((a, b) => a.at - b.at)
        for (const { value } of sorted) w.append(next(2), value)
        const most = await readAll(w)
        await finish(w)
        assert.equal(w.processor.counts.done, files.length)
        // A chunk of any size takes up to three pages.
        assert.ok(most <= 0.8 * budget + BATCH * 3 * PAGE_BYTES, `${most} bytes`)
        assert.equal(w.store.memoryBytes, 0)
      },
    ),
    { numRuns: 60 },
  )
})
