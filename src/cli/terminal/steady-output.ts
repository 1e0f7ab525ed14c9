/**
 * Lines to stdout or stderr of work that goes on whoever reads: nothing is waited for, a reader that is slow or stands
 * still costs a bounded amount of memory, and what cannot be written is left out and told once.
 */

import type { Writable } from 'node:stream'

export interface SteadyOutput {
  /** One line or more, with their ends. */
  write(text: string): void
  /** The reader is so far behind that there is no sense in drawing for it. */
  readonly isBehind: boolean
  close(): void
}

export interface SteadyOutputDeps {
  /** Told once. What can be written again later is. */
  onBroken(error: NodeJS.ErrnoException): void
  /** The reader has caught up; so many writes were left out before. */
  onLeftOut(count: number): void
}

const MOST_BYTES = 16 * 1024 * 1024

export function steadyOutput(stream: NodeJS.WritableStream, deps: SteadyOutputDeps): SteadyOutput {
  const { onBroken, onLeftOut } = deps
  const output = stream as Writable
  let leftOut = 0

  function onDrain(): void {
    const count = leftOut
    leftOut = 0
    if (count > 0) onLeftOut(count)
  }

  output.once('error', onBroken)
  output.on('drain', onDrain)
  return {
    write(text) {
      if (output.writableLength < MOST_BYTES) output.write(text)
      else leftOut++
    },
    get isBehind() {
      return output.writableNeedDrain
    },
    close() {
      output.off('error', onBroken)
      output.off('drain', onDrain)
    },
  }
}
