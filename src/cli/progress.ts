/** A line on stderr for what takes long: from the third second on, redrawn on a terminal, now and then in a pipe. */
import type { Invocation } from './command.ts'

export interface Progress {
  /** Cheap to call often; `text` is asked for only when it is shown. */
  update(text: () => string): void
  /** Takes the line away. */
  end(): void
}

const SILENT_MS = 2_000
const REDRAW_MS = 250
const REPEAT_MS = 10_000

export function slowProgress({ stderr, env }: Invocation, isQuiet: boolean): Progress {
  const terminal = stderr as NodeJS.WriteStream
  const isTerminal = terminal.isTTY === true && env.TERM !== 'dumb'
  let nextAt = performance.now() + SILENT_MS
  let drawn = false
  return {
    update(text) {
      if (isQuiet || performance.now() < nextAt) return
      nextAt = performance.now() + (isTerminal ? REDRAW_MS : REPEAT_MS)
      const line = text()
      stderr.write(isTerminal ? `\r\x1b[K${line.slice(0, (terminal.columns || 80) - 1)}` : `${line}\n`)
      drawn = isTerminal
    },
    end() {
      if (drawn) stderr.write('\r\x1b[K')
      drawn = false
    },
  }
}
