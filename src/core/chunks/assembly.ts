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
const PAGE_BITS = 1024

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
  /** The highest index of a chunk that is there, 0 without any. */
  readonly highest: number
  /** Geometry and kept digest of each chunk that is there, in order of arrival. */
  chunks(): PlacedChunks
}

/**
 * A row of numbers for each: there may be hundreds of thousands of chunks, and an object each takes long to make and to
 * send, and for each open file more memory than its name.
 */
export type PlacedChunks = Uint32Array

export interface PlacedChunk extends ChunkSpan {
  /** The first `KEPT_HASH_BYTES` bytes of its SHA-512. */
  readonly hash: Uint8Array
}

export function* eachPlaced(rows: PlacedChunks): Generator<PlacedChunk> {
  for (let at = 0; at < rows.length; at += ROW)
    yield {
      index: rows[at] as number,
      offset: offsetAt(rows, at),
      length: rows[at + LENGTH] as number,
      hash: Uint8Array.from(
        { length: KEPT_HASH_BYTES },
        (_, i) => (rows[at + HASH + (i >> 2)] as number) >>> (8 * (i & 3)),
      ),
    }
}

export function assembly(total: number): Assembly {
  return new ChunkTable(total)
}

/** Of a row: the index, the offset as two numbers, the length, the kept bytes of the digest; each time the lower part first. */
const OFFSET = 1
const LENGTH = 3
const HASH = 4
const ROW = HASH + KEPT_HASH_BYTES / 4
const FIRST_ROWS = 8
const HIGH = 2 ** 32

function offsetAt(rows: Uint32Array, at: number): number {
  return (rows[at + OFFSET] as number) + (rows[at + OFFSET + 1] as number) * HIGH
}

/** One row a chunk, in order of arrival. A class: there is one for each open file, and closures would be most of it. */
class ChunkTable implements Assembly {
  readonly total: number
  count = 0
  bytes = 0
  readonly #present = new Bitmap()
  #rows: Uint32Array
  /** Row by index; made for the first copy that replaces another. */
  #rowOf: Map<number, number> | undefined

  constructor(total: number) {
    this.total = total
    this.#rows = new Uint32Array(Math.min(total, FIRST_ROWS) * ROW)
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
    this.bytes += data.length - (this.#rows[row * ROW + LENGTH] as number)
    this.#write(row, index, offset, data.length, chunkHash)
  }

  #write(row: number, index: number, offset: number, length: number, hash: Uint8Array): void {
    const rows = this.#rows
    const at = row * ROW
    rows[at] = index
    rows[at + OFFSET] = offset
    rows[at + OFFSET + 1] = Math.floor(offset / HIGH)
    rows[at + LENGTH] = length
    for (let i = 0; i < KEPT_HASH_BYTES / 4; i++)
      rows[at + HASH + i] =
        (hash[4 * i] as number) |
        ((hash[4 * i + 1] as number) << 8) |
        ((hash[4 * i + 2] as number) << 16) |
        ((hash[4 * i + 3] as number) << 24)
  }

  remove(indexes: readonly number[]): void {
    this.#rowOf = undefined
    for (const index of indexes) this.#present.clear(index - 1)
    const rows = this.#rows
    let kept = 0
    for (let row = 0; row < this.count; row++) {
      const at = row * ROW
      if (this.has(rows[at] as number)) rows.copyWithin(kept++ * ROW, at, at + ROW)
      else this.bytes -= rows[at + LENGTH] as number
    }
    this.count = kept
  }

  /** Chunks must tile the file: one after the other from 0, without gap or overlap. Their indexes mostly tell the order. */
  size(): number | { readonly wrong: string } {
    const rows = this.#rows
    const rowOf = new Int32Array(this.total)
    for (let row = 0; row < this.count; row++) rowOf[(rows[row * ROW] as number) - 1] = row
    let end = 0
    for (let i = 0; i < rowOf.length; i++) {
      const at = (rowOf[i] as number) * ROW
      if (offsetAt(rows, at) !== end) return this.#sizeInAnyOrder()
      end += rows[at + LENGTH] as number
    }
    return end
  }

  /**
   * Begins and ends are sorted apart from each other, as plain numbers: with a function that compares, hundreds of thousands
   * of chunks in disorder take a second. Where each one begins at the end that stands before it, just one covers each byte.
   */
  #sizeInAnyOrder(): number | { readonly wrong: string } {
    const begins = new Float64Array(this.count)
    const ends = new Float64Array(this.count)
    for (let row = 0; row < this.count; row++) {
      begins[row] = offsetAt(this.#rows, row * ROW)
      ends[row] = (begins[row] as number) + (this.#rows[row * ROW + LENGTH] as number)
    }
    begins.sort()
    ends.sort()
    let end = 0
    for (let i = 0; i < this.count; end = ends[i++] as number)
      if (begins[i] !== end) return this.#misplaced(begins[i] as number, begins[i - 1])
    return end
  }

  /** What is wrong with the chunk that begins at byte `begin`, with all before it in place; the last of those begins at `before`. */
  #misplaced(begin: number, before: number | undefined): { readonly wrong: string } {
    let end = before === undefined ? 0 : Number.POSITIVE_INFINITY
    let longest = -1
    let index = 0
    for (let at = 0; at < this.count * ROW; at += ROW) {
      const [offset, length] = [offsetAt(this.#rows, at), this.#rows[at + LENGTH] as number]
      if (offset === before) end = Math.min(end, offset + length)
      if (offset !== begin || length < longest) continue
      longest = length
      index = this.#rows[at] as number
    }
    const what = begin > end ? 'a gap before' : 'an overlap at'
    return { wrong: `${what} chunk ${index}: it begins at byte ${begin}, the one before ends at ${end}` }
  }

  get highest(): number {
    let highest = 0
    for (let row = 0; row < this.count; row++) highest = Math.max(highest, this.#rows[row * ROW] as number)
    return highest
  }

  chunks(): PlacedChunks {
    return this.#rows.slice(0, this.count * ROW)
  }

  #grow(): void {
    const rows = this.#rows
    this.#rows = new Uint32Array(rows.length * 2)
    this.#rows.set(rows)
  }
}

/** A set of bits that takes memory only where bits were set, so that a hostile count costs nothing. */
class Bitmap {
  /** The first bits, which are all of them for most files. */
  #first = 0
  #others: Map<number, Uint32Array> | undefined

  has(bit: number): boolean {
    if (bit < FIRST_BITS) return (this.#first & maskOf(bit)) !== 0
    const page = this.#others?.get(Math.floor(bit / PAGE_BITS))
    return page !== undefined && ((page[wordOf(bit)] as number) & maskOf(bit)) !== 0
  }

  /** False if it was set already. */
  set(bit: number): boolean {
    if (bit < FIRST_BITS) {
      const before = this.#first
      this.#first |= maskOf(bit)
      return this.#first !== before
    }
    const number = Math.floor(bit / PAGE_BITS)
    const page = this.#others?.get(number) ?? this.#addPage(number)
    const word = page[wordOf(bit)] as number
    page[wordOf(bit)] = word | maskOf(bit)
    return (word & maskOf(bit)) === 0
  }

  clear(bit: number): void {
    if (bit < FIRST_BITS) this.#first &= ~maskOf(bit)
    const page = this.#others?.get(Math.floor(bit / PAGE_BITS))
    if (page !== undefined) page[wordOf(bit)] = (page[wordOf(bit)] as number) & ~maskOf(bit)
  }

  #addPage(number: number): Uint32Array {
    const page = new Uint32Array(PAGE_BITS / 32)
    this.#others ??= new Map()
    this.#others.set(number, page)
    return page
  }
}

/** As many as lie in a small integer of V8, without a number of its own in memory. */
const FIRST_BITS = 30
const wordOf = (bit: number) => (bit % PAGE_BITS) >>> 5
const maskOf = (bit: number) => 1 << (bit & 31)
