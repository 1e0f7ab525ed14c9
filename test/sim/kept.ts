/** For tests: a history in which all promises have to be kept. A failure tells its seed, and a smaller history of it. */
import assert from 'node:assert/strict'
import { asOptions, type RunHistory, shrink } from './shrink.ts'

/** What happened in it. `option`: of the command that tells it. */
export async function kept(
  runHistory: RunHistory,
  seed: number,
  option = '',
): Promise<ReadonlyMap<string, number>> {
  const outcome = await runHistory(seed)
  if (outcome.violation === undefined) return outcome.counts
  const { without, outcome: smaller } = await shrink(runHistory, seed, outcome)
  assert.fail(
    [
      `seed ${seed}: ${outcome.violation}`,
      `smaller: npm run test:sim -- ${option}--seed ${seed}${asOptions(without)}`,
      `${smaller.violation}, after`,
      ...smaller.trace.slice(-40).map(line => line.slice(0, 240)),
    ].join('\n'),
  )
}

/** Throws where something happened less often than `least` says: then the histories prove nothing. */
export async function allKept(
  run: (seed: number) => Promise<ReadonlyMap<string, number>>,
  histories: number,
  leastOf: Readonly<Record<string, number>>,
): Promise<void> {
  const counts = new Map<string, number>()
  for (let seed = 1; seed <= histories; seed++)
    for (const [what, times] of await run(seed)) counts.set(what, (counts.get(what) ?? 0) + times)
  for (const [what, least] of Object.entries(leastOf)) {
    const times = counts.get(what) ?? 0
    assert.ok(times >= least, `${what} happened ${times} times only, not ${least}`)
  }
}
