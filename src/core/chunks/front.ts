/** How far a file's chunks adjoin from its first byte on: what can be digested before the rest of it is there. */
import type { Chunk } from './chunk.ts'

export interface Front {
  /** All bytes below are there. */
  readonly bytes: number
  /** Notes a chunk, in any order; one that overlaps others does not count, and makes no whole file anyway. */
  place(chunk: Pick<Chunk, 'offset' | 'data'>): void
}

export function front(): Front {
  let bytes = 0
  /** Offset -> length of chunks that came before those in front of them. */
  const early = new Map<number, number>()
  return {
    get bytes() {
      return bytes
    },
    place({ offset, data }) {
      if (offset > bytes) return void early.set(offset, data.length)
      if (offset < bytes) return
      bytes += data.length
      for (let next = early.get(bytes); next !== undefined; next = early.get(bytes)) {
        early.delete(bytes)
        bytes += next
      }
    },
  }
}
