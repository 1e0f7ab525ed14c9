/** What `dfsp try` shows: a line for each file, what the plugin produced, and a summary. */

import { styleText } from 'node:util'
import { jsonLine, oneLine } from '../../core/text/shown-text.ts'
import type { Log } from '../log.ts'
import { formatMs } from '../quantities.ts'

export type TryEvent =
  | { readonly type: 'problem' | 'info'; readonly text: string }
  | {
      readonly type: 'file'
      readonly path: string
      readonly result: 'ok' | 'failed'
      readonly ms: number
      readonly error?: string
    }
  | { readonly type: 'summary'; readonly summary: TrySummary }

export interface TrySummary {
  readonly done: number
  readonly failed: number
  readonly seconds: number
  readonly exit: number
}

export interface TryReporterDeps {
  readonly log: Log
  /** Takes one line of stdout without its end. */
  readonly print: (line: string) => void
  readonly json: boolean
  readonly color: boolean
}

export function tryReporter({ log, print, json, color }: TryReporterDeps): (event: TryEvent) => void {
  const paint = (format: 'green' | 'red', text: string) =>
    color ? styleText(format, text, { validateStream: false }) : text
  return event => {
    if ('text' in event) return log.write(event.type === 'problem' ? 'warn' : 'info', event.text)
    if (json) {
      const { type, ...rest } = event
      const parts = 'summary' in rest ? rest.summary : rest
      return print(jsonLine({ v: 1, type, ...parts }))
    }
    if (event.type === 'file') {
      const mark = event.result === 'ok' ? paint('green', 'ok  ') : paint('red', 'FAIL')
      const rest = event.result === 'ok' ? formatMs(event.ms) : bracketed(event.error ?? '')
      return print(`${mark} ${oneLine(event.path)}  ${oneLine(rest)}`)
    }
    const { done, failed, seconds, exit } = event.summary
    if (done + failed === 0 && exit === 0) return log.write('warn', 'found no file to try')
    log.write('info', `${done} ok, ${failed} failed`, { seconds })
  }
}

/** "no numbers at plot.ts:9:31" -> "no numbers (plot.ts:9:31)". */
function bracketed(error: string): string {
  return error.replace(/ at (\S+:\d+:\d+)$/, ' ($1)')
}
