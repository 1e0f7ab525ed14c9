/** Problems of one call's settings are collected, so that the user meets all of them at once. */
import { DfspError } from '../base/errors.ts'

export interface Problem {
  /** "dfsp.config:14", "--threads", "DFSP_THREADS". */
  readonly place: string
  readonly text: string
  /** What was probably meant, or what to do. */
  readonly hint?: string | undefined
  /** Whether a file (78) or the call (2) is at fault. */
  readonly in: 'file' | 'call'
}

/** What is wrong with a text that was written somewhere: see `Written`. */
export function problemAt(
  { place, layer }: { readonly place: string; readonly layer: string },
  text: string,
  hint?: string,
): Problem {
  return { place, text, in: layer === 'file' ? 'file' : 'call', ...(hint === undefined ? {} : { hint }) }
}

/**
 * One error for all problems, by place, flags before files; the first decides the exit code. Call it with at least one.
 * `help` shows the flags that there are.
 */
export function problemsError(problems: readonly Problem[], help?: string): DfspError {
  const sorted = problems.toSorted((a, b) => {
    return a.in === b.in ? a.place.localeCompare(b.place, 'en', { numeric: true }) : a.in === 'call' ? -1 : 1
  })
  const [first, second] = sorted
  const code = first?.in === 'file' ? 'E_CONFIG' : 'E_USAGE'
  const next = code === 'E_USAGE' ? help : undefined
  if (first !== undefined && second === undefined) {
    return new DfspError(code, `${first.place}: ${first.text}`, { next: first.hint ?? next })
  }
  return new DfspError(code, `${problems.length} settings are wrong`, {
    facts: sorted.map(problemText),
    next,
  })
}

/** One line. */
export function problemText({ place, text, hint }: Problem): string {
  return `${place}: ${text}${hint === undefined ? '' : `; ${hint}`}`
}

/** "did you mean ...?", or nothing. */
export function meant(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `did you mean "${name}"?`
}
