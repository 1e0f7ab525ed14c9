/** What a restart does again and what it does not: the commit record at work. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskResult } from '../../src/plugin/messages.ts'
import { decodeCommitRecord } from '../support/commit-record.ts'
import { type Call, cut, DONE, failure, type Sent, type World, type WorldOptions, world } from './world.ts'

const paths = (w: World) => w.calls.map(call => call.path)
/** A plugin that fails for these paths. */
const failingFor = (...names: string[]): NonNullable<WorldOptions['plugin']> => {
  return ({ path }: Call) => (names.includes(path) ? failure('no') : DONE)
}

/** Kills the process and starts it again here, or on another host: nothing is left but the broker. */
async function restart(w: World): Promise<void> {
  w.crash()
  w.assign()
  await w.read()
  await w.clock.advance(5_000)
}

test('fault 6: finished files above one that failed do not run again after a kill', async t => {
  const w = world(t, { partitions: 3, plugin: failingFor('bad') })
  const bad = cut('bad', 'aaaabbbbcccc')
  const good = ['x', 'y', 'z'].map(name => cut(name, `${name}aaabbbbccccdddd`))
  w.append(0, bad.values[0] as Buffer)
  w.append(1, bad.values[1] as Buffer)
  w.append(2, bad.values[2] as Buffer)
  for (const { values } of good) for (const [i, value] of values.entries()) w.append(i % 3, value)
  await w.read()
  await w.clock.advance(5_000)
  assert.deepEqual(paths(w).sort(), ['bad', 'x', 'y', 'z'])
  assert.deepEqual([...w.committed.values()], [0, 0, 0])
  await restart(w)
  assert.deepEqual(paths(w).slice(4), ['bad'])
  assert.equal(w.processor.counts.replayed, 12)
  assert.deepEqual(w.processor.unfinished().assembling, [])
})

test('fault 6: the same again and again, however often it is killed', async t => {
  const w = world(t, { partitions: 2, plugin: failingFor('bad') })
  const bad = cut('bad', 'aaaabbbb')
  w.append(0, bad.values[0] as Buffer)
  for (let i = 0; i < 40; i++) {
    const file = cut(`f${i}`, `${i}aaabbbbcccc`.slice(0, 12))
    for (const [n, value] of file.values.entries()) w.append((n + i) % 2, value)
  }
  w.append(1, bad.values[1] as Buffer)
  await w.read()
  await w.clock.advance(5_000)
  for (let life = 0; life < 4; life++) {
    w.crash()
    w.assign()
    // Killed while it reads again: what is not read yet must not be forgotten.
    await w.read(7 * life + 3)
    w.processor.partitionEnd(0, 0)
    await w.clock.advance(5_000)
  }
  await restart(w)
  for (let i = 0; i < 40; i++) assert.equal(paths(w).filter(path => path === `f${i}`).length, 1, `f${i}`)
})

test('a commit while records are read again says of the unread ones what the last one said', async t => {
  const w = world(t, { plugin: failingFor('bad') })
  const file = (name: string) => cut(name, 'x').values
  await w.send(0, ...file('bad'), ...file('a'), ...file('b'), ...file('late'), ...file('c'))
  await w.clock.advance(5_000)
  w.crash()
  w.assign()
  await w.read(2) // bad and a
  w.processor.ledger.touch(0)
  await w.clock.advance(5_000)
  const before = paths(w).length
  await restart(w)
  assert.deepEqual(paths(w).slice(before), ['bad'])
})

test('an attempt that no other can better counts after a restart, too', async t => {
  const refusal = { kind: 'io-error', message: 'the path cannot be written', code: '' } as const
  const w = world(t, { plugin: () => refusal })
  await w.clock.advance(5_000)
  await w.send(0, ...cut('refused', 'aaaa').values)
  await w.clock.advance(5_000)
  const said = decodeCommitRecord(w.metadata.get(0)?.slice(0, -1))
  assert.deepEqual([...(said?.attempts.values() ?? [])], [1])
})

test('with --reprocess-identical a file that is finished while records are read again does not run once more', async t => {
  let refuses = true
  const w = world(t, {
    settings: { reprocessIdentical: true },
    plugin: ({ path }) => (path === 'bad' || (path === 'later' && refuses) ? failure('no') : DONE),
  })
  const bad = cut('bad', 'x'.repeat(120)).values
  const later = cut('later', 'aaaabbbb').values
  const single = Array.from({ length: 30 }, (_, i) => cut(`f${i}`, `${i}`).values[0] as Buffer)
  // So many runs that the commit names the files that are open instead.
  const mixed = bad.flatMap((value, i) => [value, ...single.slice(i, i + 1 + (i % 2))])
  await w.send(0, ...mixed.slice(0, 10), ...later, ...mixed.slice(10))
  await w.clock.advance(5_000)
  const isNamed = () => decodeCommitRecord(w.metadata.get(0)?.slice(0, -1))?.unresolved.kind === 'files'
  assert.ok(isNamed())
  refuses = false
  w.crash()
  w.assign()
  await w.read(14)
  await w.clock.advance(5_000)
  assert.ok(isNamed())
  const before = paths(w).length
  assert.equal(paths(w)[before - 1], 'later')
  await restart(w)
  assert.deepEqual(paths(w).slice(before), ['bad'])
  assert.deepEqual(w.processor.unfinished().assembling, [])
})

test('records that were set aside, filtered or empty stay so after a restart', async t => {
  const settings = { retries: 0, onError: 'skip', files: /^(?!no)/ } as const
  const plugin = () => new Promise<never>(() => {})
  const w = world(t, { settings, plugin, threads: 1 })
  await w.send(0, ...cut('stuck', 'x').values, Buffer.from('junk'), null, ...cut('no', 'x').values)
  await w.clock.advance(5_000)
  assert.equal(w.committed.get(0), 0)
  const told = w.events.length
  await restart(w)
  assert.equal(w.events.slice(told).filter(event => event.type === 'undecodable').length, 0)
  assert.equal(w.processor.counts.undecodable, 0)
})

test('attempts go on counting after a restart, and a file that was given up gets one more', async t => {
  const settings = { retries: 2, onError: 'hold' } as const
  const w = world(t, { settings, plugin: failingFor('bad') })
  await w.send(0, ...cut('bad', 'x').values)
  await w.clock.advance(30_000)
  await restart(w)
  await w.clock.advance(30_000)
  assert.deepEqual(
    w.calls.map(call => [call.job.attempt, call.job.final]),
    [
      [1, false],
      [2, false],
      [3, true],
      [4, true],
    ],
  )
  const [first, ...others] = w.calls.map(call => call.job.deliveryId)
  assert.ok(others.every(id => id === first))
})

test('an attempt that ran when the process was killed counts; one that the environment ended does not', async t => {
  const never = new Promise<TaskResult>(() => {})
  const w = world(t, {
    plugin: ({ path, job }) => {
      if (path === 'deadly') return job.attempt === 1 ? never : DONE
      if (path !== 'unlucky' || w.calls.filter(call => call.path === path).length > 1) return DONE
      return {
        kind: 'failed',
        fault: { message: 'disk full', frames: [], environment: true },
        hookCalled: true,
      }
    },
  })
  await w.send(0, ...cut('deadly', 'x').values, ...cut('unlucky', 'x').values, ...cut('good', 'x').values)
  for (let i = 0; i < 15; i++) {
    await w.clock.advance(1_000)
    await w.tick()
  }
  await restart(w)
  assert.deepEqual(
    w.calls.map(call => [call.path, call.job.attempt]),
    [
      ['deadly', 1],
      ['unlucky', 1],
      ['good', 1],
      ['unlucky', 1],
      ['deadly', 2],
    ],
  )
})

test('fault 65: metadata that is damaged counts as absent, is told once, and nothing is skipped', async t => {
  const w = world(t, { plugin: failingFor('bad') })
  await w.send(0, ...cut('bad', 'x').values, ...cut('good', 'x').values)
  await w.clock.advance(5_000)
  const record = w.metadata.get(0) as string
  w.metadata.set(0, `${record.slice(0, 8)}${record[8] === 'A' ? 'B' : 'A'}${record.slice(9)}`)
  await restart(w)
  assert.deepEqual(paths(w), ['bad', 'good', 'bad', 'good'])
  assert.equal(w.events.filter(e => e.type === 'problem' && /read again/.test(e.text)).length, 1)
})

test('fault 65: of a position beyond the end of the log nothing is believed', async t => {
  const w = world(t, { plugin: failingFor('bad') })
  await w.send(0, ...cut('bad', 'x').values, ...cut('good', 'x').values)
  await w.clock.advance(5_000)
  w.log[0]?.splice(1)
  w.append(0, ...cut('new', 'x').values)
  w.log[0]?.splice(1, 1)
  await restart(w)
  w.append(0, ...cut('new', 'x').values)
  await w.read()
  await w.clock.advance(5_000)
  assert.equal(paths(w).filter(path => path === 'new').length, 1)
})

test('fault 39: a file that is sent again while dfsp restarts is not left over in part', async t => {
  const w = world(t, { partitions: 2, plugin: failingFor('bad') })
  const file = cut('f', 'aaaabbbbccccdddd')
  await w.send(1, ...file.values)
  await w.send(0, file.values[0] as Buffer, file.values[1] as Buffer)
  await w.clock.advance(5_000)
  w.append(0, file.values[2] as Buffer, file.values[3] as Buffer)
  await restart(w)
  assert.deepEqual(paths(w), ['f'])
  assert.deepEqual(w.processor.unfinished().assembling, [])
  assert.equal(w.committed.get(0), 4)
})

test('fault 67: chunks of a file that a valid record calls finished are passed over in time', async t => {
  const settings = { incompleteAfterMs: 60_000 }
  const w = world(t, { partitions: 2, plugin: failingFor('bad'), settings })
  const [bad, good] = [cut('bad', 'aaaabbbb'), cut('good', 'aaaabbbb')] as [Sent, Sent]
  for (const p of [0, 1]) w.append(p, bad.values[p] as Buffer, good.values[p] as Buffer)
  // More than a commit names of those that were finished last.
  for (let i = 0; i < 40; i++) w.append(1, ...cut(`f${i}`, 'x').values)
  await w.read()
  await w.clock.advance(5_000)
  w.metadata.set(1, '') // a tool has set the offset of this partition anew
  await restart(w)
  await w.reachEnds()
  await w.clock.advance(61_000)
  await w.tick()
  assert.equal(paths(w).filter(path => path === 'good').length, 1)
  assert.deepEqual(
    w
      .files()
      .filter(f => f.path === 'good')
      .map(f => f.result),
    ['ok', 'late'],
  )
})

test('fault 66: while a record does not fit nothing is committed, and it is told; then all is', async t => {
  const w = world(t, { settings: { onIncomplete: 'skip', incompleteAfterMs: 60_000 } })
  // Neither the runs of resolved records nor so many unfinished files fit: 1 to 16 chunks each, 1 to 4 empty records.
  let random = 1
  const next = (below: number) => {
    random = (random * 48_271) % 2_147_483_647
    return random % below
  }
  for (let i = 0; i < 5_000; i++) {
    const { values } = cut(`open${i}`, `${i}`.padStart(17), { chunkSize: 1 })
    w.append(0, ...values.slice(0, 1 + next(16)), ...Array<null>(1 + next(4)).fill(null))
  }
  await w.read()
  await w.clock.advance(5_000)
  assert.equal(w.committed.get(0) ?? 0, 0)
  const told = () => w.events.flatMap(e => (e.type === 'problem' || e.type === 'info' ? [e.text] : []))
  assert.equal(told().filter(text => /commits wait/.test(text)).length, 1)
  assert.ok(w.processor.quiet, 'a finite run may end')
  await w.reachEnds()
  await w.clock.advance(61_000)
  await w.tick()
  await w.clock.advance(5_000)
  assert.equal(w.committed.get(0), w.log[0]?.length)
  assert.equal(told().filter(text => /commits go on/.test(text)).length, 1)
  assert.ok(decodeCommitRecord(w.metadata.get(0)?.slice(0, -1)))
})
