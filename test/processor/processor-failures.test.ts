/** Files and records that cannot be processed: retries, policies, damaged content, junk. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskResult } from '../../src/plugin/messages.ts'
import { sha512 } from '../support/files.ts'
import { cut, DONE, deferred, failure, type Sent, type WorldOptions, world } from './world.ts'

const SKIP = { retries: 0, onError: 'skip' } as const
const STOP = { retries: 0, onError: 'stop' } as const

/** A plugin that fails `times` times, then succeeds. */
function failing(times: number): NonNullable<WorldOptions['plugin']> {
  let left = times
  return () => (left-- > 0 ? failure('no columns') : DONE)
}

// ---- the plugin fails

test('fault 50: a failed attempt is repeated after 1 s, 2 s, 4 s, then its policy follows', async t => {
  const settings = { retries: 3, onError: 'hold' } as const
  const w = world(t, { settings, plugin: () => failure('no columns') })
  const started = w.clock.now()
  const at: number[] = []
  await w.send(0, ...cut('f', 'x').values)
  for (let seconds = 0; seconds < 60; seconds++) {
    while (at.length < w.calls.length) at.push(w.clock.now() - started)
    await w.clock.advance(1_000)
  }
  assert.deepEqual(at, [0, 1_000, 3_000, 7_000])
  assert.deepEqual(
    w.calls.map(c => [c.job.attempt, c.job.final]),
    [
      [1, false],
      [2, false],
      [3, false],
      [4, true],
    ],
  )
  assert.deepEqual(
    w.events.filter(e => e.type === 'retry').map(e => [e.attempt, e.delayMs]),
    [
      [1, 1_000],
      [2, 2_000],
      [3, 4_000],
    ],
  )
  const [held] = w.files()
  assert.deepEqual(
    [held?.result, held?.setAside, held?.attempt, held?.error],
    ['failed', 'held', 4, 'no columns'],
  )
  assert.equal(w.committed.get(0) ?? 0, 0)
  assert.equal(w.store.memoryBytes, 0)
})

const IN_THE_WAY = 'run7 is a file, a folder is needed there'
for (const [who, answer] of Object.entries<TaskResult>({
  'the plugin': {
    kind: 'failed',
    hookCalled: true,
    fault: { message: IN_THE_WAY, frames: [], ofItsPath: true },
  },
  dfsp: { kind: 'io-error', message: IN_THE_WAY, code: 'ENOTDIR', path: 'run7/b' },
}))
  test(`files in whose own path something stands, as ${who} finds, do not stop the others, also while all is paused`, async t => {
    let isAway = false
    const away: TaskResult = {
      kind: 'failed',
      hookCalled: true,
      fault: { message: 'away', frames: [], environment: true },
    }
    const settings = { retries: 0, onError: 'hold', breaker: 3 } as const
    const w = world(t, {
      settings,
      plugin: ({ path }) => (path.startsWith('run7/') ? answer : isAway ? away : DONE),
    })
    const paused = () => w.processor.blocked?.reason
    for (let i = 0; i < 15; i++) await w.send(0, ...cut(`run7/b${i}`, 'x').values)
    await w.send(0, ...cut('other/0', 'x').values)
    assert.equal(paused(), undefined)
    assert.equal(w.processor.counts.done, 1)
    assert.equal(w.processor.counts.failed, 15)
    isAway = true
    await w.send(0, ...cut('other/1', 'x').values)
    assert.equal(paused(), 'away')
    await w.send(0, ...cut('run7/c', 'x').values, ...cut('other/2', 'x').values)
    isAway = false
    for (let second = 0; second < 60 && w.processor.counts.done < 3; second++) {
      await w.clock.advance(1_000)
      await w.tick()
      await w.read()
    }
    assert.equal(paused(), undefined)
    assert.deepEqual([w.processor.counts.done, w.processor.counts.failed], [3, 16])
  })

test('fault 50: a retry that succeeds resolves the file as if nothing had been', async t => {
  const settings = { retries: 5, onError: 'hold' } as const
  const w = world(t, { settings, plugin: failing(2) })
  await w.send(0, ...cut('f', 'aaaabbbb').values)
  await w.clock.advance(10_000)
  assert.deepEqual(
    w.files().map(f => [f.result, f.attempt]),
    [['ok', 3]],
  )
  assert.equal(w.processor.counts.failed, 0)
  assert.equal(w.committed.get(0), 2)
})

test('fault 58: a held file pins its offset, later files go on, and a restart runs it and them again', async t => {
  const w = world(t, { plugin: ({ path }) => (path === 'bad' ? failure('x') : DONE) })
  await w.send(0, ...cut('good', 'x').values, ...cut('bad', 'x').values, ...cut('later', 'x').values)
  await w.clock.advance(10_000)
  assert.deepEqual(
    w.calls.map(c => c.path),
    ['good', 'bad', 'later'],
  )
  assert.equal(w.committed.get(0), 1)
  w.crash()
  w.assign()
  await w.read()
  assert.equal(w.calls.filter(c => c.path === 'bad').length, 2)
  assert.equal(w.calls.filter(c => c.path === 'good').length, 1)
})

test('by the policy skip a failed file is resolved, counted and told', async t => {
  const w = world(t, { settings: SKIP, plugin: failing(1) })
  await w.send(0, ...cut('bad', 'x').values, ...cut('good', 'x').values)
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.files().map(f => [f.path, f.result, f.setAside]),
    [
      ['bad', 'failed', 'skipped'],
      ['good', 'ok', undefined],
    ],
  )
  assert.equal(w.committed.get(0), 2)
  const { failed, skipped, done } = w.processor.counts
  assert.deepEqual({ failed, skipped, done }, { failed: 1, skipped: 1, done: 1 })
})

test('by the policy stop the run ends, and the file is held', async t => {
  const w = world(t, { settings: STOP, plugin: failing(1) })
  await w.send(0, ...cut('a/bad', 'x').values)
  await w.clock.advance(2_000)
  assert.deepEqual(w.stops, ['a/bad: no columns'])
  assert.equal(w.committed.get(0) ?? 0, 0)
})

test('fault 52: for an attempt whose thread is gone the hook is called elsewhere, once', async t => {
  const answers: TaskResult[] = [failure('process.exit', false), failure('thrown', true), DONE]
  const settings = { retries: 5, onError: 'hold' } as const
  const w = world(t, { settings, hooks: ['onFailure'], plugin: () => answers.shift() as TaskResult })
  await w.send(0, ...cut('f', 'x').values)
  await w.clock.advance(10_000)
  assert.deepEqual(
    w.hooksRun.map(task => task.kind === 'onFailure' && [task.fault.message, task.file.attempt]),
    [['process.exit', 1]],
  )
})

test('fault 60: a disk that is full for the verified file is no failure of the file', async t => {
  const answers: TaskResult[] = [{ kind: 'io-error', message: 'ENOSPC: no space left', code: 'ENOSPC' }, DONE]
  const w = world(t, { plugin: () => answers.shift() as TaskResult })
  await w.send(0, ...cut('f', 'x').values)
  assert.match(w.processor.blocked?.reason ?? '', /ENOSPC/)
  assert.equal(w.isPaused, true)
  await w.clock.advance(10_000)
  await w.tick()
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(c => c.job.attempt),
    [1, 1],
  )
  assert.equal(w.processor.blocked, undefined)
  assert.equal(w.isPaused, false)
  assert.equal(w.committed.get(0), 1)
})

test('what dfsp cannot store of this file alone is retried, and told as dfsp’s own', async t => {
  const answers: TaskResult[] = [{ kind: 'io-error', message: 'EACCES: not allowed', code: 'EACCES' }, DONE]
  const settings = { retries: 1, onError: 'hold' } as const
  const w = world(t, { settings, plugin: () => answers.shift() as TaskResult })
  await w.send(0, ...cut('f', 'x').values)
  await w.clock.advance(2_000)
  assert.match(w.events.find(e => e.type === 'retry')?.error ?? '', /^dfsp could not store it: EACCES/)
  assert.equal(w.committed.get(0), 1)
})

test('fault 32: a duplicate of a file that is held or waits resolves with it, never before', async t => {
  const settings = { retries: 1, onError: 'hold' } as const
  const w = world(t, { settings, plugin: () => failure('x') })
  const file = cut('f', 'x')
  await w.send(0, ...file.values)
  await w.send(0, ...file.values) // waits
  await w.clock.advance(5_000)
  await w.send(0, ...file.values) // is held
  await w.clock.advance(5_000)
  assert.equal(w.calls.length, 2)
  assert.equal(w.committed.get(0) ?? 0, 0)
})

// ---- damaged content

/** A file whose chunk `index` carries other bytes than its digest says. */
function damaged(path: string, text: string, index: number): { readonly bad: Sent; readonly good: Sent } {
  const change = (chunk: { readonly index: number; readonly data: Uint8Array }) =>
    chunk.index === index ? { data: Buffer.alloc(chunk.data.length, 0x21) } : {}
  return { bad: cut(path, text, { change }), good: cut(path, text) }
}

test('fault 37: a file with another SHA-512 never reaches the plugin', async t => {
  const w = world(t)
  const wrong = cut('f', 'aaaabbbb', { change: () => ({ fileHash: sha512(Buffer.from('other')) }) })
  await w.send(0, ...wrong.values)
  await w.clock.advance(2_000)
  assert.deepEqual(w.calls, [])
  const [file] = w.files()
  assert.deepEqual([file?.result, file?.setAside], ['mismatch', 'held'])
  assert.match(file?.error ?? '', /each chunk is right by itself/)
  assert.equal(w.committed.get(0) ?? 0, 0)
  assert.equal(w.processor.counts.mismatched, 1)
})

test('fault 36: the damaged chunk is named', async t => {
  const w = world(t)
  await w.send(0, ...damaged('f', 'aaaabbbbcccc', 2).bad.values)
  await w.clock.advance(2_000)
  assert.match(w.files()[0]?.error ?? '', /chunk 2 of 3 is damaged/)
})

test('of many damaged chunks the first are named, and how many more there are', async t => {
  const w = world(t)
  const change = ({ data }: { readonly data: Uint8Array }) => ({ data: Buffer.alloc(data.length, 0x21) })
  await w.send(0, ...cut('f', 'a'.repeat(400), { change }).values)
  await w.clock.advance(2_000)
  assert.match(w.files()[0]?.error ?? '', /: chunk 1, 2, 3, .*, 20 and 80 more of 100 is damaged$/)
})

for (const mode of ['memory', 'disk'] as const)
  test(`fault 36: a later good copy of the damaged chunk heals the file (${mode})`, async t => {
    const w = world(t, { settings: { mode } })
    const { bad, good } = damaged('f', 'aaaabbbbcccc', 2)
    await w.send(0, ...bad.values)
    await w.clock.advance(2_000)
    await w.send(0, good.values[1] as Buffer)
    await w.clock.advance(2_000)
    assert.deepEqual(
      w.calls.map(c => c.content),
      ['aaaabbbbcccc'],
    )
    assert.equal(w.committed.get(0), 4)
    const { done, mismatched } = w.processor.counts
    assert.deepEqual({ done, mismatched }, { done: 1, mismatched: 0 })
    assert.equal(w.store.memoryBytes, 0)
  })

test('fault 36: a good copy that comes before the file is whole heals it as well', async t => {
  const w = world(t)
  const { bad, good } = damaged('f', 'aaaabbbbcccc', 2)
  await w.send(
    0,
    bad.values[1] as Buffer,
    good.values[1] as Buffer,
    good.values[0] as Buffer,
    good.values[2] as Buffer,
  )
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(c => c.content),
    ['aaaabbbbcccc'],
  )
})

test('fault 36: a bad copy spoils no good chunk, before or after', async t => {
  const w = world(t)
  const { bad, good } = damaged('f', 'aaaabbbbcccc', 2)
  await w.send(
    0,
    good.values[1] as Buffer,
    bad.values[1] as Buffer,
    good.values[0] as Buffer,
    good.values[2] as Buffer,
  )
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(c => c.content),
    ['aaaabbbbcccc'],
  )

  await w.send(0, ...damaged('g', 'aaaabbbbcccc', 2).bad.values)
  await w.send(0, damaged('g', 'aaaabbbbcccc', 2).bad.values[1] as Buffer)
  await w.clock.advance(2_000)
  assert.equal(w.calls.length, 1, 'another bad copy heals nothing')
  assert.equal(w.files().filter(f => f.path === 'g').length, 1, 'nor is the file looked at again')
})

test('fault 36: a file that was sent again whole after it was damaged is processed', async t => {
  const w = world(t)
  const { bad, good } = damaged('f', 'aaaabbbbcccc', 3)
  await w.send(0, ...bad.values)
  await w.clock.advance(2_000)
  await w.send(0, ...good.values)
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(c => c.content),
    ['aaaabbbbcccc'],
  )
  assert.equal(w.committed.get(0), 6)
})

test('a healed file that then fails counts as failed, and as nothing else', async t => {
  const w = world(t, { plugin: () => failure('no columns') })
  const { bad, good } = damaged('f', 'aaaabbbb', 2)
  await w.send(0, ...bad.values)
  await w.clock.advance(2_000)
  await w.send(0, good.values[1] as Buffer)
  await w.clock.advance(2_000)
  const { done, mismatched, failed } = w.processor.counts
  assert.deepEqual({ done, mismatched, failed }, { done: 0, mismatched: 0, failed: 1 })
})

test('by the policy skip a damaged file is resolved and counted', async t => {
  const w = world(t, { settings: SKIP })
  await w.send(0, ...damaged('f', 'aaaabbbb', 1).bad.values)
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.files().map(f => [f.result, f.setAside]),
    [['mismatch', 'skipped']],
  )
  assert.equal(w.committed.get(0), 2)
  assert.equal(w.store.memoryBytes, 0)
})

for (const [what, change, says] of [
  ['a gap', { 2: 5 }, /a gap before chunk 2: it begins at byte 5/],
  ['an overlap', { 2: 3 }, /an overlap at chunk 2: it begins at byte 3/],
  ['an offset far away', { 2: 2 ** 40 }, /a gap before chunk 3/],
] as const)
  test(`fault 44: chunks with ${what} make no file, and the plugin is not called`, async t => {
    const w = world(t)
    const offsets = change as Readonly<Record<number, number>>
    const file = cut('f', 'aaaabbbbcccc', {
      change: chunk => (offsets[chunk.index] === undefined ? {} : { offset: offsets[chunk.index] as number }),
    })
    await w.send(0, ...file.values)
    await w.clock.advance(2_000)
    assert.deepEqual(w.calls, [])
    assert.match(w.files()[0]?.error ?? '', says)
    assert.equal(w.files()[0]?.setAside, 'held')
    assert.equal(w.committed.get(0) ?? 0, 0)
    assert.equal(w.store.memoryBytes, 0)
  })

test('fault 43: a count that differs between chunks makes two files that are not whole', async t => {
  const w = world(t)
  const file = cut('f', 'aaaabbbb', { change: chunk => ({ total: chunk.index === 1 ? 2 : 3 }) })
  await w.send(0, ...file.values)
  await w.clock.advance(2_000)
  assert.deepEqual(w.calls, [])
  assert.equal(w.processor.unfinished().assembling.length, 2)
})

test('a file that does not fit into one Buffer is held with the way out', async t => {
  const w = world(t, { settings: { largestBuffer: 10 } })
  await w.send(0, ...cut('f', 'more than ten bytes').values)
  await w.clock.advance(2_000)
  assert.match(w.files()[0]?.error ?? '', /--mode disk/)
  assert.deepEqual(w.calls, [])
  assert.equal(w.store.memoryBytes, 0)
})

// ---- junk

test('fault 47: tombstones and empty values are resolved and counted', async t => {
  const w = world(t)
  await w.send(0, null, Buffer.alloc(0), ...cut('f', 'x').values)
  await w.clock.advance(2_000)
  assert.equal(w.committed.get(0), 3)
  assert.equal(w.processor.counts.empty, 2)
  assert.equal(w.processor.counts.undecodable, 0)
})

for (const [what, value] of [
  ['fault 46: junk', Buffer.from([0xc1, 0xff, 0x00])],
  ['fault 48: a foreign message', Buffer.from('{"temperature": 4}')],
  ['fault 45: a name that leaves its root', cut('../../etc/passwd', 'x').values[0] as Buffer],
  ["fault 45: the name of dfsp's own log", cut('LOGS/save.log', 'x').values[0] as Buffer],
  [
    "fault 45: the name of dfsp's own journal",
    cut('.dfsp-journal-0123456789abcdef', 'x').values[0] as Buffer,
  ],
] as const)
  test(`${what} is held: its offset stays, everything else goes on`, async t => {
    const w = world(t)
    await w.send(0, ...cut('a', 'x').values, value, ...cut('b', 'x').values)
    await w.clock.advance(2_000)
    assert.deepEqual(
      w.calls.map(c => c.path),
      ['a', 'b'],
    )
    assert.equal(w.committed.get(0), 1)
    const [event] = w.events.filter(e => e.type === 'undecodable')
    assert.deepEqual(
      [event?.partition, event?.offset, event?.bytes, event?.setAside],
      [0, 1, value.length, 'held'],
    )
    assert.equal(w.processor.counts.undecodable, 1)
  })

test("fault 45: a file of a name of dfsp's own that --files leaves out is passed over as any other", async t => {
  const w = world(t, { settings: { files: /^a/ } })
  await w.send(0, ...cut('LOGS/x.csv', 'x').values, ...cut('a', 'x').values)
  await w.clock.advance(2_000)
  assert.equal(w.committed.get(0), 2)
  assert.deepEqual([w.processor.counts.filtered, w.processor.counts.undecodable], [1, 0])
})

test('fault 46: by the policy skip junk is resolved and counted', async t => {
  const w = world(t, { settings: SKIP })
  await w.send(0, Buffer.from('junk'), ...cut('b', 'x').values)
  await w.clock.advance(2_000)
  assert.equal(w.committed.get(0), 2)
  assert.deepEqual(
    w.events.filter(e => e.type === 'undecodable').map(e => e.setAside),
    ['skipped'],
  )
})

test('fault 46: by the policy stop junk ends the run, and is named', async t => {
  const w = world(t, { settings: STOP })
  await w.send(0, Buffer.from('junk'))
  assert.match(w.stops[0] ?? '', /^undecodable record xrd\[0\]@0: not a msgpack array/)
})

test('onUndecodable is told how the value begins, whatever its size', async t => {
  const w = world(t, { hooks: ['onUndecodable'] })
  await w.send(0, Buffer.alloc(5_000, 0x61))
  const [task] = w.hooksRun
  assert.ok(task?.kind === 'onUndecodable')
  const { head, ...record } = task.record
  assert.equal(head.length, 1_024)
  assert.deepEqual(
    { ...record, reason: '' },
    { topic: 'xrd', partition: 0, offset: 0, reason: '', size: 5_000 },
  )
})

test('a topic of junk costs no memory: calls of the hook that find no room are left out, later ones are not', async t => {
  const w = world(t, { hooks: ['onUndecodable'] })
  for (let i = 0; i < 1_000; i++) w.append(0, Buffer.from('junk'))
  await w.read()
  assert.ok(w.hooksRun.length < 1_000)
  const before = w.hooksRun.length
  await w.send(0, Buffer.from('junk'))
  assert.equal(w.hooksRun.length, before + 1)
})

test('without the hook no thread is troubled with junk', async t => {
  const w = world(t)
  await w.send(0, Buffer.from('junk'))
  assert.deepEqual(w.hooksRun, [])
})

test('fault 36: a good copy that came while the damaged file was at work heals it, too', async t => {
  const w = world(t, { settings: SKIP })
  const examined = deferred<void>()
  w.onExamine = () => examined.promise
  const { bad, good } = damaged('f', 'aaaabbbbcccc', 2)
  await w.send(0, ...bad.values)
  await w.send(0, good.values[1] as Buffer)
  examined.resolve()
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(call => [call.content, call.job.attempt]),
    [['aaaabbbbcccc', 1]],
  )
  assert.equal(w.committed.get(0), 4)
  assert.equal(w.processor.counts.mismatched, 0)
})

test('fault 36: a copy that is as bad as the first heals nothing, and the next good one does', async t => {
  const w = world(t)
  const examined = deferred<void>()
  w.onExamine = () => examined.promise
  const { bad, good } = damaged('f', 'aaaabbbbcccc', 2)
  await w.send(0, ...bad.values)
  await w.send(0, bad.values[1] as Buffer)
  examined.resolve()
  await w.clock.advance(2_000)
  assert.match(w.files()[0]?.error ?? '', /chunk 2 of 3 is damaged in every copy/)
  await w.send(0, good.values[1] as Buffer)
  await w.clock.advance(2_000)
  assert.equal(w.calls.length, 1)
  assert.equal(w.processor.counts.mismatched, 0)
  assert.equal(w.committed.get(0), 5)
})

// ---- the disk, and a log that went back

test('fault 60: a disk that is full pauses the reading, and it goes on by itself', async t => {
  const w = world(t, { settings: { mode: 'disk' } })
  w.failWrites = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  await w.send(0, ...cut('f', 'aaaabbbb').values)
  await w.clock.advance(2_000)
  assert.deepEqual(w.stops, [])
  assert.equal(w.isPaused, true)
  assert.match(w.processor.blocked?.reason ?? '', /ENOSPC/)
  assert.equal(w.committed.get(0) ?? 0, 0)
  w.failWrites = undefined
  await w.clock.advance(10_000)
  await w.tick()
  await w.clock.advance(2_000)
  assert.equal(w.isPaused, false)
  assert.deepEqual(
    w.calls.map(c => c.content),
    ['aaaabbbb'],
  )
  assert.equal(w.committed.get(0), 2)
  assert.equal(w.processor.blocked, undefined)
})

test('fault 44: an offset that no file system takes concerns its file alone', async t => {
  const w = world(t, { settings: { mode: 'disk' } })
  w.failWrites = Object.assign(new Error('EFBIG: file too large, write'), { code: 'EFBIG' })
  await w.send(0, ...cut('f', 'aaaabbbb').values)
  w.failWrites = undefined
  await w.send(0, ...cut('g', 'x').values)
  await w.clock.advance(2_000)
  assert.deepEqual(w.stops, [])
  assert.deepEqual(
    w.files().map(f => [f.path, f.result]),
    [
      ['f', 'failed'],
      ['g', 'ok'],
    ],
  )
})

test('fault 28: an offset below one that was read ends the run with both, and leaves no file behind', async t => {
  const w = world(t)
  await w.send(0, ...cut('a', 'x').values, ...cut('b', 'x').values)
  const [value] = cut('c', 'aaaabbbb').values as [Buffer]
  w.processor.records([{ partition: 0, offset: 0, timestamp: 0, value }])
  assert.match(w.stops[0] ?? '', /^xrd\[0\] went back to offset 0 from 2/)
  assert.deepEqual(w.processor.unfinished().assembling, [])
})

test('fault 21: a record of a partition that is not owned is dropped without a trace', async t => {
  const w = world(t, { partitions: 2 })
  await w.revoke({ partitions: [1] })
  const [value] = cut('c', 'aaaabbbb').values as [Buffer]
  for (const v of [value, null, Buffer.from('junk')])
    w.processor.records([{ partition: 1, offset: 0, timestamp: 0, value: v }])
  assert.deepEqual(w.stops, [])
  assert.deepEqual(w.processor.unfinished().assembling, [])
  assert.equal(w.processor.counts.undecodable, 0)
})

test('a failed attempt that was dropped with its partition is not retried', async t => {
  const answer = deferred<TaskResult>()
  const settings = { retries: 5, onError: 'hold' } as const
  const w = world(t, { settings, plugin: () => answer.promise })
  await w.send(0, ...cut('f', 'x').values)
  await w.revoke({ lost: true })
  answer.resolve(failure('late'))
  await w.clock.advance(100_000)
  assert.equal(w.calls.length, 1)
  assert.deepEqual(
    w.events.filter(e => e.type === 'retry'),
    [],
  )
})
