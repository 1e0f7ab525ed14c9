/**
 * Assembly of one file from chunks in any order: which are there, where each lies, whether they make a whole.
 * It knows geometry and digests, not bytes: those lie with whoever stores them.
 *
 * The size of the reconstructed file is known only when all chunks are there: chunks may be of unequal length.
 */
import type { Chunk } from './chunk.ts'

/** Leading bytes of a chunk's SHA-512 kept to tell a bad chunk after a mismatch: 128 bits. */
export const KEPT_HASH_BYTES = 16
const PAGE_BITS = 4096

export type Placement = 'new' | 'duplicate'

export interface Assembly {
  readonly total: number
  /** Chunks that are there. */
  readonly count: number
  /** Bytes of those chunks. */
  readonly bytes: number
  /** Notes a chunk; `duplicate` when one with its index is there already. */
  place(chunk: Pick<Chunk, 'index' | 'offset' | 'data' | 'chunkHash'>): Placement
  has(index: number): boolean
  /** Makes a chunk missing again, so that a good copy of it can take its place. */
  remove(index: number): void
  /** With all chunks there: the size in bytes, or what is wrong with their geometry. */
  size(): number | { readonly wrong: string }
  /** Geometry and kept digest of each chunk that is there, in order of arrival. */
  chunks(): PlacedChunk[]
}

export interface PlacedChunk {
  readonly index: number
  readonly offset: number
  readonly length: number
  /** The first `KEPT_HASH_BYTES` bytes of its SHA-512. */
  readonly hash: Uint8Array
}

export function assembly(total: number): Assembly {
  const present = bitmap(total)
  const table = chunkTable(Math.min(total, 8))
  let bytes = 0
  return {
    total,
    get count() {
      return table.length
    },
    get bytes() {
      return bytes
    },
    has: index => present.has(index - 1),
    place(chunk) {
      if (!present.set(chunk.index - 1)) return 'duplicate'
      table.push(chunk)
      bytes += chunk.data.length
      return 'new'
    },
    remove(index) {
      if (!present.clear(index - 1)) return
      bytes -= table.remove(index)
    },
    size: () => wholeSize(table.list(), bytes),
    chunks: () => table.list(),
  }
}

/** Chunks must tile the file: one after the other from 0, without gap or overlap. */
function wholeSize(chunks: PlacedChunk[], bytes: number): number | { readonly wrong: string } {
  chunks.sort((a, b) => a.offset - b.offset || a.length - b.length)
  let end = 0
  for (const chunk of chunks) {
    if (chunk.offset !== end) {
      const what = chunk.offset > end ? `a gap before` : `an overlap at`
      return {
        wrong: `${what} chunk ${chunk.index}: it begins at byte ${chunk.offset}, the one before ends at ${end}`,
      }
    }
    end += chunk.length
  }
  return bytes
}

/** A set of bits that takes memory only where bits were set, so that a hostile count costs nothing. */
function bitmap(total: number) {
  const pages = new Map<number, Uint32Array>()
  const words = Math.ceil(Math.min(total, PAGE_BITS) / 32)
  const locate = (bit: number) => {
    const page = Math.floor(bit / PAGE_BITS)
    let data = pages.get(page)
    if (!data) {
      data = new Uint32Array(words)
      pages.set(page, data)
    }
    return { data, word: (bit % PAGE_BITS) >>> 5, mask: 1 << (bit & 31) }
  }
  return {
    has(bit: number): boolean {
      const data = pages.get(Math.floor(bit / PAGE_BITS))
      return data !== undefined && ((data[(bit % PAGE_BITS) >>> 5] as number) & (1 << (bit & 31))) !== 0
    },
    /** False if it was set already. */
    set(bit: number): boolean {
      const { data, word, mask } = locate(bit)
      if (((data[word] as number) & mask) !== 0) return false
      data[word] = (data[word] as number) | mask
      return true
    },
    /** False if it was not set. */
    clear(bit: number): boolean {
      const { data, word, mask } = locate(bit)
      if (((data[word] as number) & mask) === 0) return false
      data[word] = (data[word] as number) & ~mask
      return true
    },
  }
}

/** Geometry of the chunks in order of arrival, 32 bytes each, doubling as needed. */
function chunkTable(capacity: number) {
  let length = 0
  let index = new Uint32Array(capacity)
  let offset = new Float64Array(capacity)
  let size = new Uint32Array(capacity)
  let hash = new Uint8Array(capacity * KEPT_HASH_BYTES)
  const grow = () => {
    const next = index.length * 2
    index = grown(index, new Uint32Array(next))
    offset = grown(offset, new Float64Array(next))
    size = grown(size, new Uint32Array(next))
    hash = grown(hash, new Uint8Array(next * KEPT_HASH_BYTES))
  }
  return {
    get length() {
      return length
    },
    push(chunk: Pick<Chunk, 'index' | 'offset' | 'data' | 'chunkHash'>) {
      if (length === index.length) grow()
      index[length] = chunk.index
      offset[length] = chunk.offset
      size[length] = chunk.data.length
      hash.set(chunk.chunkHash.subarray(0, KEPT_HASH_BYTES), length * KEPT_HASH_BYTES)
      length++
    },
    /** Removes one row, the last taking its place; returns its bytes. */
    remove(chunkIndex: number): number {
      const row = index.subarray(0, length).indexOf(chunkIndex)
      const removed = size[row] as number
      length--
      index[row] = index[length] as number
      offset[row] = offset[length] as number
      size[row] = size[length] as number
      hash.copyWithin(row * KEPT_HASH_BYTES, length * KEPT_HASH_BYTES, (length + 1) * KEPT_HASH_BYTES)
      return removed
    },
    list(): PlacedChunk[] {
      return Array.from({ length }, (_, row) => ({
        index: index[row] as number,
        offset: offset[row] as number,
        length: size[row] as number,
        hash: hash.slice(row * KEPT_HASH_BYTES, (row + 1) * KEPT_HASH_BYTES),
      }))
    },
  }
}

function grown<T extends Uint32Array | Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from)
  return to
}
