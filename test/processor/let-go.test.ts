/** More unfinished files than --memory has room for in the table: which are kept, and what a further start makes of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cut, type World, world } from './world.ts'

const MIB = 1024 * 1024
/** As many records as come at a time. */
const BATCH = 256
/** Paths of some 3,800 bytes, of which few fill the table. */
const longPath = (i: number) => `${Array.from({ length: 15 }, () => 'p'.repeat(250)).join('/')}/${i}`

/** Reads all, and returns how many files were open at most. */
async function readAll(w: World, batch = BATCH): Promise<number> {
  let most = 0
  for (let left = w.log.flat().length; left > 0; left -= batch) {
    await w.clock.advance(10)
    await w.read(batch)
    most = Math.max(most, w.processor.files.byKey.size)
  }
  await w.clock.advance(5_000)
  return most
}

async function startAgain(w: World): Promise<void> {
  w.crash()
  await w.clock.advance(1_000)
  w.assign()
}

test('of more files side by side than fit, each start gets at least a quarter of those that fit done', async t => {
  const run = fc.record({
    files: fc.integer({ min: 1, max: 800 }),
    chunks: fc.integer({ min: 2, max: 3 }),
    partitions: fc.integer({ min: 1, max: 3 }),
    mebibytes: fc.integer({ min: 1, max: 4 }),
  })
  await fc.assert(
    fc.asyncProperty(run, async ({ files, chunks, partitions, mebibytes }) => {
      const w = world(t, { partitions, settings: { memoryBytes: mebibytes * MIB } })
      const sent = Array.from({ length: files }, (_, i) => cut(longPath(i), 'x'.repeat(4 * chunks)))
      for (let chunk = 0; chunk < chunks; chunk++)
        for (const [i, { values }] of sent.entries())
          w.append((i * 7 + chunk) % partitions, values[chunk] as Buffer)
      for (let left = files; left > 0; ) {
        const most = await readAll(w)
        const { done } = w.processor.counts
        assert.ok(done >= Math.min(left, most / 4), `${done} of ${left} done, ${most} were open`)
        left -= done
        if (left > 0) await startAgain(w)
      }
      assert.equal(new Set(w.calls.map(({ path }) => path)).size, files)
      assert.equal(w.calls.length, files)
    }),
    { numRuns: 6 },
  )
})

test('a file that goes on is done, whatever else is begun and never completed', async t => {
  const w = world(t, { settings: { memoryBytes: MIB } })
  const begun = (i: number) => cut(longPath(i), 'aaaabbbb').values[0] as Buffer
  for (let i = 0; i < 800; i++) w.append(0, begun(i))
  let next = 800
  for (const value of cut('good', 'aaaabbbbccccdddd').values) {
    w.append(0, value)
    for (const until = next + 60; next < until; next++) w.append(0, begun(next))
  }
  const most = await readAll(w, 20)
  assert.ok(most < 500, `${most} were open`)
  assert.deepEqual(
    w.calls.map(({ path }) => path),
    ['good'],
  )
})

test('what may be the rest of a file that was let go is not set aside as incomplete', async t => {
  const w = world(t, { settings: { memoryBytes: MIB, onIncomplete: 'skip', incompleteAfterMs: 60_000 } })
  const sent = Array.from({ length: 1_000 }, (_, i) => cut(longPath(i), 'aaaabbbb'))
  for (const chunk of [0, 1]) w.append(0, ...sent.map(({ values }) => values[chunk] as Buffer))
  for (let start = 0; start < 10 && w.calls.length < 1_000; start++) {
    if (start > 0) await startAgain(w)
    await readAll(w)
    for (let i = 0; i < 3; i++) {
      await w.clock.advance(60_000)
      await w.reachEnds()
      await w.tick()
    }
  }
  assert.equal(w.calls.length, 1_000)
  assert.deepEqual(
    w.files().filter(({ result }) => result !== 'ok'),
    [],
  )
})
