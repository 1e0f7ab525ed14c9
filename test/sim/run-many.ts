/**
 * Many histories, or one of them told: `npm run test:sim -- --histories N [--seed S]`, `-- --seed N` alone tells.
 */
import { parseArgs } from 'node:util'
import { runHistory } from './history.ts'
import { KINDS, type Kind } from './kinds.ts'

const { values } = parseArgs({
  options: {
    histories: { type: 'string' },
    seed: { type: 'string', default: '1' },
    without: { type: 'string', default: '' },
    'without-files': { type: 'string', default: '' },
    keep: { type: 'string', default: '10' },
  },
})
const first = Number(values.seed)
const without = {
  kinds: new Set(
    values.without.split(',').filter(kind => (KINDS as readonly string[]).includes(kind)) as Kind[],
  ),
  files: new Set(values['without-files'].split(',').filter(Boolean).map(Number)),
}
if (values.histories === undefined) {
  const outcome = await runHistory(first, { tracing: true, without })
  console.log(outcome.trace.join('\n'))
  console.log([...outcome.on].join(' '))
  console.log(outcome.violation ?? 'all is well')
} else {
  const started = performance.now()
  const counts = new Map<string, number>()
  let bad = 0
  let steps = 0
  const n = Number(values.histories)
  for (let seed = first; seed < first + n; seed++) {
    const outcome = await runHistory(seed, { without })
    for (const [what, times] of outcome.counts) counts.set(what, (counts.get(what) ?? 0) + times)
    steps += outcome.steps
    if (outcome.violation !== undefined && bad++ < Number(values.keep))
      console.log(`seed ${seed}: ${outcome.violation.slice(0, 300)}`)
  }
  const seconds = (performance.now() - started) / 1000
  console.log(
    `${n} histories, ${bad} bad, ${(n / seconds).toFixed(0)}/s, ${(steps / n).toFixed(0)} steps each`,
  )
  for (const [what, times] of [...counts].sort()) console.log(`${what}: ${times}`)
}
