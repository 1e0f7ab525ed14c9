/** The real clock, timers and digests that a processor is given. */
import { createHash } from 'node:crypto'
import type { ProcessorDeps } from './processor-deps.ts'

export const realEdges: Pick<ProcessorDeps, 'now' | 'after' | 'sha512' | 'digest128'> = {
  now: () => performance.now(),
  after(ms, then) {
    const timer = setTimeout(then, ms)
    return () => clearTimeout(timer)
  },
  sha512: data => createHash('sha512').update(data).digest(),
  digest128: text => createHash('sha256').update(text).digest().toString('latin1', 0, 16),
}
