/** Partitions that are shared with other processes: each comes and goes by itself, and each file lies in one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partitionOfKey } from '../../src/core/chunks/murmur2.ts'
import { doneBefore } from '../../src/core/offsets/done-before.ts'
import type { TaskResult } from '../../src/plugin/messages.ts'
import { decodeCommitRecord } from '../support/commit-record.ts'
import { settled } from './clock.ts'
import { cut, DONE, deferred, failure, type WorldOptions, world } from './world.ts'

/** The first of the paths `name0`, `name1`, … that belongs into a partition of a topic of two. */
function pathIn(partition: number, name: string): string {
  for (let i = 0; ; i++) if (partitionOfKey(Buffer.from(`${name}${i}`), 2) === partition) return `${name}${i}`
}

/** Two partitions, and two threads whose answers wait until the test gives them. */
function sharing(t: Parameters<typeof world>[0], options: WorldOptions = {}) {
  const answers = new Map<string, ReturnType<typeof deferred<TaskResult>>>()
  const w = world(t, {
    partitions: 2,
    threads: 2,
    ...options,
    settings: { shared: true, ...options.settings },
    plugin: ({ path }) => {
      const answer = deferred<TaskResult>()
      answers.set(path, answer)
      return answer.promise
    },
  })
  return {
    w,
    async answer(path: string, result: TaskResult = DONE) {
      answers.get(path)?.resolve(result)
      await settled()
    },
    called: () => w.calls.map(({ path }) => path),
  }
}

const record = (metadata: string | undefined) => decodeCommitRecord(metadata?.slice(0, -1))

test('while one partition goes, files of the others are begun, finished and committed', async t => {
  const { w, answer, called } = sharing(t)
  const [a, next, b, late] = [pathIn(0, 'a'), pathIn(0, 'next'), pathIn(1, 'b'), pathIn(1, 'late')]
  await w.send(0, ...cut(a, 'aaaabbbb').values)
  await w.send(1, ...cut(b, 'aaaabbbb').values, ...cut(late, 'aaaabbbb').values)
  assert.deepEqual(called(), [a, b])
  const revoked = w.revoke({ partitions: [1] })
  await answer(a)
  await w.send(0, ...cut(next, 'aaaabbbb').values)
  assert.deepEqual(called(), [a, b, next])
  await answer(next)
  await w.clock.advance(2_000)
  assert.deepEqual([w.committed.get(0), w.committed.get(1) ?? 0], [4, 0])
  await answer(b)
  await revoked
  // What was queued behind it is for whoever gets the partition.
  assert.deepEqual([w.committed.get(1), called()], [2, [a, b, next]])
  assert.deepEqual(w.aborts, [])
  assert.equal(w.processor.files.byKey.size, 0)
})

test('what does not end in time is aborted, and nothing else is', async t => {
  const { w, answer, called } = sharing(t)
  const [a, b] = [pathIn(0, 'a'), pathIn(1, 'b')]
  await w.send(0, ...cut(a, 'aaaa').values)
  await w.send(1, ...cut(b, 'aaaa').values)
  const revoked = w.revoke({ partitions: [1], drainMs: 20_000 })
  await w.clock.advance(20_000)
  await revoked
  assert.deepEqual(w.aborted, [b])
  await answer(b)
  await answer(a)
  await w.clock.advance(2_000)
  assert.deepEqual([w.committed.get(0), w.committed.get(1) ?? 0], [1, 0])
  assert.deepEqual(
    w.files().map(({ path }) => path),
    [a],
  )
  // It comes again, and its file with it.
  w.assign([1])
  await w.read()
  assert.deepEqual(called(), [a, b, b])
})

test('an attempt that fails while its partition goes counts, and is not repeated here', async t => {
  const { w, answer, called } = sharing(t)
  const b = pathIn(1, 'b')
  await w.send(1, ...cut(b, 'aaaa').values)
  const revoked = w.revoke({ partitions: [1] })
  await answer(b, failure('no'))
  await revoked
  assert.deepEqual(called(), [b])
  assert.deepEqual([...(record(w.metadata.get(1))?.attempts.values() ?? [])], [1])
})

test('what a thread still reads stays where it is, also when its partition goes while the run ends', async t => {
  const { w, answer } = sharing(t)
  const b = pathIn(1, 'b')
  await w.send(1, ...cut(b, 'aaaa').values)
  const drained = w.processor.drain(1_000)
  await w.clock.advance(1_000)
  assert.equal(await drained, false)
  await w.revoke({ partitions: [1], lost: true })
  assert.ok(w.processor.memoryBytes > 0)
  await answer(b)
  assert.equal(w.processor.memoryBytes, 0)
})

test('a run is not over while files wait for their partition to go', async t => {
  const { w, answer } = sharing(t)
  await w.send(1, ...cut(pathIn(1, 'b'), 'aaaa').values, ...cut(pathIn(1, 'c'), 'aaaa').values)
  await w.send(1, ...cut(pathIn(1, 'd'), 'aaaa').values)
  const revoked = w.revoke({ partitions: [1], lost: false })
  await answer(pathIn(1, 'b'))
  await answer(pathIn(1, 'c'))
  assert.equal(w.processor.quiet, true)
  await revoked
})

test('each commit record names the files of its own partition', async t => {
  const { w, answer } = sharing(t)
  const files = [pathIn(0, 'a'), pathIn(1, 'b')]
  for (const [partition, path] of files.entries()) await w.send(partition, ...cut(path, 'aaaa').values)
  for (const path of files) await answer(path)
  await w.clock.advance(2_000)
  const named = [0, 1].map(partition => record(w.metadata.get(partition))?.finished ?? [])
  assert.deepEqual(
    named.map(list => list.length),
    [1, 1],
  )
  assert.notDeepEqual(named[0], named[1])
})

test('a chunk that lies beside its file ends the run, and its record stays', async t => {
  const { w, answer } = sharing(t)
  const [whole, astray] = [pathIn(0, 'whole'), pathIn(1, 'astray')]
  await w.send(0, ...cut(whole, 'aaaa').values)
  await answer(whole)
  const { values } = cut(astray, 'aaaabbbb')
  await w.send(0, values[0] as Buffer)
  assert.deepEqual(w.stops, [
    `E_NOT_KEYED: record xrd[0]@1 is a chunk of ${astray}, which belongs into partition 1`,
  ])
  await w.processor.drain(1_000)
  assert.equal(w.committed.get(0), 1)
})

test('a file of one chunk may lie anywhere', async t => {
  const { w, answer } = sharing(t)
  const path = pathIn(1, 'single')
  await w.send(0, ...cut(path, 'aaaa').values)
  await answer(path)
  await w.clock.advance(2_000)
  assert.deepEqual([w.stops, w.committed.get(0)], [[], 1])
})

test('a file that was sent to two partitions is two, so that one of them can go', async t => {
  const { w, answer, called } = sharing(t)
  const path = pathIn(1, 'single')
  const { values } = cut(path, 'aaaa')
  await w.send(0, ...values)
  await w.send(1, ...values)
  await w.revoke({ partitions: [1], lost: true })
  await answer(path)
  await w.clock.advance(2_000)
  assert.equal(called()[0], path)
  assert.deepEqual([w.committed.get(0), w.committed.get(1) ?? 0], [1, 0])
})

test('copies of what the group had done in another topic are passed over, once for all', async t => {
  const [done, open] = [cut(pathIn(0, 'done'), 'aaaabbbb'), cut(pathIn(0, 'open'), 'aaaabbbb')]
  // As one process read it: chunks in both partitions, one file done, and one without its last chunk.
  const before = world(t, { partitions: 2 })
  await before.send(0, done.values[0] as Buffer, open.values[0] as Buffer)
  await before.send(1, done.values[1] as Buffer)
  await before.clock.advance(2_000)
  assert.deepEqual([before.committed.get(0), before.committed.get(1)], [1, 1])
  const commits = [...before.committed].map(([partition, offset]) => {
    return { partition, offset, metadata: before.metadata.get(partition)?.slice(0, -1) }
  })
  const origins = ['xrd/1/0', 'xrd/0/0', 'xrd/0/1', 'xrd/1/1']
  const { w, answer, called } = sharing(t, {
    doneBefore: doneBefore(new Map([['xrd', commits]])),
    headers: (_, offset) => new Map([['dfsp.from', Buffer.from(origins[offset] as string)]]),
  })
  await w.send(0, done.values[1] as Buffer, done.values[0] as Buffer, ...open.values)
  await answer(open.path)
  await w.clock.advance(2_000)
  assert.deepEqual(called(), [open.path])
  assert.deepEqual([w.committed.get(0), w.processor.counts.replayed], [4, 2])
  const told = w.events.flatMap(event => (event.type === 'info' ? [event.text] : []))
  assert.deepEqual(told, ['copies of records of xrd that group g had done there are passed over'])
})
