/** The real clock, timers and digests that a processor is given. */

import { hash } from 'node:crypto'
import { HASH } from '../core/chunks/chunk.ts'
import type { ProcessorDeps } from '../processor/processor-deps.ts'

export const realEdges: Pick<ProcessorDeps, 'now' | 'after' | 'sha512' | 'digest128'> = {
  now: () => performance.now(),
  after(ms, then) {
    const timer = setTimeout(then, ms)
    return () => clearTimeout(timer)
  },
  sha512: data => hash(HASH, data, 'buffer'),
  digest128: text => hash('sha256', text, 'binary').slice(0, 16),
}
