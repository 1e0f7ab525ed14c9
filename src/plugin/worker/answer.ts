/** What a plugin's answer means: `null` is done, everything else is a failure. */

/** Why the attempt failed, undefined when it is done. */
export function whyFailed(answer: unknown): Error | undefined {
  if (answer === null) return undefined
  if (answer instanceof Error) return answer
  return new Error(`returned ${describe(answer)}; return null when done, an Error when not`)
}

/** What was thrown, as an Error or as it is; never undefined or null, nor what cannot even be looked at. */
export function thrownOf(thrown: unknown): unknown {
  try {
    return thrown instanceof Error ? thrown : (thrown ?? new Error(`threw ${describe(thrown)}`))
  } catch {
    return new Error('threw something that cannot be shown as text')
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'undefined'
  if (typeof value === 'object')
    return value === null ? 'null' : `an object (${value.constructor?.name ?? 'no class'})`
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40))
  return typeof value === 'function' ? 'a function' : String(value)
}
