/** Several contents of one path: in which order they run, and which of them do not run any more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cut, DONE, failure, memoryJournal, type World, type WorldOptions, world } from './world.ts'

const [OLD, NEW] = [cut('v.bin', 'old'), cut('v.bin', 'new')]

const contents = ({ calls }: World) => calls.map(call => call.content)
const ends = (w: World) => w.files().map(({ result, setAside }) => [result, setAside])

/** Fails the first attempts of the old content. */
function failing(times: number): NonNullable<WorldOptions['plugin']> {
  let left = times
  return ({ content }) => (content === 'old' && left-- > 0 ? failure('broken') : DONE)
}

test('a newer content waits while an older one is tried again', async t => {
  const w = world(t, { settings: { retries: 2, onError: 'hold' }, plugin: failing(1) })
  await w.send(0, ...OLD.values, ...NEW.values)
  await w.clock.advance(5_000)
  assert.deepEqual(contents(w), ['old', 'old', 'new'])
  assert.equal(w.committed.get(0), 2)
})

test('while one path waits for another attempt, other files run', async t => {
  const w = world(t, { settings: { retries: 2, onError: 'hold' }, plugin: failing(1) })
  await w.send(0, ...OLD.values, ...NEW.values, ...cut('other', 'x').values)
  assert.deepEqual(contents(w), ['old', 'x'])
})

test('a content that was given up is superseded once a newer one is processed: told, counted, resolved', async t => {
  const w = world(t, { plugin: failing(1) })
  await w.send(0, ...OLD.values)
  await w.clock.advance(2_000)
  assert.equal(w.committed.get(0) ?? 0, 0)
  await w.send(0, ...NEW.values)
  await w.clock.advance(2_000)
  assert.deepEqual(contents(w), ['old', 'new'])
  assert.deepEqual(ends(w), [
    ['failed', 'held'],
    ['superseded', 'skipped'],
    ['ok', undefined],
  ])
  assert.equal(w.processor.counts.failed, 1)
  assert.equal(w.processor.counts.skipped, 1)
  assert.equal(w.committed.get(0), 2)
  w.crash()
  w.assign()
  await w.read()
  assert.deepEqual(contents(w), ['old', 'new'])
})

test('a damaged content is superseded, too, and a good copy that comes later does not revive it', async t => {
  const damaged = cut('v.bin', 'olds', { change: () => ({ data: Buffer.from('oldX') }) })
  const w = world(t)
  await w.send(0, ...damaged.values, ...NEW.values, ...cut('v.bin', 'olds').values.slice(1))
  assert.deepEqual(ends(w), [
    ['mismatch', 'held'],
    ['superseded', 'skipped'],
    ['ok', undefined],
  ])
})

for (const [when, limit] of [
  ['at the same time', Number.POSITIVE_INFINITY],
  ['after', 1],
] as const)
  test(`after a restart an older content that is read ${when} a newer one is superseded`, async t => {
    const w = world(t, { partitions: 2, plugin: failing(1) })
    await w.send(1, ...OLD.values)
    await w.clock.advance(5_000)
    w.append(0, ...NEW.values)
    w.crash()
    w.assign()
    await w.read(limit)
    await w.clock.advance(1_000)
    await w.read()
    await w.clock.advance(5_000)
    assert.deepEqual(contents(w), ['old', 'new'])
    assert.deepEqual(
      ends(w).filter(([result]) => result === 'superseded'),
      [['superseded', 'skipped']],
    )
    assert.deepEqual([...w.committed.values()], [1, 1])
  })

test('while all pauses a newer content that was never tried is tried before an older one that fails', async t => {
  const plugin: WorldOptions['plugin'] = ({ content }) => (content === 'new' ? DONE : failure('broken'))
  const w = world(t, { threads: 1, settings: { breaker: 2 }, plugin })
  await w.send(0, ...cut('other', 'x').values, ...OLD.values, ...NEW.values)
  for (let second = 0; second < 40; second++) {
    await w.clock.advance(1_000)
    await w.tick()
  }
  assert.ok(contents(w).includes('new'))
  assert.equal(w.processor.blocked, undefined)
  const isNew = contents(w).indexOf('new')
  assert.ok(!contents(w).slice(isNew).includes('old'), contents(w).join())
})

test('while all pauses an older content is tried again, though a newer one was tried meanwhile and failed', async t => {
  let failures = 2
  const plugin: WorldOptions['plugin'] = ({ content }) =>
    content === 'old' && --failures < 0 ? DONE : failure('broken')
  const w = world(t, { threads: 1, settings: { breaker: 2 }, plugin })
  await w.send(0, ...cut('other', 'x').values, ...OLD.values, ...NEW.values)
  for (let second = 0; second < 90 && w.processor.blocked !== undefined; second++) {
    await w.clock.advance(1_000)
    await w.tick()
  }
  assert.equal(w.processor.blocked, undefined)
  assert.ok(contents(w).includes('new'), 'it was tried meanwhile')
})

test('while all pauses each of the files that were tried is tried in turn, so that a broken one keeps none waiting', async t => {
  const plugin: WorldOptions['plugin'] = ({ path }) =>
    path === 'good' && ++tries > 1 ? DONE : failure('broken')
  let tries = 0
  const w = world(t, { threads: 1, settings: { breaker: 2, retries: 5 }, plugin })
  await w.send(0, ...cut('bad', 'x').values, ...cut('good', 'y').values)
  assert.notEqual(w.processor.blocked, undefined)
  for (let second = 0; second < 40 && w.processor.blocked !== undefined; second++) {
    await w.clock.advance(1_000)
    await w.tick()
  }
  assert.equal(w.processor.blocked, undefined)
  assert.equal(tries, 2)
})

test('a content whose newer one failed as well is not superseded', async t => {
  const w = world(t, { plugin: () => failure('broken') })
  await w.send(0, ...OLD.values, ...NEW.values)
  await w.clock.advance(2_000)
  assert.deepEqual(ends(w), [
    ['failed', 'held'],
    ['failed', 'held'],
  ])
  assert.equal(w.committed.get(0) ?? 0, 0)
})

test('an older content whose dead letter is refused after a newer one was processed is superseded', async t => {
  const w = world(t, { settings: { retries: 0, onError: 'dlq' }, plugin: failing(1) })
  let refuse: (error: Error) => void = () => {}
  w.onDeadLetter = () =>
    new Promise((_, reject) => {
      refuse = reject
    })
  await w.send(0, ...OLD.values, ...NEW.values)
  assert.deepEqual(contents(w), ['old', 'new'])
  refuse(new Error('no'))
  await w.clock.advance(600_000)
  assert.deepEqual(ends(w), [
    ['ok', undefined],
    ['superseded', 'skipped'],
  ])
})

test('with a journal an older content does not run after a kill that came before the commit', async t => {
  const w = world(t, { journal: memoryJournal(), plugin: failing(1) })
  w.onCommit = async () => {
    throw new Error('refused')
  }
  await w.send(0, ...OLD.values, ...NEW.values)
  await w.clock.advance(2_000)
  w.crash()
  w.onCommit = undefined
  w.assign()
  await w.read()
  await w.clock.advance(2_000)
  assert.deepEqual(contents(w), ['old', 'new'])
  assert.equal(w.committed.get(0), 2)
})

test('the order of contents holds whatever fails, and every offset is resolved or held', async t => {
  const run = fc.record({
    // Path and how often its content fails, in the order in which they are sent.
    sent: fc.array(fc.record({ path: fc.constantFrom('a', 'b'), fails: fc.nat(4) }), {
      minLength: 1,
      maxLength: 8,
    }),
    retries: fc.nat(2),
    threads: fc.integer({ min: 1, max: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(run, async ({ sent, retries, threads }) => {
      const left = sent.map(({ fails }) => fails)
      const done: number[] = []
      const w = world(t, {
        threads,
        settings: { retries, onError: 'hold' },
        plugin({ content }) {
          const index = Number(content)
          const newer = done.find(other => other > index && sent[other]?.path === sent[index]?.path)
          assert.equal(newer, undefined, `${index} runs after ${newer} was processed`)
          if ((left[index] as number)-- > 0) return failure('broken')
          done.push(index)
          return DONE
        },
      })
      await w.send(0, ...sent.flatMap(({ path }, index) => cut(path, String(index)).values))
      await w.clock.advance(60_000)
      const held = sent.findIndex(
        ({ path, fails }, index) =>
          fails > retries && !done.some(other => other > index && sent[other]?.path === path),
      )
      assert.equal(w.committed.get(0) ?? 0, held === -1 ? sent.length : held)
    }),
    { numRuns: 60 },
  )
})

test('a content that is sent again after a newer one was processed is the newest: it runs again and is the last', async t => {
  const w = world(t)
  const [one, two] = [cut('v', 'one 1111'), cut('v', 'two 2222')]
  for (const sent of [one, two, one, one, two]) {
    await w.send(0, ...sent.values)
    await w.clock.advance(2_000)
  }
  const contents = () => w.calls.map(call => call.content)
  assert.deepEqual(contents(), ['one 1111', 'two 2222', 'one 1111', 'two 2222'])
  assert.equal(w.committed.get(0), 10)
  // Neither a rebalance nor a restart takes what was read for something new.
  ;(w.committed as Map<number, number>).set(0, 0)
  await w.revoke()
  w.assign()
  await w.read()
  await w.clock.advance(2_000)
  assert.equal(w.calls.length, 4)
  await w.send(0, ...one.values)
  await w.clock.advance(2_000)
  assert.deepEqual(contents().slice(4), ['one 1111'])
})

test('after a restart, too: and one that was begun again when the process ended runs then', async t => {
  const w = world(t)
  const [one, two] = [cut('v', 'one 1111'), cut('v', 'two 2222')]
  for (const sent of [one, two]) {
    await w.send(0, ...sent.values)
    await w.clock.advance(2_000)
  }
  w.crash()
  w.assign()
  await w.send(0, one.values[0] as Buffer)
  await w.clock.advance(2_000)
  w.crash()
  w.assign()
  await w.read()
  await w.send(0, one.values[1] as Buffer)
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(call => call.content),
    ['one 1111', 'two 2222', 'one 1111'],
  )
})

test('a copy of a single chunk of an older content is set aside in time, and runs nothing', async t => {
  const w = world(t, { settings: { incompleteAfterMs: 5_000 } })
  const [one, two] = [cut('v', 'one 1111'), cut('v', 'two 2222')]
  await w.send(0, ...one.values, ...two.values)
  await w.clock.advance(2_000)
  await w.send(0, one.values[1] as Buffer)
  await w.reachEnds()
  await w.clock.advance(6_000)
  await w.reachEnds()
  await w.tick()
  await w.clock.advance(2_000)
  assert.equal(w.calls.length, 2)
  assert.equal(w.committed.get(0), 5)
})
