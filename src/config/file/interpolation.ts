/** `%%` and `%(name)s` in INI values, as Python's BasicInterpolation; a `%` that Python refuses stays as it is. */
import { nearest } from '../../core/text/nearest.ts'

/** Python's limit; it also ends references in a circle. */
const MAX_DEPTH = 10

export interface Interpolated {
  readonly value: string
  readonly problem: string | undefined
}

/** The value of `key`, with references resolved among `texts` (the section's keys and those of [DEFAULT]). */
export function interpolate(key: string, texts: ReadonlyMap<string, string>): Interpolated {
  let problem: string | undefined

  const resolve = (text: string, depth: number): string =>
    text.replaceAll(/%%|%\(([^)]+)\)s/g, (found, name: string | undefined) => {
      if (name === undefined) return '%'
      const target = texts.get(name.toLowerCase())
      if (target === undefined) {
        const near = nearest(name, texts.keys())
        problem ??= `${found} refers to no key of this section or [DEFAULT]${near === undefined ? '' : `, did you mean %(${near})s`}`
        return found
      }
      if (!target.includes('%')) return target
      if (depth === MAX_DEPTH) {
        problem ??= `references go round in a circle or deeper than ${MAX_DEPTH}`
        return found
      }
      return problem === undefined ? resolve(target, depth + 1) : found
    })

  return { value: resolve(texts.get(key) ?? '', 1), problem }
}
