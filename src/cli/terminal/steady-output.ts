/**
 * Lines to stdout or stderr of work that goes on whoever reads: nothing is waited for, a reader that is slow or stands
 * still costs a bounded amount of memory; what it does not take is left out, the oldest first, and counted.
 */

import type { Writable } from 'node:stream'
import { waitingLines } from '../../report/waiting-lines.ts'

export interface SteadyOutput {
  /** One line or more, with their ends. */
  write(text: string): void
  /** The reader is so far behind that there is no sense in drawing for it. */
  readonly isBehind: boolean
  /** What waits is handed to the stream, however slow its reader. */
  close(): void
}

export interface SteadyOutputDeps {
  /** Told once. What can be written again later is. */
  onBroken(error: NodeJS.ErrnoException): void
  /** So many writes are left out; returns what is written in their place. */
  onLeftOut(count: number): string
}

const MOST_CHARS = 16 * 1024 * 1024

export function steadyOutput(stream: NodeJS.WritableStream, deps: SteadyOutputDeps): SteadyOutput {
  const { onBroken, onLeftOut } = deps
  const output = stream as Writable
  const waiting = waitingLines(MOST_CHARS)

  function writeWaiting(): void {
    if (waiting.isEmpty) return
    const { text, leftOut } = waiting.take()
    output.write(leftOut === 0 ? text : `${onLeftOut(leftOut)}${text}`)
  }

  output.once('error', onBroken)
  output.on('drain', writeWaiting)
  return {
    write(text) {
      if (output.writableNeedDrain) waiting.add(text)
      else output.write(text)
    },
    get isBehind() {
      return output.writableNeedDrain
    },
    close() {
      writeWaiting()
      output.off('error', onBroken)
      output.off('drain', writeWaiting)
    },
  }
}
