/** What the journal spares: a second run of a file that was processed and not committed when the process was killed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Call, cut, memoryJournal, world } from './world.ts'

const paths = ({ calls }: { readonly calls: readonly Call[] }) => calls.map(call => call.path)

async function refused(): Promise<void> {
  throw new Error('refused')
}

test('fault 4: with a journal a file whose commit was refused is not run again after a kill', async t => {
  const w = world(t, { journal: memoryJournal() })
  await w.send(0, ...cut('base', 'aaaa').values)
  await w.clock.advance(2_000)
  w.onCommit = refused
  await w.send(0, ...cut('done', 'aaaabbbb').values)
  await w.clock.advance(2_000)
  assert.equal(w.committed.get(0), 1)
  w.crash()
  w.onCommit = undefined
  w.assign()
  await w.read()
  await w.clock.advance(2_000)
  assert.deepEqual(paths(w), ['base', 'done'])
  assert.equal(w.processor.counts.journalled, 1)
  assert.equal(w.committed.get(0), 3)
})

test('the journal is emptied once all is committed', async t => {
  const journal = memoryJournal()
  const w = world(t, { journal })
  await w.send(0, ...cut('a', 'aaaabbbb').values)
  assert.equal(journal.keys.size, 1)
  await w.clock.advance(2_000)
  assert.equal(w.committed.get(0), 2)
  assert.equal(journal.keys.size, 0)
})

test('a commit before everything was read again leaves the journal as it is', async t => {
  const journal = memoryJournal()
  const w = world(t, { partitions: 2, journal })
  w.onCommit = refused
  await w.send(0, ...cut('a', 'aaaabbbb').values)
  await w.clock.advance(2_000)
  w.crash()
  w.onCommit = undefined
  w.assign()
  // Nothing was read yet, and yet there is something to commit: the very first offsets.
  await w.clock.advance(2_000)
  assert.equal(w.committed.get(1), 0)
  assert.equal(journal.keys.size, 1)
  await w.read()
  await w.clock.advance(2_000)
  assert.deepEqual(paths(w), ['a'])
  assert.equal(w.committed.get(0), 2)
})

test('a commit leaves the journal as it is while a file of which it speaks is open', async t => {
  const journal = memoryJournal()
  const w = world(t, { partitions: 2, journal, settings: { mode: 'both' } })
  w.onCommit = refused
  await w.send(0, ...cut('a', 'aaaabbbb').values)
  await w.clock.advance(2_000)
  w.crash()
  w.onCommit = undefined
  // There is no room for it when it is read again: it waits to be read once more.
  w.failWrites = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  w.assign()
  await w.read()
  await w.send(1, null)
  await w.clock.advance(2_000)
  assert.equal(w.committed.get(1), 1)
  assert.equal(w.committed.get(0), 0)
  assert.equal(journal.keys.size, 1)
  w.failWrites = undefined
  for (let seconds = 0; seconds < 30; seconds++) {
    w.processor.tick()
    await w.clock.advance(1_000)
  }
  assert.deepEqual(paths(w), ['a'])
  assert.equal(w.committed.get(0), 2)
})
