/** For commands whose work is not what they print: a full disk behind stdout is told once, and the work goes on. */
import type { Invocation } from '../command.ts'

export function tellLostOutput({ stdout, stderr }: Pick<Invocation, 'stdout' | 'stderr'>): void {
  stdout.once('error', ({ code, message }: NodeJS.ErrnoException) => {
    // Nobody reads: the stop that follows is told.
    if (code !== 'EPIPE') stderr.write(`dfsp: stdout cannot be written, it goes on without: ${message}\n`)
  })
}
