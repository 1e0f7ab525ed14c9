/**
 * A sorted multiset of 40-bit numbers as Golomb-Rice coded differences, about 4 bytes for each of some hundred hashes.
 *
 * A byte holds the parameter k; then follow, the highest bit of each byte first, for each number its difference d from
 * the one before (the first: from 0) as floor(d / 2^k) one-bits, a zero-bit and the low k bits of d, the highest
 * first. Zero-bits fill the last byte. How many numbers there are is told elsewhere; of none, nothing is written.
 */
import type { ByteReader } from './varint.ts'

export const RICE_BITS = 40

const LIMIT = 2 ** RICE_BITS

/** `numbers` ascending; undefined when they take more than `room` bytes. */
export function riceCode(numbers: ArrayLike<number>, room: number): Uint8Array | undefined {
  if (numbers.length === 0) return new Uint8Array(0)
  const differences = Array.from(numbers, (n, i) => n - (i === 0 ? 0 : (numbers[i - 1] as number)))
  const { k, bits } = bestParameter(differences)
  const length = 1 + Math.ceil(bits / 8)
  if (length > room) return undefined
  const bytes = new Uint8Array(length)
  bytes[0] = k
  let at = 8
  const put = (bit: number) => {
    bytes[at >> 3] = (bytes[at >> 3] as number) | (bit << (7 - (at & 7)))
    at++
  }
  for (const d of differences) {
    for (let q = Math.floor(d / 2 ** k); q > 0; q--) put(1)
    put(0)
    for (let i = k - 1; i >= 0; i--) put(Math.floor(d / 2 ** i) % 2)
  }
  return bytes
}

function bestParameter(differences: readonly number[]): { k: number; bits: number } {
  let best = { k: 0, bits: Number.POSITIVE_INFINITY }
  for (let k = 0; k < RICE_BITS; k++) {
    let bits = differences.length * (k + 1)
    for (const d of differences) bits += Math.floor(d / 2 ** k)
    if (bits < best.bits) best = { k, bits }
  }
  return best
}

/** Reads `count` numbers; throws a RangeError where they are not as `riceCode` writes them. */
export function readRice(reader: ByteReader, count: number): number[] {
  if (count === 0) return []
  const k = reader.byte()
  if (k >= RICE_BITS) throw new RangeError('the parameter is too large')
  if (count * (k + 1) > reader.left * 8) throw new RangeError('more numbers than bits')
  let byte = 0
  let unread = 0
  const bit = () => {
    if (unread === 0) {
      byte = reader.byte()
      unread = 8
    }
    return (byte >> --unread) & 1
  }
  const numbers: number[] = []
  for (let last = 0; numbers.length < count; ) {
    let d = 0
    while (bit() === 1) d++
    for (let i = 0; i < k; i++) d = d * 2 + bit()
    last += d
    if (last >= LIMIT) throw new RangeError('a number is too large')
    numbers.push(last)
  }
  if ((byte & ((1 << unread) - 1)) !== 0) throw new RangeError('the last byte is not filled with zeros')
  return numbers
}
