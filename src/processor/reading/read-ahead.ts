/**
 * How far reading may run ahead of the plugin's threads. What they do not come to only fills memory, which is touched
 * for nothing and has left every cache when its turn comes.
 */
import type { OpenFiles } from '../table/open-files.ts'

/** Bytes of whole files without a thread from which on reading slows down. */
const FAR_BYTES = 16 * 1024 * 1024
/** It goes on even so: other files may be waiting for a chunk, and only full memory is a reason to stop. */
const MOST_MS = 50

export interface ReadAhead {
  /** Resolves when more is to be read; undefined: at once. */
  wait(): Promise<void> | undefined
  /** Files were given to threads. */
  look(): void
}

export interface ReadAheadDeps {
  readonly files: Pick<OpenFiles, 'count' | 'queuedBytes'>
  /** A thread has nothing to do. */
  hasFreeThread(): boolean
  after(ms: number, then: () => void): () => void
}

export function readAhead({ files, hasFreeThread, after }: ReadAheadDeps): ReadAhead {
  let wake: (() => void) | undefined
  // One file always waits ready for the thread that becomes free next, however large it is.
  const isFar = () => files.queuedBytes >= FAR_BYTES && files.count('queued') > 1 && !hasFreeThread()
  return {
    wait() {
      if (!isFar()) return
      return new Promise(resolve => {
        const cancel = after(MOST_MS, () => wake?.())
        wake = () => {
          wake = undefined
          cancel()
          resolve()
        }
      })
    },
    look() {
      if (wake !== undefined && !isFar()) wake()
    },
  }
}
