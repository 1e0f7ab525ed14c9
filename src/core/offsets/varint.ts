/**
 * Whole numbers from 0 to 2^53 - 1 as unsigned LEB128: seven bits a byte, the lowest first, bit 7 set in all but the
 * last. Canonical: no number has more bytes than it needs.
 */

/** What the largest number takes. */
export const VARINT_BYTES = 8

/** Writes `value` at `at` and returns the place after it. */
export function putVarint(to: Uint8Array, at: number, value: number): number {
  let rest = value
  let i = at
  while (rest >= 0x80) {
    to[i++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  to[i++] = rest
  return i
}

export function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(VARINT_BYTES)
  return bytes.subarray(0, putVarint(bytes, 0, value))
}

/** Reads from the front of some bytes. Everything throws a RangeError where they end, or are not what was written. */
export interface ByteReader {
  readonly left: number
  byte(): number
  varint(): number
  take(length: number): Uint8Array
}

export function byteReader(bytes: Uint8Array): ByteReader {
  let at = 0
  const byte = () => {
    const next = bytes[at++]
    if (next === undefined) throw new RangeError('the bytes end early')
    return next
  }
  return {
    get left() {
      return bytes.length - at
    },
    byte,
    varint() {
      let value = 0
      for (let scale = 1; ; scale *= 0x80) {
        const next = byte()
        value += (next & 0x7f) * scale
        if (value > Number.MAX_SAFE_INTEGER) throw new RangeError('a number is too large')
        if (next >= 0x80) continue
        if (next === 0 && scale > 1) throw new RangeError('a number is longer than it needs to be')
        return value
      }
    },
    take(length) {
      if (length > bytes.length - at) throw new RangeError('the bytes end early')
      at += length
      return bytes.subarray(at - length, at)
    },
  }
}
