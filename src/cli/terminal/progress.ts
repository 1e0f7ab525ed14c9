/** A line on stderr for what takes long: from the third second on, redrawn on a terminal, now and then in a pipe. */
import { oneLine } from '../../core/text/shown-text.ts'
import type { Invocation } from '../command.ts'

export interface Progress {
  /** What is shown from now on. Cheap to call often; `text` is asked for when it is shown. */
  update(text: () => string): void
  /** Takes the line away, until the next update. */
  end(): void
}

const SILENT_MS = 2_000
const REDRAW_MS = 250
const REPEAT_MS = 10_000

/** Shows nothing before the first update; `end` must be called at last. */
export function slowProgress({ stderr, env }: Invocation, isQuiet: boolean): Progress {
  const terminal = stderr as NodeJS.WriteStream
  const isTerminal = terminal.isTTY === true && env.TERM !== 'dumb'
  let nextAt = performance.now() + SILENT_MS
  let drawn = false
  let current = () => ''
  let timer: NodeJS.Timeout | undefined
  function show(): void {
    if (performance.now() < nextAt) return
    nextAt = performance.now() + (isTerminal ? REDRAW_MS : REPEAT_MS)
    const line = oneLine(current())
    stderr.write(isTerminal ? `\r\x1b[K${line.slice(0, (terminal.columns || 80) - 1)}` : `${line}\n`)
    drawn = isTerminal
  }
  return {
    update(text) {
      if (isQuiet) return
      current = text
      // What is waited for may be an answer that does not come, and so no further update.
      timer ??= setInterval(show, REDRAW_MS)
    },
    end() {
      clearInterval(timer)
      timer = undefined
      if (drawn) stderr.write('\r\x1b[K')
      drawn = false
    },
  }
}
