/** No room in memory, none on disk: what is evicted is read again, and nothing waits for ever. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PAGE_BYTES } from '../../src/core/page-bytes.ts'
import { cut, deferred, type World, world } from './world.ts'

const BUDGET = 10 * PAGE_BYTES
const FULL = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })

async function seconds(w: World, n: number): Promise<void> {
  for (let i = 0; i < n; i++) {
    await w.clock.advance(1_000)
    await w.tick()
    await w.read(4)
  }
}

/** Twenty files of two pages each, first all first chunks, then all second ones. */
function interleaved(w: World): void {
  const files = Array.from({ length: 20 }, (_, i) =>
    cut(`f${i}`, Buffer.alloc(2 * PAGE_BYTES, i + 1), { chunkSize: PAGE_BYTES }),
  )
  for (const chunk of [0, 1]) for (const { values } of files) w.append(0, values[chunk] as Buffer)
}

test('fault 62: with a full disk the youngest files are evicted, read again later, and all are processed', async t => {
  const w = world(t, { settings: { memoryBytes: BUDGET } })
  w.failWrites = FULL
  interleaved(w)
  // Only the disk is full: what goes to memory is written.
  w.failWritesTo = 'disk'
  let most = 0
  for (let i = 0; i < 200 && w.processor.counts.done < 20; i++) {
    await seconds(w, 1)
    most = Math.max(most, w.store.memoryBytes)
  }
  assert.equal(w.processor.counts.done, 20)
  assert.equal(new Set(w.calls.map(c => c.path)).size, 20)
  assert.ok(w.processor.counts.evicted > 5)
  assert.ok(most <= BUDGET + 4 * PAGE_BYTES, `${most / PAGE_BYTES} pages`)
  for (const { path, content } of w.calls)
    assert.equal(content, String.fromCharCode(Number(path.slice(1)) + 1).repeat(2 * PAGE_BYTES))
  await w.clock.advance(5_000)
  assert.equal(w.committed.get(0), 40)
  assert.equal(w.store.memoryBytes, 0)
})

test('fault 62: memory does not grow where the disk has room for a probe and no more', async t => {
  const w = world(t, { settings: { memoryBytes: BUDGET } })
  Object.assign(w, { failWrites: FULL, failWritesTo: 'disk', sparesProbes: true })
  const files = Array.from({ length: 9 }, (_, i) =>
    cut(`f${i}`, Buffer.alloc(4 * PAGE_BYTES, i + 1), { chunkSize: PAGE_BYTES }),
  )
  // None is whole before the last chunk of all of them.
  for (let chunk = 0; chunk < 4; chunk++) for (const { values } of files) w.append(0, values[chunk] as Buffer)
  let most = 0
  for (let i = 0; i < 400 && w.processor.counts.done < 9; i++) {
    await seconds(w, 1)
    most = Math.max(most, w.store.memoryBytes)
  }
  assert.ok(most <= BUDGET + 4 * PAGE_BYTES, `${most / PAGE_BYTES} pages`)
  assert.equal(w.processor.counts.done, 9)
})

test('fault 60: a disk that takes writes again is used again', async t => {
  const w = world(t, { settings: { memoryBytes: BUDGET } })
  w.failWrites = FULL
  w.failWritesTo = 'disk'
  const hold = Array.from(
    { length: 9 },
    (_, i) => cut(`h${i}`, Buffer.alloc(2 * PAGE_BYTES, 1), { chunkSize: PAGE_BYTES }).values[0] as Buffer,
  )
  await w.send(0, ...hold)
  assert.equal(w.processor.flow, 'spool')
  await w.send(0, ...cut('h0', Buffer.alloc(2 * PAGE_BYTES, 1), { chunkSize: PAGE_BYTES }).values.slice(1))
  w.failWrites = undefined
  await seconds(w, 12)
  assert.ok(w.events.some(e => e.type === 'info' && /takes writes again/.test(e.text)))
  assert.equal(w.processor.blocked, undefined)
  assert.equal(w.processor.counts.done, 1)
})

test('records that retention took before they could be read again make the file incomplete', async t => {
  const w = world(t, { settings: { mode: 'disk', onIncomplete: 'skip' } })
  w.failWrites = FULL
  await w.send(0, ...cut('f', 'aaaabbbb').values)
  if (w.log[0]) w.log[0][0] = null
  w.failWrites = undefined
  await seconds(w, 12)
  const [file] = w.files()
  assert.deepEqual([file?.result, file?.setAside], ['incomplete', 'skipped'])
  assert.match(file?.error ?? '', /deleted/)
})

test('reading again that fails is tried again', async t => {
  const w = world(t, { settings: { mode: 'disk' } })
  w.failWrites = FULL
  await w.send(0, ...cut('f', 'aaaabbbb').values)
  w.failWrites = undefined
  let failures = 2
  w.onRefetch = async () => {
    if (failures-- > 0) throw new Error('broker away')
  }
  await seconds(w, 60)
  assert.equal(w.processor.counts.done, 1)
  assert.equal(w.events.filter(e => e.type === 'problem' && /broker away/.test(e.text)).length, 2)
})

test('what is being read again when the partitions are taken away is forgotten', async t => {
  const w = world(t, { settings: { mode: 'disk' } })
  w.failWrites = FULL
  await w.send(0, ...cut('f', 'aaaabbbb').values)
  w.failWrites = undefined
  const answer = deferred<void>()
  w.onRefetch = () => answer.promise
  await seconds(w, 12)
  assert.equal(w.processor.quiet, false)
  await w.revoke()
  answer.resolve()
  await seconds(w, 2)
  assert.deepEqual(w.calls, [])
  w.onRefetch = undefined
  w.assign()
  await seconds(w, 3)
  assert.equal(w.processor.counts.done, 1)
  assert.equal(w.processor.quiet, true)
})

test('files that are begun and not completed take a quarter of the budget at most: the others are left to the next start', async t => {
  const MIB = 1024 * 1024
  const w = world(t, { settings: { memoryBytes: 8 * MIB, incompleteAfterMs: 1e9 } })
  const good = cut('good', 'aaaabbbb')
  const [first, last] = good.values as [Buffer, Buffer]
  const begun = Array.from({ length: 6_000 }, (_, i) => cut(`begun-${i}`, 'aaaabbbb').values[0] as Buffer)
  await w.send(0, first)
  for (let from = 0; from < begun.length; from += 250) {
    await w.clock.advance(10)
    await w.send(0, ...begun.slice(from, from + 250))
  }
  const open = w.processor.files.count('assembling')
  assert.ok(open < 5_000, `${open} are open`)
  assert.equal(open + w.processor.counts.letGo, 6_001)
  const told = w.events.filter(e => e.type === 'problem' && /too many for --memory/.test(e.text))
  assert.equal(told.length, 1)

  // What comes goes on, and so does what was begun first; what was let go is not taken for done.
  const rest = (i: number) => cut(`begun-${i}`, 'aaaabbbb').values[1] as Buffer
  const paths = () => w.calls.map(call => call.path)
  await w.send(0, ...cut('later', 'x').values, rest(5_999), last, rest(3_000))
  assert.deepEqual(paths(), ['later', 'begun-5999', 'good'])
  await w.clock.advance(5_000)
  assert.equal(w.committed.get(0) ?? 0, 1)
  w.crash()
  w.assign()
  await w.read()
  await w.clock.advance(5_000)
  assert.deepEqual(paths(), ['later', 'begun-5999', 'good', 'begun-3000'])
})

test('one file that neither memory nor disk has room for is no endless wait, and holds up no other', async t => {
  const w = world(t, { settings: { memoryBytes: BUDGET } })
  Object.assign(w, { failWrites: FULL, failWritesTo: 'disk', sparesProbes: true })
  const large = cut('large', Buffer.alloc(2 * BUDGET, 1), { chunkSize: PAGE_BYTES })
  await w.send(0, ...large.values, ...cut('small', 'x').values)
  await seconds(w, 5)
  assert.equal(w.processor.counts.done, 1)
  let waited = 0
  while (waited < 60 && w.processor.starved === undefined) {
    await seconds(w, 1)
    waited++
  }
  assert.ok(waited < 30, `${waited} s`)
  assert.match(w.processor.starved?.reason ?? '', /ENOSPC/)
  assert.ok((w.processor.starved?.probes ?? 0) > 0)
  assert.equal(w.processor.blocked, undefined, 'reading goes on')
  await w.send(0, ...cut('later', 'x').values)
  await seconds(w, 1)
  assert.equal(w.processor.counts.done, 2)
  w.failWrites = undefined
  await seconds(w, 30)
  assert.equal(w.processor.starved, undefined)
  assert.equal(w.processor.counts.done, 3)
})

test('a disk that has room for a probe and for no file counts as one that takes nothing', async t => {
  const w = world(t, { settings: { mode: 'disk' } })
  w.failWrites = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  w.sparesProbes = true
  await w.send(0, ...cut('f', 'aaaabbbb').values)
  for (let i = 0; i < 60 && (w.processor.blocked?.probes ?? 0) === 0; i++) {
    await w.clock.advance(1_000)
    await w.tick()
  }
  assert.match(w.processor.blocked?.reason ?? '', /ENOSPC/)
  assert.ok((w.processor.blocked?.probes ?? 0) > 0)
  w.failWrites = undefined
  for (let i = 0; i < 30; i++) {
    await w.clock.advance(1_000)
    await w.tick()
  }
  assert.deepEqual(
    w.calls.map(call => call.content),
    ['aaaabbbb'],
  )
})
