/**
 * Assembly of one file from chunks in any order: which are there, where each lies, whether they make a whole.
 * It knows geometry and digests, not bytes: those lie with whoever stores them.
 *
 * The size of the reconstructed file is known only when all chunks are there: chunks may be of unequal length.
 */

import type { Chunk } from './chunk.ts'
import type { ChunkSpan } from './chunking.ts'

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
  /** Another copy stands in the place of a chunk that is there: what is known is that copy's from now on. */
  replace(chunk: Pick<Chunk, 'index' | 'offset' | 'data' | 'chunkHash'>): void
  /** Makes chunks missing again, so that good copies of them can take their place. */
  remove(indexes: readonly number[]): void
  /** With all chunks there: the size in bytes, or what is wrong with their geometry. */
  size(): number | { readonly wrong: string }
  /** Geometry and kept digest of each chunk that is there, in order of arrival. */
  chunks(): PlacedChunk[]
}

export interface PlacedChunk extends ChunkSpan {
  /** The first `KEPT_HASH_BYTES` bytes of its SHA-512. */
  readonly hash: Uint8Array
}

export function assembly(total: number): Assembly {
  return new ChunkTable(total)
}

const ROW = 3 // index, offset, length
const FIRST_ROWS = 8

/** One row a chunk, in order of arrival. A class: there is one for each open file, and closures would be most of it. */
class ChunkTable implements Assembly {
  readonly total: number
  count = 0
  bytes = 0
  readonly #present: Bitmap
  #rows: Float64Array
  #hashes: Uint8Array
  /** Row by index; made for the first copy that replaces another. */
  #rowOf: Map<number, number> | undefined

  constructor(total: number) {
    this.total = total
    this.#present = new Bitmap(total)
    const rows = Math.min(total, FIRST_ROWS)
    this.#rows = new Float64Array(rows * ROW)
    this.#hashes = new Uint8Array(rows * KEPT_HASH_BYTES)
  }

  has(index: number): boolean {
    return this.#present.has(index - 1)
  }

  place({ index, offset, data, chunkHash }: Parameters<Assembly['place']>[0]): Placement {
    if (!this.#present.set(index - 1)) return 'duplicate'
    if (this.count * ROW === this.#rows.length) this.#grow()
    this.#rowOf?.set(index, this.count)
    this.#write(this.count, index, offset, data.length, chunkHash)
    this.count++
    this.bytes += data.length
    return 'new'
  }

  replace({ index, offset, data, chunkHash }: Parameters<Assembly['place']>[0]): void {
    this.#rowOf ??= new Map(
      Array.from({ length: this.count }, (_, row) => [this.#rows[row * ROW] as number, row]),
    )
    const row = this.#rowOf.get(index)
    if (row === undefined) return
    this.bytes += data.length - (this.#rows[row * ROW + 2] as number)
    this.#write(row, index, offset, data.length, chunkHash)
  }

  #write(row: number, index: number, offset: number, length: number, hash: Uint8Array): void {
    const at = row * ROW
    this.#rows[at] = index
    this.#rows[at + 1] = offset
    this.#rows[at + 2] = length
    const from = row * KEPT_HASH_BYTES
    for (let i = 0; i < KEPT_HASH_BYTES; i++) this.#hashes[from + i] = hash[i] as number
  }

  remove(indexes: readonly number[]): void {
    this.#rowOf = undefined
    for (const index of indexes) this.#present.clear(index - 1)
    const [rows, hashes] = [this.#rows, this.#hashes]
    let kept = 0
    for (let row = 0; row < this.count; row++) {
      if (!this.has(rows[row * ROW] as number)) {
        this.bytes -= rows[row * ROW + 2] as number
        continue
      }
      rows.copyWithin(kept * ROW, row * ROW, (row + 1) * ROW)
      hashes.copyWithin(kept * KEPT_HASH_BYTES, row * KEPT_HASH_BYTES, (row + 1) * KEPT_HASH_BYTES)
      kept++
    }
    this.count = kept
  }

  /** Chunks must tile the file: one after the other from 0, without gap or overlap. */
  size(): number | { readonly wrong: string } {
    const rows = this.#rows
    const order = Array.from({ length: this.count }, (_, row) => row * ROW)
    order.sort(
      (a, b) =>
        (rows[a + 1] as number) - (rows[b + 1] as number) ||
        (rows[a + 2] as number) - (rows[b + 2] as number),
    )
    let end = 0
    for (const at of order) {
      const [index, offset, length] = [rows[at], rows[at + 1] as number, rows[at + 2] as number]
      if (offset !== end) {
        const what = offset > end ? `a gap before` : `an overlap at`
        return {
          wrong: `${what} chunk ${index}: it begins at byte ${offset}, the one before ends at ${end}`,
        }
      }
      end += length
    }
    return end
  }

  chunks(): PlacedChunk[] {
    return Array.from({ length: this.count }, (_, row) => ({
      index: this.#rows[row * ROW] as number,
      offset: this.#rows[row * ROW + 1] as number,
      length: this.#rows[row * ROW + 2] as number,
      hash: this.#hashes.slice(row * KEPT_HASH_BYTES, (row + 1) * KEPT_HASH_BYTES),
    }))
  }

  #grow(): void {
    const [rows, hashes] = [this.#rows, this.#hashes]
    this.#rows = new Float64Array(rows.length * 2)
    this.#rows.set(rows)
    this.#hashes = new Uint8Array(hashes.length * 2)
    this.#hashes.set(hashes)
  }
}

/** A set of bits that takes memory only where bits were set, so that a hostile count costs nothing. */
class Bitmap {
  readonly #words: number
  /** The page of the lowest bits, which is all of them for most files. */
  #first: Uint32Array | undefined
  #others: Map<number, Uint32Array> | undefined

  constructor(total: number) {
    this.#words = Math.ceil(Math.min(total, PAGE_BITS) / 32)
  }

  has(bit: number): boolean {
    const page = this.#page(Math.floor(bit / PAGE_BITS))
    return page !== undefined && ((page[wordOf(bit)] as number) & maskOf(bit)) !== 0
  }

  /** False if it was set already. */
  set(bit: number): boolean {
    const number = Math.floor(bit / PAGE_BITS)
    const page = this.#page(number) ?? this.#addPage(number)
    const word = page[wordOf(bit)] as number
    page[wordOf(bit)] = word | maskOf(bit)
    return (word & maskOf(bit)) === 0
  }

  clear(bit: number): void {
    const page = this.#page(Math.floor(bit / PAGE_BITS))
    if (page !== undefined) page[wordOf(bit)] = (page[wordOf(bit)] as number) & ~maskOf(bit)
  }

  #page(number: number): Uint32Array | undefined {
    return number === 0 ? this.#first : this.#others?.get(number)
  }

  #addPage(number: number): Uint32Array {
    const page = new Uint32Array(this.#words)
    if (number === 0) this.#first = page
    else {
      this.#others ??= new Map()
      this.#others.set(number, page)
    }
    return page
  }
}

const wordOf = (bit: number) => (bit % PAGE_BITS) >>> 5
const maskOf = (bit: number) => 1 << (bit & 31)
