import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Ledger, ledger, type Receipt } from '../../src/core/offsets/ledger.ts'
import type { CommittedOffset } from '../../src/kafka/consumer/assignment.ts'
import type { OffsetCommit } from '../../src/kafka/consumer/committer.ts'
import { commits } from '../../src/processor/commit/commits.ts'
import { manualClock, settled } from './clock.ts'
import { deferred } from './world.ts'

interface Request {
  readonly offsets: readonly OffsetCommit[]
  readonly at: number
  answer(error?: Error): Promise<void>
}

/** Commits over a ledger with partitions 0 and 1 at offset 0; each request waits until the test answers it. */
function setUp(isIdle = false, shared = false) {
  const clock = manualClock()
  const book: Ledger = ledger()
  for (const partition of [0, 1]) book.assign(partition, 0, 0)
  const requests: Request[] = []
  const failures: string[] = []
  let succeeded = 0
  const fills: number[] = []
  const state = {
    isIdle,
    /** What the broker has committed. */
    there: new Map<number, CommittedOffset>(),
    finished: [] as string[],
    /** A partition whose record has no room. */
    tooLarge: undefined as number | undefined,
  }
  const committing = commits({
    shared,
    ledger: book,
    content: ({ partition, base, position }) => ({
      base,
      position,
      runs: partition === state.tooLarge ? undefined : position > base ? [0, position - base] : [],
      files: undefined,
      finished: state.finished,
      attempts: new Map(),
    }),
    committedNow: async () => state.there,
    onFill: fill => fills.push(fill),
    async commit(offsets) {
      const { promise, resolve } = deferred<Error | undefined>()
      const answer = async (error?: Error) => {
        resolve(error)
        await settled()
      }
      requests.push({ offsets, at: clock.now(), answer })
      const error = await promise
      if (error) throw error
    },
    isIdle: () => state.isIdle,
    now: clock.now,
    after: clock.after,
    partitionBytes: 100,
    onFailed: error => failures.push((error as Error).message),
    onCommitted: () => succeeded++,
  })
  const done = (partition: number) => {
    book.resolve(book.receive(partition, book.position(partition), 0) as Receipt)
    committing.soon()
  }
  return { clock, book, requests, failures, committing, done, state, fills, succeeded: () => succeeded }
}

/** Without the commit records. */
function bare(request: Request | undefined) {
  return request?.offsets.map(({ partition, offset }) => ({ partition, offset }))
}

test('all that moved is committed in one request', async () => {
  const { requests, done, clock } = setUp()
  done(0)
  await clock.advance(0)
  await requests[0]?.answer()
  done(0)
  done(1)
  await clock.advance(1_000)
  assert.deepEqual(bare(requests[1]), [
    { partition: 0, offset: 2 },
    { partition: 1, offset: 1 },
  ])
})

test('while files are in work small requests follow each other five times a second, large ones less often', async () => {
  for (const [digests, least, most] of [
    [0, 20, 26],
    [170, 10, 16],
  ] as const) {
    const { requests, state, during } = setUpBusy()
    state.finished = Array.from({ length: digests }, (_, i) => `${i}`.padStart(16))
    await during(5_000)
    assert.ok(requests.length >= least && requests.length <= most, `${requests.length} requests in 5 s`)
  }
})

function setUpBusy() {
  const all = setUp()
  const { requests, done, clock } = all
  const during = async (ms: number) => {
    for (let i = 0; i < ms / 100; i++) {
      done(0)
      done(1)
      await clock.advance(100)
      await requests.at(-1)?.answer()
    }
  }
  return { ...all, during }
}

test('there is at least the time between two requests that the first one asks for', async () => {
  const { requests, state, during } = setUpBusy()
  state.finished = Array.from({ length: 170 }, (_, i) => `${i}`.padStart(16))
  await during(5_000)
  for (const [i, { at }] of requests.entries())
    assert.ok(i === 0 || at - (requests[i - 1] as Request).at >= 300)
})

test('when nothing is in work a commit follows soon', async () => {
  const { requests, done, clock, state } = setUp()
  done(0)
  await clock.advance(0)
  await requests[0]?.answer()
  done(0)
  state.isIdle = true
  done(0)
  await clock.advance(200)
  assert.deepEqual(bare(requests[1]), [{ partition: 0, offset: 3 }])
})

test('one request is in flight at a time; what was resolved meanwhile follows', async () => {
  const { requests, done, clock, committing } = setUp()
  done(0)
  await clock.advance(0)
  for (let i = 0; i < 5; i++) {
    done(0)
    await clock.advance(5_000)
  }
  const now = committing.now()
  await clock.advance(5_000)
  assert.equal(requests.length, 1)
  await requests[0]?.answer()
  assert.deepEqual(bare(requests[1]), [{ partition: 0, offset: 6 }])
  await requests[1]?.answer()
  assert.equal(await now, true)
  assert.ok(committing.settled)
})

test('several who ask for a commit at once are served one after the other', async () => {
  const { requests, done, committing } = setUp()
  done(0)
  const all = [committing.now(), committing.now(), committing.now()]
  await settled()
  assert.equal(requests.length, 1)
  await requests[0]?.answer()
  assert.deepEqual(await Promise.all(all), [true, true, true])
  assert.equal(requests.length, 1, 'nothing was left for the others')
})

test('fault 15: a refused commit is told and repeated, and nothing is taken as committed', async () => {
  const { requests, done, clock, failures, committing, succeeded } = setUp()
  done(0)
  await clock.advance(0)
  await requests[0]?.answer(new Error('14 coordinator loading'))
  assert.deepEqual(failures, ['14 coordinator loading'])
  assert.equal(committing.settled, false)
  assert.equal(succeeded(), 0)
  await clock.advance(999)
  assert.equal(requests.length, 1)
  await clock.advance(1)
  assert.deepEqual(bare(requests[1]), [{ partition: 0, offset: 1 }])
  await requests[1]?.answer()
  assert.ok(committing.settled)
  assert.equal(succeeded(), 1)
})

const rebalancing = () => Object.assign(new Error('between two assignments'), { isRebalancing: true })

test('what a rebalance refuses is committed as soon as the group takes commits again', async () => {
  const { requests, done, clock } = setUp(true)
  done(0)
  await clock.advance(0)
  for (let refused = 0; refused < 5; refused++) {
    await requests[refused]?.answer(rebalancing())
    await clock.advance(200)
  }
  assert.deepEqual(bare(requests[5]), [{ partition: 0, offset: 1 }])
})

test('who stops while the group is rebalanced tries until it takes the commit, or the time is over', async () => {
  for (const [ms, tries, result] of [
    [1_000, 3, true],
    [300, 3, false],
  ] as const) {
    const { requests, done, clock, committing } = setUp()
    done(0)
    const committed = committing.within(ms)
    committing.stop()
    await settled()
    for (let refused = 0; refused < 2; refused++) {
      await requests[refused]?.answer(rebalancing())
      await clock.advance(200)
    }
    await requests[2]?.answer(result ? undefined : rebalancing())
    assert.equal(await committed, result)
    assert.equal(requests.length, tries)
  }
})

test('who stops does not wait for a commit that is refused for another reason', async () => {
  const { requests, done, committing } = setUp()
  done(0)
  const committed = committing.within(20_000)
  await settled()
  await requests[0]?.answer(new Error('no'))
  assert.equal(await committed, false)
})

test('fault 15: who waits for a commit that is refused is told so', async () => {
  const { requests, done, committing } = setUp()
  done(0)
  const result = committing.now()
  await settled()
  await requests[0]?.answer(new Error('no'))
  assert.equal(await result, false)
})

test('fault 15: the answer to a commit of an epoch that ended changes nothing', async () => {
  const { requests, done, clock, book } = setUp()
  done(0)
  await clock.advance(0)
  book.revoke(0)
  book.assign(0, 0, 0)
  await requests[0]?.answer()
  done(0)
  assert.deepEqual(
    book.cut().map(part => [part.partition, part.base]),
    [[0, 1]],
  )
})

test('with nothing to commit there is no request', async () => {
  const { requests, clock, committing } = setUp()
  committing.soon()
  assert.equal(await committing.now(), true)
  await clock.advance(10_000)
  assert.equal(requests.length, 0)
})

test('after the end no request is made unasked', async () => {
  const { requests, done, clock, committing } = setUp()
  done(0)
  committing.stop()
  done(0)
  await clock.advance(10_000)
  assert.equal(requests.length, 0)
})

test('fault 16: a commit whose answer was lost is looked up, and not made again', async () => {
  const { requests, done, clock, committing, failures, succeeded, state } = setUp()
  done(0)
  await clock.advance(0)
  const [sent] = requests[0]?.offsets ?? []
  state.there = new Map([[0, { offset: 1, metadata: sent?.metadata?.slice(0, -1) }]])
  await requests[0]?.answer(new Error('timed out'))
  assert.deepEqual(failures, [])
  assert.equal(succeeded(), 1)
  assert.ok(committing.settled)
  await clock.advance(5_000)
  assert.equal(requests.length, 1)
})

test('fault 66: where one record does not fit nothing is committed, and all once it does', async () => {
  const { requests, done, clock, committing, fills, state, book } = setUp()
  done(0)
  done(1)
  state.tooLarge = 1
  await clock.advance(3_000)
  assert.equal(requests.length, 0)
  assert.ok(fills.every(fill => fill > 1))
  assert.ok(committing.settled, 'a run may end, since nothing more can be done')
  assert.equal(await committing.now(), false)
  assert.equal(book.isClean, false)
  state.tooLarge = undefined
  await clock.advance(2_000)
  assert.deepEqual(bare(requests[0]), [
    { partition: 0, offset: 1 },
    { partition: 1, offset: 1 },
  ])
  assert.ok((fills.at(-1) ?? 9) < 1)
})

const refused = (tooLong: 'record' | 'request') => Object.assign(new Error('refused'), { tooLong })

test('a broker that takes shorter records only gets them at once: what is best effort goes first', async () => {
  const { requests, done, clock, committing, failures, state } = setUp()
  state.finished = ['a'.repeat(16), 'b'.repeat(16)]
  done(0)
  await clock.advance(0)
  const longest = () => Math.max(...(requests.at(-1)?.offsets ?? []).map(o => o.metadata?.length ?? 0))
  assert.equal(longest(), 59)
  await requests[0]?.answer(refused('record'))
  assert.equal(requests.length, 2, 'without a pause')
  assert.ok(longest() < 30)
  await requests[1]?.answer()
  assert.deepEqual(failures, [])
  assert.ok(committing.settled)
  done(0)
  await clock.advance(1_000)
  assert.ok(longest() < 30, 'the limit is remembered')
})

test('a broker that takes no record at all: nothing is sent again and again, and a run may end', async () => {
  const { requests, done, clock, committing, fills } = setUp()
  done(0)
  await clock.advance(0)
  for (let i = 0; i < 5; i++) await requests.at(-1)?.answer(refused('record'))
  assert.ok(requests.length <= 3, `${requests.length} requests`)
  await clock.advance(60_000)
  assert.ok(requests.length <= 3)
  assert.ok((fills.at(-1) ?? 0) > 1)
  assert.ok(committing.settled)
  assert.equal(await committing.now(), false)
})

test('a request is of 500 KB at most: what is best effort is left out of all records, and all partitions stay together', async () => {
  const many = Array.from({ length: 255 }, (_, i) => i)
  const { requests, done, clock, state, book } = setUp()
  for (const partition of many.slice(2)) book.assign(partition, 0, 0)
  state.finished = Array.from({ length: 170 }, (_, i) => `${i}`.padStart(16))
  for (const partition of many) done(partition)
  await clock.advance(0)
  const sizes = requests[0]?.offsets.map(({ metadata = '' }) => metadata.length) ?? []
  assert.equal(sizes.length, 255)
  assert.ok(sizes.reduce((sum, size) => sum + size + 100, 0) <= 500_000)
})

test('a refused commit is repeated after growing pauses, and as ever after one that succeeded', async () => {
  const { requests, done, clock } = setUp()
  done(0)
  await clock.advance(0)
  const at: number[] = []
  for (let i = 0; i < 7; i++) {
    at.push(clock.now())
    await requests.at(-1)?.answer(new Error('not now'))
    const before = requests.length
    while (requests.length === before) await clock.advance(500)
  }
  const pauses = at.slice(1).map((time, i) => time - (at[i] as number))
  assert.deepEqual(pauses, [1_000, 2_000, 2_000, 2_000, 2_000, 2_000])
  await requests.at(-1)?.answer()
  done(0)
  await clock.advance(1_000)
  assert.equal(requests.length, 9)
})

test('where partitions are shared a record that does not fit holds back none but its own', async () => {
  const { requests, done, clock, state, fills, committing, book } = setUp(false, true)
  state.tooLarge = 1
  done(0)
  done(1)
  await clock.advance(1_000)
  assert.deepEqual(bare(requests[0]), [{ partition: 0, offset: 1 }])
  assert.ok((fills[0] as number) > 1)
  await requests[0]?.answer()
  assert.equal(book.isClean, false)
  state.tooLarge = undefined
  const now = committing.now()
  await settled()
  assert.deepEqual(bare(requests[1]), [{ partition: 1, offset: 1 }])
  await requests[1]?.answer()
  assert.equal(await now, true)
})

test('where partitions are shared what is too much for one request goes in several, at once', async () => {
  const { requests, committing, book, state } = setUp(false, true)
  state.finished = Array.from({ length: 170 }, (_, i) => `${i}`.padStart(16))
  for (let partition = 2; partition < 300; partition++) book.assign(partition, 0, undefined)
  const now = committing.now()
  for (let i = 0; i < 3; i++) {
    await settled()
    const { offsets, answer } = requests[i] as Request
    const bytes = offsets.reduce((sum, { metadata = '' }) => sum + metadata.length + 100, 0)
    assert.ok(bytes <= 500_000)
    await answer()
  }
  assert.equal(await now, true)
  assert.equal(requests.flatMap(({ offsets }) => offsets).length, 298)
})
