/**
 * Whole lives of the processor against a simulated world, each driven by one seed: broker, group, disk, threads,
 * dead letters and the process itself fail at random. After every step the promises are checked (checks.ts), and once
 * the faults are over everything has to come to rest. A failure names its seed; `npm run test:sim -- --seed N` tells
 * its history.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runHistory } from './history.ts'
import { FOUND } from './seeds.ts'
import { asOptions, shrink } from './shrink.ts'

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
  const counts = new Map<string, number>()
  for (let seed = 1; seed <= HISTORIES; seed++) {
    for (const [what, times] of await kept(seed)) counts.set(what, (counts.get(what) ?? 0) + times)
  }
  for (const [what, least] of Object.entries(LEAST)) {
    const times = counts.get(what) ?? 0
    assert.ok(times >= least, `${what} happened ${times} times only, not ${least}`)
  }
})

for (const [seed, defect] of FOUND)
  test(`seed ${seed} stays good: ${defect}`, async () => {
    await kept(seed)
  })

test('a seed tells the same history every time', async () => {
  const [once, again] = [await runHistory(7, { tracing: true }), await runHistory(7, { tracing: true })]
  assert.ok(once.trace.length > 20)
  assert.deepEqual(again.trace, once.trace)
})

/** Runs a history in which all promises have to be kept; what happened in it. */
async function kept(seed: number): Promise<ReadonlyMap<string, number>> {
  const outcome = await runHistory(seed)
  if (outcome.violation === undefined) return outcome.counts
  const { without, outcome: smaller } = await shrink(seed, outcome)
  assert.fail(
    [
      `seed ${seed}: ${outcome.violation}`,
      `smaller: npm run test:sim -- --seed ${seed}${asOptions(without)}`,
      `${smaller.violation}, after`,
      ...smaller.trace.slice(-40).map(line => line.slice(0, 240)),
    ].join('\n'),
  )
}
