/**
 * Simulated histories by hand:
 * - `npm run test:sim -- --histories N [--seed S]` runs N histories from seed S on, over all processors, or so many `--processes`;
 * - `npm run test:sim -- --seed S` tells one history step by step; `--without KIND,.. --without-files N,..` as a
 *   failure names them.
 * - `--shared`: histories of several processes that share the topic.
 */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runHistory } from './history.ts'
import { runSharedHistory } from './shared/history.ts'
import { asOptions, shrink } from './shrink.ts'

const { values } = parseArgs({
  options: {
    histories: { type: 'string' },
    shared: { type: 'boolean', default: false },
    processes: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string', default: '1' },
    without: { type: 'string', default: '' },
    'without-files': { type: 'string', default: '' },
  },
})
const TOLD_FAILURES = 20
const TRACE_LINES = 60
const SLICE = 500
const TELL_EVERY = 50_000

interface Slice {
  readonly from: number
  readonly to: number
}

interface SliceResult {
  readonly counts: readonly (readonly [string, number])[]
  readonly failures: readonly string[]
  readonly steps: number
}

const first = Number(values.seed)
const run = values.shared ? runSharedHistory : runHistory
if (process.send) work()
else if (values.histories === undefined) await tell()
else await runAll(first, Number(values.histories))

async function tell(): Promise<void> {
  const kinds = new Set(values.without.split(','))
  const files = new Set(values['without-files'].split(',').filter(Boolean).map(Number))
  const outcome = await run(first, { tracing: true, without: { kinds, files } })
  for (const line of outcome.trace) console.log(line)
  console.log(`on: ${[...outcome.on].join(' ')}`)
  console.log(`seed ${first}: ${outcome.violation ?? 'all is well'}`)
  process.exitCode = outcome.violation === undefined ? 0 : 1
}

/** A child process: takes slices of seeds until there are no more. */
function work(): void {
  process.on('message', (slice: Slice) => {
    void runSlice(slice).then(result => process.send?.(result))
  })
}

async function runSlice({ from, to }: Slice): Promise<SliceResult> {
  const counts = new Map<string, number>()
  const failures: string[] = []
  let steps = 0
  for (let seed = from; seed < to; seed++) {
    const outcome = await run(seed)
    for (const [what, times] of outcome.counts) counts.set(what, (counts.get(what) ?? 0) + times)
    steps += outcome.steps
    if (outcome.violation === undefined) continue
    const smaller = await shrink(run, seed, outcome)
    failures.push(
      [
        `seed ${seed}: ${outcome.violation}`,
        `  smaller: --seed ${seed}${asOptions(smaller.without)}: ${smaller.outcome.violation}`,
        ...smaller.outcome.trace.slice(-TRACE_LINES).map(line => `    ${line.slice(0, 240)}`),
      ].join('\n'),
    )
  }
  return { counts: [...counts], failures, steps }
}

async function runAll(from: number, count: number): Promise<void> {
  const started = performance.now()
  const counts = new Map<string, number>()
  let next = from
  let failed = 0
  let steps = 0
  let done = 0
  const take = (): Slice | undefined => {
    if (next >= from + count) return undefined
    const slice = { from: next, to: Math.min(next + SLICE, from + count) }
    next = slice.to
    return slice
  }
  const child = () =>
    new Promise<void>((resolve, reject) => {
      const worker = fork(fileURLToPath(import.meta.url), process.argv.slice(2), {
        execArgv: ['--import', 'tsx'],
      })
      const give = () => {
        const slice = take()
        if (slice) worker.send(slice)
        else worker.disconnect()
      }
      worker.on('message', (result: SliceResult) => {
        for (const [what, times] of result.counts) counts.set(what, (counts.get(what) ?? 0) + times)
        steps += result.steps
        done += SLICE
        if (done % TELL_EVERY === 0 && done < count) console.error(`${done} histories`)
        for (const failure of result.failures) if (failed++ < TOLD_FAILURES) console.log(failure)
        give()
      })
      worker.on('exit', code => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))))
      give()
    })
  await Promise.all(Array.from({ length: Number(values.processes) }, child))
  const seconds = (performance.now() - started) / 1_000
  for (const [what, times] of [...counts].sort()) console.log(`${String(times).padStart(10)} ${what}`)
  console.log(
    `${count} histories from seed ${from}, ${failed} with a broken promise; ${(count / seconds).toFixed(0)}/s, ${(steps / count).toFixed(0)} steps each`,
  )
  process.exitCode = failed === 0 ? 0 : 1
}
