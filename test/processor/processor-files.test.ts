/** Which records make which file, and when its offsets may be committed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Policy } from '../../src/core/disposition.ts'
import { sha512 } from '../support/files.ts'
import { cut, DONE, deferred, type Sent, world } from './world.ts'

const MINUTE = 60_000

test('fault 42: a file of one chunk is processed and its offset committed', async t => {
  const w = world(t)
  await w.send(0, ...cut('a/scan.csv', 'abc').values)
  await w.clock.advance(1_000)
  assert.deepEqual(
    w.calls.map(c => [c.path, c.content]),
    [['a/scan.csv', 'abc']],
  )
  assert.deepEqual([...w.committed], [[0, 1]])
  const [file] = w.files()
  assert.equal(file?.result, 'ok')
  assert.deepEqual(file?.partitions, { 0: [0, 0] })
})

test('nothing is committed while a file with a chunk below it is open', async t => {
  const w = world(t)
  const [a, b] = [cut('a', 'aaaabbbb'), cut('b', 'x')]
  await w.send(0, a.values[0] as Buffer, ...b.values)
  await w.clock.advance(10_000)
  assert.deepEqual(
    w.calls.map(c => c.path),
    ['b'],
  )
  assert.equal(w.committed.get(0) ?? 0, 0)
  await w.send(0, a.values[1] as Buffer)
  await w.clock.advance(10_000)
  assert.equal(w.committed.get(0), 3)
})

test('fault 40: any order, any partition, any duplicates: each file once, every offset committed', async t => {
  const paths = ['a/x.csv', 'b/x.csv', 'x.csv', 'a/y', 'c/d/e.f.g']
  const contents = fc.array(fc.string({ maxLength: 30 }), { minLength: 5, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(contents, fc.infiniteStream(fc.nat()), async (texts, choices) => {
      const next = (below: number) => (choices.next().value as number) % below
      const w = world(t, { partitions: 3 })
      const sent = paths.map((path, i) => cut(path, texts[i] as string))
      const values = sent.flatMap(file => file.values)
      const all = [...values, ...Array.from({ length: next(8) }, () => values[next(values.length)] as Buffer)]
      while (all.length > 0) {
        const [value] = all.splice(next(all.length), 1)
        w.append(next(3), value as Buffer)
        if (next(3) === 0) await w.read()
      }
      await w.read()
      await w.clock.advance(2_000)
      assert.deepEqual(seen(w.calls), seen(sent.map(s => ({ path: s.path, content: s.content.toString() }))))
      assert.deepEqual(
        w.log.map((_, p) => w.committed.get(p) ?? 0),
        w.log.map(partition => partition.length),
      )
      assert.ok(w.processor.quiet)
      assert.equal(w.store.memoryBytes, 0)
    }),
    { numRuns: 60 },
  )
})

test('fault 33: two hundred files interleaved over all partitions', async t => {
  const w = world(t, { partitions: 4 })
  const sent = Array.from({ length: 200 }, (_, i) => cut(`d${i % 7}/f${i}`, `content of ${i}, long enough`))
  for (let chunk = 10; chunk >= 0; chunk--)
    for (const [i, { values }] of sent.entries()) {
      const value = values[chunk]
      if (value) w.append((i * 31 + chunk * 7) % 4, value)
    }
  await w.read()
  await w.clock.advance(2_000)
  assert.equal(w.calls.length, 200)
  assert.deepEqual(
    w.log.map((_, p) => w.committed.get(p)),
    w.log.map(partition => partition.length),
  )
})

test('fault 41: a file of zero bytes is processed', async t => {
  const w = world(t)
  await w.send(0, ...cut('empty', '').values)
  await w.clock.advance(1_000)
  assert.deepEqual(
    w.calls.map(c => c.content),
    [''],
  )
  assert.equal(w.committed.get(0), 1)
})

test('fault 42: twenty thousand small files leave nothing behind in memory', async t => {
  const w = world(t)
  let most = 0
  for (let i = 0; i < 20_000; i += 200) {
    for (let j = i; j < i + 200; j++) w.append(0, ...cut(`f${j}`, `${j}`, { chunkSize: 100 }).values)
    await w.read()
    most = Math.max(most, w.store.memoryBytes)
  }
  await w.clock.advance(2_000)
  assert.equal(w.processor.counts.done, 20_000)
  assert.equal(w.committed.get(0), 20_000)
  assert.equal(w.store.memoryBytes, 0)
  assert.ok(most <= 200 * 65_536)
  assert.deepEqual(w.processor.unfinished().assembling, [])
})

// ---- generations

test('fault 38: contents of one path are separate files, run in the order in which they became whole', async t => {
  const w = world(t, { threads: 1 })
  const [old, longer, shorter] = [
    cut('f', 'oldoldold', { mtime: 1 }),
    cut('f', 'newer and longer', { mtime: 2 }),
    cut('f', 'new', { mtime: 3 }),
  ] as [Sent, Sent, Sent]
  const same = cut('f', 'OLDOLDOLD')
  await w.send(0, ...interleaved(old, longer, same), ...shorter.values)
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(c => c.content),
    ['oldoldold', 'OLDOLDOLD', 'newer and longer', 'new'],
  )
  assert.equal(w.committed.get(0), w.log[0]?.length)
})

test('fault 39: an unchanged file that is sent again is not run again', async t => {
  const w = world(t)
  const file = cut('f', 'aaaabbbb')
  await w.send(0, ...file.values)
  await w.send(0, ...file.values)
  await w.clock.advance(2_000)
  assert.equal(w.calls.length, 1)
  assert.equal(w.processor.counts.duplicates, 2)
  assert.equal(w.committed.get(0), 4)
})

test('fault 39: with reprocessing asked for, a file that arrives whole again is run again', async t => {
  const w = world(t, { settings: { reprocessIdentical: true } })
  const file = cut('f', 'aaaabbbb')
  await w.send(0, ...file.values)
  await w.send(0, ...file.values)
  await w.clock.advance(2_000)
  assert.equal(w.calls.length, 2)
  assert.equal(w.committed.get(0), 4)
})

test('a file that is sent again while it runs is not run twice, and its offsets resolve together', async t => {
  const running = deferred<void>()
  const w = world(t, {
    async plugin() {
      await running.promise
      return DONE
    },
  })
  const file = cut('f', 'aaaabbbb')
  await w.send(0, ...file.values)
  await w.send(0, ...file.values)
  await w.clock.advance(5_000)
  assert.equal(w.committed.get(0) ?? 0, 0)
  running.resolve()
  await w.clock.advance(2_000)
  assert.equal(w.calls.length, 1)
  assert.equal(w.committed.get(0), 4)
})

test('an older content that stays incomplete is superseded by a newer one, resolved and counted', async t => {
  const w = world(t)
  const [older, newer] = [cut('f', 'aaaabbbb'), cut('f', 'aaaabbbbcccc')]
  await w.send(0, older.values[0] as Buffer, ...newer.values)
  await w.reachEnds()
  await w.clock.advance(9 * MINUTE)
  await w.tick()
  assert.equal(w.committed.get(0) ?? 0, 0)
  await w.clock.advance(2 * MINUTE)
  await w.tick()
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.files().map(f => [f.result, f.setAside]),
    [
      ['ok', undefined],
      ['superseded', 'skipped'],
    ],
  )
  assert.equal(w.processor.counts.skipped, 1)
  assert.equal(w.committed.get(0), 4)
})

test('a newer content that is incomplete is not superseded by an older one', async t => {
  const w = world(t)
  const [older, newer] = [cut('f', 'aaaabbbb'), cut('f', 'aaaabbbbcccc')]
  await w.send(0, older.values[0] as Buffer, newer.values[0] as Buffer, older.values[1] as Buffer)
  await w.reachEnds()
  await w.clock.advance(20 * MINUTE)
  await w.tick()
  assert.deepEqual(
    w.files().map(f => f.result),
    ['ok'],
  )
})

// ---- incomplete files

test('fault 34: an incomplete file is held, reported once, and processed when its chunk comes', async t => {
  const w = world(t)
  const file = cut('f', 'aaaabbbbcccc')
  await w.send(0, file.values[0] as Buffer, file.values[2] as Buffer)
  await w.reachEnds()
  for (let minute = 0; minute < 30; minute++) {
    await w.clock.advance(MINUTE)
    await w.tick()
  }
  const reports = w.events.filter(e => e.type === 'incomplete')
  assert.deepEqual(reports, [{ type: 'incomplete', path: 'f', chunks: 2, total: 3 }])
  assert.equal(w.committed.get(0) ?? 0, 0)
  await w.send(0, file.values[1] as Buffer)
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(c => c.content),
    ['aaaabbbbcccc'],
  )
  assert.equal(w.committed.get(0), 3)
})

test('fault 34: no file is incomplete before all that had arrived was read', async t => {
  const w = world(t, { partitions: 2, settings: { onIncomplete: 'skip' } })
  await w.send(0, cut('f', 'aaaabbbb').values[0] as Buffer)
  w.processor.partitionEnd(0, 1)
  await w.clock.advance(60 * MINUTE)
  await w.tick()
  assert.deepEqual(w.files(), [])
  w.processor.partitionEnd(1, 0)
  await w.tick()
  assert.deepEqual(
    w.files().map(f => f.result),
    ['incomplete'],
  )
})

test('fault 34: no file grows old while what has come is not read', async t => {
  const w = world(t, { settings: { onIncomplete: 'skip' } })
  await w.send(0, cut('f', 'aaaabbbb').values[0] as Buffer)
  await w.reachEnds()
  await w.clock.advance(5 * MINUTE)
  await w.send(0, ...cut('other', 'x').values)
  await w.clock.advance(60 * MINUTE)
  await w.tick()
  assert.deepEqual(
    w.files().map(f => f.path),
    ['other'],
  )
  await w.reachEnds()
  await w.tick()
  assert.deepEqual(
    w.files().map(f => f.path),
    ['other', 'f'],
  )
})

test('fault 34: nothing is set aside while the broker has more, or does not answer', async t => {
  const w = world(t, { settings: { onIncomplete: 'skip' } })
  const file = cut('f', 'aaaabbbb')
  await w.send(0, file.values[0] as Buffer)
  await w.reachEnds()
  w.append(0, file.values[1] as Buffer) // the broker is away: it is not delivered
  w.onEndOffsets = async () => {
    throw new Error('timed out')
  }
  await w.clock.advance(11 * MINUTE)
  await w.tick()
  assert.deepEqual(w.files(), [])
  w.onEndOffsets = undefined
  await w.tick()
  assert.deepEqual(w.files(), [])
  await w.read()
  await w.clock.advance(2_000)
  assert.equal(w.committed.get(0), 2)
  assert.equal(w.processor.counts.done, 1)
})

test('fault 34: other files that come now and then do not keep an incomplete one alive', async t => {
  const w = world(t, { settings: { onIncomplete: 'skip' } })
  await w.send(0, cut('f', 'aaaabbbb').values[0] as Buffer)
  for (let minute = 0; minute < 12; minute++) {
    await w.send(0, ...cut(`other ${minute}`, 'x').values)
    await w.reachEnds()
    await w.clock.advance(MINUTE)
    await w.tick()
  }
  assert.deepEqual(
    w
      .files()
      .filter(f => f.path === 'f')
      .map(f => f.result),
    ['incomplete'],
  )
})

test('a rebalance that changes nothing does not stop the search for incomplete files', async t => {
  const w = world(t, { settings: { onIncomplete: 'skip' } })
  await w.send(0, cut('f', 'aaaabbbb').values[0] as Buffer)
  await w.reachEnds()
  w.assign([])
  await w.clock.advance(11 * MINUTE)
  await w.tick()
  assert.deepEqual(
    w.files().map(f => f.result),
    ['incomplete'],
  )
})

test('progress of the file itself begins the time anew', async t => {
  const w = world(t, { settings: { onIncomplete: 'skip' } })
  const file = cut('f', 'aaaabbbbcccc')
  await w.send(0, file.values[0] as Buffer)
  await w.reachEnds()
  await w.clock.advance(9 * MINUTE)
  await w.send(0, file.values[1] as Buffer)
  await w.reachEnds()
  await w.clock.advance(9 * MINUTE)
  await w.tick()
  assert.deepEqual(w.files(), [])
})

test('fault 35: a chunk that comes after its file was passed over is resolved, and revives nothing', async t => {
  const w = world(t, { settings: { onIncomplete: 'skip' } })
  const file = cut('f', 'aaaabbbb')
  await w.send(0, file.values[0] as Buffer)
  await w.reachEnds()
  await w.clock.advance(11 * MINUTE)
  await w.tick()
  await w.clock.advance(2_000)
  const [passed] = w.files()
  assert.equal(passed?.result, 'incomplete')
  assert.equal(passed?.setAside, 'skipped')
  assert.match(passed?.error ?? '', /1 of 2 chunks/)
  assert.equal(w.committed.get(0), 1)
  await w.send(0, file.values[1] as Buffer)
  await w.reachEnds()
  await w.clock.advance(11 * MINUTE)
  await w.tick()
  await w.clock.advance(2_000)
  assert.equal(w.files()[1]?.result, 'late')
  assert.equal(w.committed.get(0), 2)
  assert.deepEqual(w.processor.unfinished().assembling, [])
  assert.deepEqual(w.calls, [])
})

test('fault 35: a file that was passed over and is sent again whole is processed', async t => {
  const w = world(t, { settings: { onIncomplete: 'skip' } })
  const file = cut('f', 'aaaabbbb')
  await w.send(0, file.values[0] as Buffer)
  await w.reachEnds()
  await w.clock.advance(11 * MINUTE)
  await w.tick()
  await w.send(0, ...file.values)
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(c => c.content),
    ['aaaabbbb'],
  )
  assert.equal(w.committed.get(0), 3)
})

// ---- which files

test('files that the pattern does not want are resolved and counted', async t => {
  const w = world(t, { settings: { files: /^a\/.*\.csv$/ } })
  await w.send(
    0,
    ...cut('a/x.csv', 'x').values,
    ...cut('b/x.csv', 'aaaabbbb').values,
    ...cut('a/y', 'y').values,
  )
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(c => c.path),
    ['a/x.csv'],
  )
  assert.equal(w.processor.counts.filtered, 3)
  assert.equal(w.committed.get(0), 4)
})

test('no file is started beyond the number asked for', async t => {
  const w = world(t, { threads: 4, settings: { maxFiles: 3 } })
  for (let i = 0; i < 10; i++) await w.send(0, ...cut(`f${i}`, 'x').values)
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(c => c.path),
    ['f0', 'f1', 'f2'],
  )
  assert.equal(w.committed.get(0), 3)
})

test('no file is started beyond the number asked for, also while a bad one is examined', async t => {
  const w = world(t, { threads: 4, settings: { maxFiles: 1 } })
  const examined = deferred<void>()
  w.onExamine = () => examined.promise
  await w.send(0, ...cut('bad', 'x', { change: () => ({ fileHash: sha512(Buffer.from('y')) }) }).values)
  await w.send(0, ...cut('f', 'x').values)
  await w.clock.advance(2_000)
  assert.deepEqual(w.calls, [])
  examined.resolve()
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.files().map(f => [f.path, f.result]),
    [
      ['bad', 'mismatch'],
      ['f', 'ok'],
    ],
  )
})

test('files that are held do not use up the number asked for, those that are set aside for good do', async t => {
  const bad = (path: string) => cut(path, 'x', { change: () => ({ fileHash: sha512(Buffer.from('y')) }) })
  const ran = async (onError: Policy) => {
    const w = world(t, { settings: { maxFiles: 3, retries: 0, onError } })
    for (let i = 0; i < 3; i++) await w.send(0, ...bad(`bad${i}`).values)
    for (let i = 0; i < 5; i++) await w.send(0, ...cut(`f${i}`, 'x').values)
    await w.clock.advance(2_000)
    return w.calls.map(c => c.path)
  }
  assert.deepEqual(await ran('hold'), ['f0', 'f1', 'f2'])
  assert.deepEqual(await ran('skip'), [])
  assert.deepEqual(await ran('dlq'), [])
})

// ---- what the plugin is told

test('an id for idempotence is the same for every attempt and after a restart, and differs by path and content', async t => {
  const w = world(t, { settings: { reprocessIdentical: true } })
  const ids = async (sent: Sent) => {
    await w.send(0, ...sent.values)
    return w.calls.at(-1)?.job.deliveryId
  }
  const first = await ids(cut('f', 'x'))
  assert.equal(await ids(cut('f', 'x')), first)
  w.crash()
  w.assign()
  await w.read()
  assert.equal(w.calls.at(-1)?.job.deliveryId, first)
  assert.notEqual(await ids(cut('g', 'x')), first)
  assert.notEqual(await ids(cut('f', 'y')), first)
  assert.match(first ?? '', /^[0-9a-f]{32}$/)
})

test('the job carries topic, time and path on disk as the mode wants it', async t => {
  for (const mode of ['memory', 'disk', 'both'] as const) {
    const w = world(t, { settings: { mode, diskPath: name => `/out/${name}` } })
    await w.send(0, ...cut('a/f', 'aaaabbbb', { mtime: 5.5 }).values)
    const job = w.calls[0]?.job
    assert.equal(job?.topic, 'xrd')
    assert.equal(job?.mtime, 5.5)
    assert.equal(job?.diskPath, mode === 'memory' ? null : '/out/a/f')
    assert.equal(job?.source.kind, mode === 'disk' ? 'disk' : 'memory')
    assert.equal(w.calls[0]?.content, 'aaaabbbb')
  }
})

function interleaved(...files: Sent[]): Buffer[] {
  const longest = Math.max(...files.map(file => file.values.length))
  return Array.from({ length: longest }, (_, i) => files.flatMap(file => file.values[i] ?? [])).flat()
}

/** Path and content, in an order of their own. */
function seen(calls: readonly { readonly path: string; readonly content: string }[]): string[] {
  return calls.map(({ path, content }) => `${path}: ${content}`).sort()
}
