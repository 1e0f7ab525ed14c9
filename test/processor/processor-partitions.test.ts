/** Partitions that are taken away and come back, ends in order and otherwise, commits that fail. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeCommitRecord } from '../../src/core/offsets/commit-record.ts'
import type { TaskResult } from '../../src/plugin/messages.ts'
import { settled } from './clock.ts'
import { cut, DONE, deferred, failure, type Sent, world } from './world.ts'

/** A plugin whose answer to a file waits until the test gives it. */
function answering() {
  const answers = new Map<string, ReturnType<typeof deferred<TaskResult>>>()
  const of = (path: string) => {
    const found = answers.get(path) ?? deferred<TaskResult>()
    answers.set(path, found)
    return found
  }
  return {
    plugin: ({ path }: { readonly path: string }) => of(path).promise,
    async answer(path: string, result: TaskResult = DONE) {
      of(path).resolve(result)
      answers.delete(path)
      await settled()
    },
  }
}

test('fault 20: what runs when partitions are taken away is finished and committed once', async t => {
  const { plugin, answer } = answering()
  const w = world(t, { plugin })
  await w.send(0, ...cut('f', 'aaaabbbb').values)
  const revoked = w.revoke()
  await w.clock.advance(5_000)
  await answer('f')
  await revoked
  assert.equal(w.committed.get(0), 2)
  assert.deepEqual(w.aborts, [])
  w.assign()
  await w.read()
  await w.clock.advance(2_000)
  assert.equal(w.calls.length, 1)
})

test('fault 20: what does not end in time is aborted, its result discarded, and comes again', async t => {
  const { plugin, answer } = answering()
  const w = world(t, { plugin })
  await w.send(0, ...cut('f', 'aaaabbbb').values)
  const revoked = w.revoke({ drainMs: 20_000 })
  await w.clock.advance(20_000)
  await revoked
  assert.deepEqual(w.aborts, ['its partition was taken away'])
  assert.equal(w.committed.get(0) ?? 0, 0)
  w.assign()
  await w.read()
  await answer('f')
  await w.clock.advance(2_000)
  assert.equal(w.calls.length, 2)
})

test('fault 54: null after its epoch has ended resolves nothing and is not told as done', async t => {
  const { plugin, answer } = answering()
  const w = world(t, { plugin, threads: 2 })
  await w.send(0, ...cut('f', 'x').values)
  await w.revoke({ lost: true })
  assert.ok(w.store.memoryBytes > 0, 'the thread still reads it')
  w.assign()
  await answer('f')
  await w.clock.advance(2_000)
  assert.deepEqual(w.files(), [])
  assert.equal(w.processor.counts.done, 0)
  assert.equal(w.committed.get(0) ?? 0, 0)
  assert.equal(w.store.memoryBytes, 0)
  await w.read()
  await answer('f')
  await w.clock.advance(2_000)
  assert.equal(w.committed.get(0), 1)
})

test('fault 54: a file that was taken away while its damage was examined is forgotten', async t => {
  const w = world(t)
  const examined = deferred<void>()
  w.onExamine = () => examined.promise
  const change = () => ({ data: Buffer.from('!!!!') })
  await w.send(0, ...cut('f', 'aaaabbbb', { change }).values)
  await w.revoke({ lost: true })
  examined.resolve()
  await w.clock.advance(2_000)
  assert.deepEqual(w.files(), [])
  assert.equal(w.store.memoryBytes, 0)
})

test('fault 17: nothing is committed for partitions that are lost', async t => {
  const w = world(t)
  w.onCommit = async () => assert.fail('committed')
  const revoked = w.send(0, ...cut('f', 'x').values).then(() => w.revoke({ lost: true }))
  await revoked
  assert.deepEqual(w.commits, [])
})

test('no file is started while partitions are taken away, nor after, until there are new ones', async t => {
  const { plugin, answer } = answering()
  const w = world(t, { plugin, threads: 1 })
  await w.send(0, ...cut('f', 'x').values, ...cut('g', 'x').values)
  const revoked = w.revoke()
  await answer('f')
  await revoked
  assert.deepEqual(
    w.calls.map(c => c.path),
    ['f'],
  )
  w.assign()
  await w.read()
  assert.deepEqual(
    w.calls.map(c => c.path),
    ['f', 'g'],
  )
})

test('incomplete files of partitions that are taken away are forgotten, their memory is free', async t => {
  const w = world(t, { partitions: 2 })
  const [f, g] = [cut('f', 'aaaabbbb'), cut('g', 'aaaabbbb')] as [Sent, Sent]
  await w.send(0, f.values[0] as Buffer)
  await w.send(1, g.values[0] as Buffer, f.values[1] as Buffer)
  await w.revoke()
  assert.equal(w.store.memoryBytes, 0)
  assert.deepEqual(w.processor.unfinished().assembling, [])
  w.assign()
  await w.send(0, g.values[1] as Buffer)
  await w.clock.advance(2_000)
  assert.deepEqual(w.calls.map(c => c.path).sort(), ['f', 'g'])
  assert.deepEqual([w.committed.get(0), w.committed.get(1)], [2, 2])
})

test('files of partitions that stay are left alone', async t => {
  const w = world(t, { partitions: 2 })
  const [f, g] = [cut('f', 'aaaabbbb'), cut('g', 'aaaabbbb')] as [Sent, Sent]
  await w.send(0, f.values[0] as Buffer)
  await w.send(1, g.values[0] as Buffer)
  await w.revoke({ partitions: [1] })
  w.assign([])
  await w.send(0, f.values[1] as Buffer)
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(c => c.path),
    ['f'],
  )
  assert.equal(w.committed.get(0), 2)
})

test('fault 6: a finished file above the committed offset is not run again while the process lives', async t => {
  const w = world(t)
  const f = cut('f', 'aaaabbbb')
  await w.send(0, f.values[0] as Buffer, ...cut('g', 'x').values)
  await w.clock.advance(2_000)
  await w.revoke()
  w.assign()
  await w.send(0, f.values[1] as Buffer)
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(c => c.path),
    ['g', 'f'],
  )
  assert.equal(w.committed.get(0), 3)
})

test('fault 6: what was finished before a refused commit and a rebalance is known to the commit of a part of it', async t => {
  const w = world(t)
  const files = Array.from({ length: 40 }, (_, i) => cut(`f${i}`, 'aaaabbbb'))
  w.onCommit = async () => {
    throw new Error('27 rebalance in progress')
  }
  await w.send(0, ...files.map(f => f.values[0] as Buffer), ...files.map(f => f.values[1] as Buffer))
  await w.revoke()
  w.onCommit = undefined
  w.assign()
  await w.read(40)
  await w.clock.advance(2_000)
  w.crash()
  w.assign()
  await w.read()
  await w.clock.advance(2_000)
  assert.equal(w.calls.length, 40)
  assert.deepEqual(w.processor.unfinished().assembling, [])
  assert.equal(w.committed.get(0), 80)
})

test('fault 6: what was finished before a refused commit is said of all partitions at once', async t => {
  const w = world(t, { partitions: 2 })
  await w.clock.advance(2_000)
  assert.deepEqual([...w.committed.values()], [0, 0])
  const files = Array.from({ length: 40 }, (_, i) => cut(`f${i}`, 'aaaabbbb'))
  w.onCommit = async () => {
    throw new Error('27 rebalance in progress')
  }
  for (const chunk of [0, 1]) await w.send(chunk, ...files.map(f => f.values[chunk] as Buffer))
  await w.revoke()
  w.onCommit = undefined
  w.assign()
  await w.read(40) // the first partition
  await w.clock.advance(2_000)
  w.crash()
  w.assign()
  await w.read()
  await w.clock.advance(2_000)
  assert.equal(w.calls.length, 40)
  assert.deepEqual(w.processor.unfinished().assembling, [])
  assert.deepEqual([...w.committed.values()], [40, 40])
})

test('fault 22: what another process finished while the partitions were away does not run again here', async t => {
  const w = world(t, { plugin: ({ path }) => (path === 'bad' ? failure('no') : DONE) })
  await w.send(0, ...cut('bad', 'a').values, ...cut('mine', 'a').values)
  await w.clock.advance(2_000)
  await w.revoke({ lost: true })
  w.append(0, ...cut('theirs', 'a').values)
  const theirs = { base: 0, position: 3, runs: [1, 2], files: undefined, finished: [], attempts: new Map() }
  w.metadata.set(0, encodeCommitRecord(theirs)?.text)
  w.assign()
  await w.read()
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(call => call.path),
    ['bad', 'mine', 'bad'],
  )
})

test('fault 28: nothing that was known of a topic counts for another one of the same name', async t => {
  const w = world(t)
  await w.send(0, ...cut('f', 'x').values, ...cut('g', 'y').values)
  await w.clock.advance(2_000)
  await w.revoke()
  w.processor.assign([
    {
      partition: 0,
      start: 0,
      committed: undefined,
      metadata: undefined,
      end: 9,
      notice: undefined,
      anew: true,
    },
  ])
  w.processor.records([{ partition: 0, offset: 0, timestamp: 0, value: cut('h', 'z').values[0] as Buffer }])
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(c => c.path),
    ['f', 'g', 'h'],
  )
})

test('what the broker says of a partition’s start is told', t => {
  const w = world(t)
  w.processor.assign([
    { partition: 7, start: 5, committed: 2, metadata: undefined, end: 9, notice: 'records 2-4 were deleted' },
  ])
  assert.deepEqual(w.events, [{ type: 'problem', text: 'records 2-4 were deleted' }])
})

test('fault 68: where reading began beyond the committed offset, that is committed without any file', async t => {
  const w = world(t)
  await w.revoke()
  w.processor.assign([
    { partition: 0, start: 5, committed: 2, metadata: undefined, end: 100, notice: undefined },
  ])
  await w.clock.advance(2_000)
  assert.equal(w.committed.get(0), 5)
})

test('fault 69: offsets without records at the end of a partition are committed', async t => {
  const w = world(t)
  await w.send(0, ...cut('f', 'x').values)
  w.processor.partitionEnd(0, 9)
  await w.clock.advance(2_000)
  assert.equal(w.committed.get(0), 9)
})

// ---- commits

test('fault 15: a commit that fails is told, repeated, and loses nothing', async t => {
  const w = world(t)
  w.onCommit = async () => {
    throw new Error('not coordinator')
  }
  await w.send(0, ...cut('f', 'x').values)
  await w.clock.advance(3_000)
  assert.ok(w.events.some(e => e.type === 'problem' && /not coordinator/.test(e.text)))
  assert.equal(w.processor.quiet, false)
  w.onCommit = undefined
  await w.clock.advance(3_000)
  assert.equal(w.committed.get(0), 1)
  assert.equal(w.processor.quiet, true)
})

test('the offsets of a file in several partitions are committed in one request', async t => {
  const w = world(t, { partitions: 3 })
  const { values } = cut('f', 'aaaabbbbcccc')
  for (const [p, value] of values.entries()) w.append(p, value)
  await w.read()
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.commits.map(c => [...c]),
    [
      [
        [0, 1],
        [1, 1],
        [2, 1],
      ],
    ],
  )
})

// ---- the end

test('fault 11: draining waits for what runs, starts nothing more, and commits', async t => {
  const { plugin, answer } = answering()
  const w = world(t, { plugin, threads: 1 })
  await w.send(0, ...cut('f', 'x').values, ...cut('g', 'x').values)
  const drained = w.processor.drain(20_000)
  await answer('f')
  assert.equal(await drained, true)
  assert.deepEqual(
    w.calls.map(c => c.path),
    ['f'],
  )
  assert.equal(w.committed.get(0), 1)
})

test('draining that takes too long gives up what runs, and commits the rest', async t => {
  const { plugin, answer } = answering()
  const w = world(t, { plugin, threads: 2 })
  await w.send(0, ...cut('f', 'x').values, ...cut('g', 'x').values)
  await answer('f')
  const drained = w.processor.drain(20_000)
  await w.clock.advance(20_000)
  assert.equal(await drained, false)
  assert.deepEqual(w.aborts, ['dfsp is stopping'])
  assert.equal(w.committed.get(0), 1)
  await answer('g')
  assert.deepEqual(
    w.files().map(f => f.path),
    ['f'],
  )
})

test('a run that is abandoned starts nothing more, counts nothing of what runs, and commits nothing', async t => {
  const { plugin, answer } = answering()
  const w = world(t, { plugin, threads: 1 })
  await w.send(0, ...cut('f', 'x').values, ...cut('g', 'x').values)
  w.processor.abandon()
  assert.deepEqual(w.aborts, ['dfsp is stopping'])
  await answer('f', failure('its thread has ended'))
  await w.clock.advance(100_000)
  assert.deepEqual(
    w.calls.map(c => c.path),
    ['f'],
  )
  assert.deepEqual(w.files(), [])
  assert.equal(w.events.filter(({ type }) => type === 'retry').length, 0)
  assert.equal(w.committed.get(0), undefined)
})

test('draining says when the last commit failed', async t => {
  const w = world(t)
  w.onCommit = async () => {
    throw new Error('gone')
  }
  await w.send(0, ...cut('f', 'x').values)
  assert.equal(await w.processor.drain(20_000), false)
})

test('commits that a rebalance refuses are told of only where it lasts', async t => {
  const w = world(t)
  w.onCommit = async () => {
    throw Object.assign(new Error('between two assignments'), { isRebalancing: true })
  }
  const told = () => w.events.filter(event => event.type === 'problem').length
  await w.send(0, ...cut('f', 'x').values)
  await w.clock.advance(9_000)
  assert.equal(told(), 0)
  await w.clock.advance(3_000)
  assert.equal(told(), 1)
  w.onCommit = undefined
  await w.clock.advance(3_000)
  assert.equal(w.committed.get(0), 1)
})

test('draining with nothing to do is over at once', async t => {
  assert.equal(await world(t).processor.drain(20_000), true)
})

test('draining does not wait for a retry that is due later', async t => {
  const settings = { retries: 5, onError: 'hold' } as const
  const w = world(t, { settings, plugin: () => failure('x') })
  await w.send(0, ...cut('f', 'x').values)
  assert.equal(await w.processor.drain(20_000), true)
  await w.clock.advance(100_000)
  assert.equal(w.calls.length, 1)
})

test('a run is quiet only when nothing runs, waits or is to be committed', async t => {
  const { plugin, answer } = answering()
  const settings = { retries: 1, onError: 'hold' } as const
  const w = world(t, { plugin, settings })
  await w.clock.advance(2_000)
  assert.equal(w.processor.quiet, true)
  await w.send(0, ...cut('f', 'x').values)
  assert.equal(w.processor.quiet, false)
  await answer('f', failure('x'))
  assert.equal(w.processor.quiet, false)
  await w.clock.advance(1_000)
  await answer('f')
  assert.equal(w.processor.quiet, false)
  await w.clock.advance(1_000)
  assert.equal(w.processor.quiet, true)
})

test('a stop while partitions are being taken away waits no longer than what runs', async t => {
  const { plugin, answer } = answering()
  const w = world(t, { plugin })
  await w.send(0, ...cut('f', 'x').values)
  const revoked = w.revoke()
  const drained = w.processor.drain(60_000)
  await answer('f')
  assert.equal(await drained, true)
  await revoked
  assert.equal(w.committed.get(0), 1)
})

test('whole files that no thread had begun go back with lost partitions, and that is told', async t => {
  const { plugin } = answering()
  const w = world(t, { plugin, threads: 1 })
  for (const path of ['f', 'g', 'h']) await w.send(0, ...cut(path, 'aaaabbbb').values)
  await w.revoke({ lost: true })
  const told = w.events.flatMap(event => (event.type === 'info' ? [event.text] : []))
  assert.deepEqual(told, [
    '3 whole files not done with went back with the partitions: they are read again by whoever gets those',
  ])
})
