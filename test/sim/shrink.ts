/** A smaller history of the same seed that breaks a promise, too: with fewer kinds of fault and fewer files. */
import type { Outcome } from './outcome.ts'
import type { Without } from './plan.ts'

/** How a history of a kind is run. */
export type RunHistory = (
  seed: number,
  options?: { readonly without?: Without; readonly tracing?: boolean },
) => Promise<Outcome>

export async function shrink(
  runHistory: RunHistory,
  seed: number,
  failed: Outcome,
): Promise<{ without: Without; outcome: Outcome }> {
  let without: Without = { kinds: new Set(), files: new Set() }
  let outcome = failed
  const files = Array.from({ length: failed.files }, (_, i) => i)
  const attempts: ((now: Without) => Without)[] = [
    ...[...failed.on].map(kind => (now: Without) => ({ ...now, kinds: new Set([...now.kinds, kind]) })),
    ...files.map(file => (now: Without) => ({ ...now, files: new Set([...now.files, file]) })),
  ]
  for (const less of attempts) {
    const next = less(without)
    const smaller = await runHistory(seed, { without: next })
    if (smaller.violation === undefined) continue
    without = next
    outcome = smaller
  }
  return {
    without,
    outcome: { ...outcome, trace: (await runHistory(seed, { without, tracing: true })).trace },
  }
}

export function asOptions({ kinds, files }: Without): string {
  const list = (name: string, of: ReadonlySet<unknown>) =>
    of.size > 0 ? ` --${name} ${[...of].join(',')}` : ''
  return `${list('without', kinds)}${list('without-files', files)}`
}
