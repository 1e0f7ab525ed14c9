/** How an error is told: in text what failed, where and why, what to do next; as JSON the same parts. */

import { DfspError } from '../base/errors.ts'
import { jsonLine, textLines } from '../core/text/shown-text.ts'

/** Ends with a line feed. The stack is shown with `debug` only. */
export function errorText(error: unknown, { debug }: { readonly debug: boolean }): string {
  const stack = debug ? textLines(stackOf(error).split('\n')) : ''
  if (!(error instanceof DfspError)) {
    const line = `dfsp: internal error: ${messageOf(error)}; please report it; --debug shows the stack [E_INTERNAL]`
    return `${textLines([line])}${stack}`
  }
  const { message, code, facts, next = `dfsp help ${code}` } = error
  return `${textLines([`dfsp: ${message} [${code}]`, ...facts.map(fact => `  ${fact}`), `Try: ${next}`])}${stack}`
}

/** An error in the log: its message, and as fields those parts that there are. */
export function loggedError({ message, code, facts, next }: DfspError): [message: string, fields: object] {
  return [
    `${message} [${code}]`,
    {
      ...(facts.length === 0 ? {} : { facts: facts.join('; ') }),
      ...(next === undefined ? {} : { try: next }),
    },
  ]
}

/** One line of `--json` output, without its line feed. */
export function errorJson(error: unknown): string {
  const known = error instanceof DfspError ? error : new DfspError('E_INTERNAL', messageOf(error))
  const { code, message, facts, next, exitCode } = known
  return jsonLine({ v: 1, type: 'error', code, message, facts, next, exit: exitCode })
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text
    .split('\n')
    .map(line => line.trim())
    .join(' ')
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
