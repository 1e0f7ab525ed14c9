/**
 * Several processes that share a topic, against a broker and a group that are simulated: partitions come and go one by one,
 * processes are killed, stand still, are given up and come back. See ../simulation.test.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allKept, kept } from '../kept.ts'
import { runSharedHistory } from './history.ts'
import { FOUND } from './seeds.ts'

const HISTORIES = 1_000

/** What has to happen in them at least so often, or they prove nothing. */
const LEAST: Readonly<Record<string, number>> = {
  'file processed': 2_000,
  'file run again': 20,
  'attempt failed': 800,
  'late null': 10,
  'partitions: assign': 3_000,
  'partitions: revoke': 1_500,
  'change of nothing': 3_000,
  'partition added': 80,
  killed: 300,
  frozen: 250,
  'member given up': 300,
  'orderly stop': 800,
  'stop with files in work': 10,
  'commit applied': 3_000,
  'commit refused': 100,
  'commit illegal generation': 40,
  'commit unknown member': 20,
  'stray chunk': 40,
  'journal entry': 600,
  'dead letter written': 200,
  refetch: 50,
}

const run = (seed: number) => kept(runSharedHistory, seed, '--shared ')

test('through 1,000 histories of 1 to 8 processes no file is lost, none is repeated without a reason', async () => {
  await allKept(run, HISTORIES, LEAST)
})

for (const [seed, defect] of FOUND)
  test(`seed ${seed} of several processes stays good: ${defect}`, async () => {
    await run(seed)
  })

test('a seed tells the same history of several processes every time', async () => {
  const options = { tracing: true }
  const [once, again] = [await runSharedHistory(7, options), await runSharedHistory(7, options)]
  assert.ok(once.trace.length > 20)
  assert.deepEqual(again.trace, once.trace)
})
