/**
 * Large files are digested while their chunks still arrive, in threads that have nothing else to do. Else all of that
 * work would begin with the last chunk. It only saves time: a thread whose digest is not the announced
 * one digests the whole again.
 */

import type { Chunk } from '../../core/chunks/chunk.ts'
import { type Front, front } from '../../core/chunks/front.ts'
import { PAGE_BYTES } from '../../core/page-bytes.ts'
import type { Source } from '../../core/source.ts'
import { isWhole, type OpenFile } from '../table/open-file.ts'

export interface DigestAhead {
  /** A new chunk of the file was written. */
  placed(file: OpenFile, chunk: Chunk): void
  /** Bytes of the file were written over or dropped: what was digested of it counts no more. */
  forget(file: OpenFile): void
  /** The file is whole and goes to a thread: under which key it was digested, undefined where it was not. */
  take(file: OpenFile): number | undefined
}

/** See plugin/host/host.ts. */
export interface DigestThreads {
  digestAhead(key: number, from: number, source: () => Source): boolean
  forgetDigest(key: number): void
}

/** Smaller files are over in a moment; where many of them come, threads have enough to do. */
const LARGE_BYTES = 32 * 1024 * 1024
/** … where no other file is there: its digest is all that is left to wait for. */
const LARGE_ALONE_BYTES = 4 * 1024 * 1024
/** Of one call: at least what is worth the message, at most what a thread does in some 15 ms. */
const LEAST_BYTES = 1024 * 1024
const MOST_BYTES = 16 * 1024 * 1024

/** Files that are digested ahead at a time. */
const MOST_BEGUN = 32

interface Begun {
  readonly key: number
  readonly front: Front
  /** A whole number of pages. */
  digested: number
}

/** `isAlone`: no other file arrives or is processed at present. */
export function digestAhead(threads: DigestThreads, isAlone: () => boolean): DigestAhead {
  const begun = new Map<OpenFile, Begun>()
  let keys = 0

  function begin(file: OpenFile, chunk: Chunk): Begun | undefined {
    const bytes = chunk.total * chunk.data.length
    if (file.assembly.count > 1 || bytes < LARGE_ALONE_BYTES || (bytes < LARGE_BYTES && !isAlone())) return
    for (const other of begun.keys()) {
      // Set aside or given up; or too many were begun, and this one for longest.
      if (other.state === 'assembling' && begun.size < MOST_BEGUN) break
      forget(other)
    }
    const own = { key: ++keys, front: front(), digested: 0 }
    begun.set(file, own)
    return own
  }

  function forget(file: OpenFile): void {
    const own = begun.get(file)
    if (own === undefined) return
    begun.delete(file)
    threads.forgetDigest(own.key)
  }

  return {
    placed(file, chunk) {
      const own = begun.get(file) ?? begin(file, chunk)
      if (own === undefined) return
      own.front.place(chunk)
      if (isWhole(file)) return // it goes to a thread now
      const { key, digested: from } = own
      const there = Math.min(own.front.bytes, from + MOST_BYTES)
      const to = there - (there % PAGE_BYTES)
      if (to - from < LEAST_BYTES) return
      if (threads.digestAhead(key, from, () => file.stored.part(from, to))) own.digested = to
    },
    forget,
    take(file) {
      const own = begun.get(file)
      begun.delete(file)
      return own !== undefined && own.digested > 0 ? own.key : undefined
    },
  }
}
