/**
 * Whole lives of the processor against a simulated world, each driven by one seed: broker, group, disk, threads,
 * dead letters and the process itself fail at random. After every step the promises are checked (checks.ts), and once
 * the faults are over everything has to come to rest. A failure names its seed; `npm run test:sim -- --seed N` tells
 * its history.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runHistory } from './history.ts'
import { allKept, kept } from './kept.ts'
import { FOUND } from './seeds.ts'

const HISTORIES = 1_000

/** What has to happen in them at least so often, or they prove nothing. */
const LEAST: Readonly<Record<string, number>> = {
  'file processed': 2_000,
  'file run again': 30,
  'attempt failed': 500,
  'commit applied': 2_000,
  'commit refused': 100,
  'answer of a commit lost': 50,
  'commit applied after a crash': 8,
  crash: 300,
  'orderly stop': 300,
  'other host': 50,
  'partitions revoked': 100,
  'partitions lost': 50,
  'partitions owned by another': 15,
  'stale batch': 3,
  pause: 300,
  outages: 50,
  'environment blamed': 15,
  'held file came back': 30,
  'plugin hangs': 5,
  'thread dies': 10,
  'output fails': 10,
  fullDisk: 100,
  refetch: 5,
  'dead letter written': 150,
  'dead letter: refused': 10,
  'journal entry': 300,
  'file held: failed': 50,
  'file held: mismatch': 50,
  'file skipped: late': 10,
  'file skipped: incomplete': 15,
  retention: 15,
  'offsets reset': 15,
}

test('fault 12: through 1,000 histories no file is lost, none is wrong, nothing is committed too early', async () => {
  await allKept(seed => kept(runHistory, seed), HISTORIES, LEAST)
})

for (const [seed, defect] of FOUND)
  test(`seed ${seed} stays good: ${defect}`, async () => {
    await kept(runHistory, seed)
  })

test('a seed tells the same history every time', async () => {
  const [once, again] = [await runHistory(7, { tracing: true }), await runHistory(7, { tracing: true })]
  assert.ok(once.trace.length > 20)
  assert.deepEqual(again.trace, once.trace)
})
