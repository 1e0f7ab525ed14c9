import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AssignedPartition } from '../../src/kafka/consumer/assignment.ts'
import type { FileConsumer } from '../../src/kafka/consumer/consumer.ts'
import type { Processor } from '../../src/processor/processor.ts'
import { NOTHING_COUNTED, runProgress } from '../../src/run/run-progress.ts'

/** A run of one partition of 10 records. */
async function progressOf(options: { untilEnd?: boolean; maxFiles?: number }) {
  let pauses = 0
  const consumer = { pauseForGood: () => void pauses++ }
  const state = {
    position: 0,
    quiet: true,
    readUntil: Number.NEGATIVE_INFINITY,
    counts: { ...NOTHING_COUNTED },
  }
  const ledger = { partitions: () => [0], epoch: () => 1, position: () => state.position }
  const work = Object.defineProperties(
    { ledger },
    Object.getOwnPropertyDescriptors({
      get quiet() {
        return state.quiet
      },
      get counts() {
        return state.counts
      },
      get readUntil() {
        return state.readUntil
      },
    }),
  ) as unknown as Processor
  const progress = runProgress(
    { untilEnd: false, maxFiles: undefined, shared: false, ...options },
    consumer as unknown as FileConsumer,
  )
  progress.aim([{ partition: 0, start: 0, end: 10 } as AssignedPartition])
  return {
    pauses: () => pauses,
    readUpTo: () => progress.readUpTo(work),
    isOver(
      change: Partial<Omit<typeof state, 'counts'>> & { done?: number; failed?: number; skipped?: number },
    ) {
      const { done, failed, skipped, ...rest } = change
      Object.assign(state, rest)
      state.counts = { ...NOTHING_COUNTED, done: done ?? 0, failed: failed ?? 0, skipped: skipped ?? 0 }
      let over = false
      progress.check(work, () => {
        over = true
      })
      return over
    },
  }
}

test('--max-files counts what is processed or set aside for good; what is held does not count', async () => {
  for (const untilEnd of [false, true]) {
    const { isOver } = await progressOf({ maxFiles: 3, untilEnd })
    assert.equal(isOver({ position: 5, failed: 3 }), false)
    assert.equal(isOver({ position: 5, failed: 3, done: 2 }), false)
    assert.equal(isOver({ position: 5, failed: 3, done: 3 }), true)
    assert.equal(isOver({ position: 5, failed: 1, skipped: 1, done: 2 }), true)
  }
})

test('--max-files ends once all that was there is read and as many files were tried, however many of them failed', async () => {
  const { isOver, pauses } = await progressOf({ maxFiles: 3 })
  assert.equal(isOver({ position: 10, failed: 2 }), false, 'it waits for what comes')
  assert.equal(isOver({ position: 10, failed: 3, quiet: false }), false)
  assert.equal(pauses(), 1)
  assert.equal(isOver({ position: 10, failed: 3, quiet: true }), true)
})

test('up to when all was read: never before the goal, from then on the time of the goal, at the end of the topic now', async () => {
  const before = Date.now()
  const run = await progressOf({ untilEnd: true })
  const aimed = Date.now()
  run.isOver({ position: 9 })
  assert.equal(run.readUpTo(), undefined)
  run.isOver({ position: 10 })
  const upTo = run.readUpTo() as number
  assert.ok(upTo >= before && upTo <= aimed)
  run.isOver({ position: 10, readUntil: performance.now() + 1_000 })
  assert.ok((run.readUpTo() as number) > aimed)
  // While it only waits for what runs nothing is read any more.
  run.isOver({ quiet: false })
  const stopped = Date.now()
  run.isOver({ quiet: true, readUntil: performance.now() + 60_000 })
  assert.ok((run.readUpTo() as number) <= stopped)
})

test('a run that ends by the clock knows up to when all was read by the ends that it saw', async () => {
  const run = await progressOf({})
  assert.equal(run.readUpTo(), undefined)
  const from = Date.now() - 1
  run.isOver({ readUntil: performance.now() })
  assert.ok((run.readUpTo() as number) >= from)
})
