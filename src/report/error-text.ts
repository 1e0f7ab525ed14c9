/** How an error is told: in text what failed, where and why, what to do next; as JSON the same parts. */
import { DfspError } from '../errors.ts'

/** Ends with a line feed. The stack is shown with `debug` only. */
export function errorText(error: unknown, { debug }: { readonly debug: boolean }): string {
  const stack = debug ? `${stackOf(error)}\n` : ''
  if (!(error instanceof DfspError)) {
    return `dfsp: internal error: ${messageOf(error)}; please report it; --debug shows the stack [E_INTERNAL]\n${stack}`
  }
  const facts = error.facts.map(fact => `  ${fact}\n`).join('')
  const next = error.next ?? `dfsp help ${error.code}`
  return `dfsp: ${error.message} [${error.code}]\n${facts}Try: ${next}\n${stack}`
}

/** One line of `--json` output, without its line feed. */
export function errorJson(error: unknown): string {
  const known = error instanceof DfspError ? error : new DfspError('E_INTERNAL', messageOf(error))
  const { code, message, facts, next, exitCode } = known
  return JSON.stringify({ v: 1, type: 'error', code, message, facts, next, exit: exitCode })
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, ' ')
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
