/** The paths and patterns of a command line. */

import { DfspError } from '../base/errors.ts'
import { glob, isPlain, literal } from '../core/text/glob.ts'

export interface WantedPaths {
  /** As it was given. */
  readonly shown: string
  matches(path: string): boolean
}

/** A first of `paths` that a pattern spells as it stands, and does not mean: as "[x].csv" means x.csv. */
export function spelled(shown: string, paths: Iterable<string>): string | undefined {
  const meant = isPlain(shown) ? undefined : glob(literal(shown))
  if (typeof meant !== 'function') return undefined
  for (const path of paths) if (meant(path)) return path
  return undefined
}

/** All paths where none is given. Throws E_USAGE on a pattern that cannot be read. */
export function wantedPaths(given: readonly string[]): readonly WantedPaths[] {
  if (given.length === 0) return [{ shown: '', matches: () => true }]
  return given.map(shown => {
    const matches = glob(shown)
    if (typeof matches === 'function') return { shown, matches }
    throw new DfspError('E_USAGE', `"${shown}" ${matches.problem}`, {
      next: /[[{]/.test(shown)
        ? String.raw`write \[ or \{ where the character itself is meant: '${literal(shown)}'`
        : 'a file, a folder, or ** for all',
    })
  })
}
