/** The paths and patterns of a command line. */
import { glob } from '../core/glob.ts'
import { DfspError } from '../errors.ts'

export interface WantedPaths {
  /** As it was given. */
  readonly shown: string
  matches(path: string): boolean
}

/** All paths where none is given. Throws E_USAGE on a pattern that cannot be read. */
export function wantedPaths(given: readonly string[]): readonly WantedPaths[] {
  if (given.length === 0) return [{ shown: '', matches: () => true }]
  return given.map(shown => {
    const matches = glob(shown)
    if (typeof matches === 'function') return { shown, matches }
    throw new DfspError('E_USAGE', `"${shown}" ${matches.problem}`, {
      next: String.raw`write \[ or \{ where the character itself is meant`,
    })
  })
}
