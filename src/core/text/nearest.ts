/** "Did you mean": the known name that a mistyped one was most likely meant to be. */

/**
 * The candidate with the fewest slips (a letter too many, missing, wrong, or two swapped), the first of equals;
 * `undefined` when even that one is no likely slip. A beginning of at least three letters counts as one slip
 * ("until" for "until-end"). Case and the separators `.`, `-`, `_` are not compared.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const plain = fold(name)
  let best: string | undefined
  let fewest = allowedSlips(plain.length)
  for (const candidate of candidates) {
    const other = fold(candidate)
    if (Math.abs(other.length - plain.length) > fewest && !other.startsWith(plain)) continue
    const slips =
      plain.length >= 3 && other.startsWith(plain)
        ? Math.min(1, other.length - plain.length)
        : distance(plain, other)
    if (slips < fewest || (slips === fewest && best === undefined)) {
      best = candidate
      fewest = slips
    }
  }
  return best
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '.')
}

function allowedSlips(length: number): number {
  return Math.min(4, Math.max(1, Math.floor(length / 3)))
}

/** Optimal string alignment distance: Levenshtein's, where a swap of neighbours is one step. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let steps = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        steps = Math.min(steps, at(beforeLast, j - 2) + 1)
      }
      row.push(steps)
    }
    beforeLast = last
    last = row
  }
  return at(last, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
