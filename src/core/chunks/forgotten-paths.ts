/** Which paths were forgotten, in a bounded amount of memory: a Bloom filter. */
export interface ForgottenPaths {
  add(path: string): void
  /** Always true of one that was added; seldom of another. */
  mayHave(path: string): boolean
}

const BITS = 2 ** 24
const HASHES = 3

export function forgottenPaths(): ForgottenPaths {
  let bits: Uint8Array | undefined

  return {
    add(path) {
      bits ??= new Uint8Array(BITS / 8)
      for (const bit of bitsOf(path)) bits[bit >>> 3] = (bits[bit >>> 3] as number) | (1 << (bit & 7))
    },
    mayHave(path) {
      return bits !== undefined && bitsOf(path).every(bit => (bits?.[bit >>> 3] as number) & (1 << (bit & 7)))
    },
  }
}

/** From two hashes: FNV-1a, and the same with its bits mixed. */
function bitsOf(path: string): number[] {
  let a = 0x811c9dc5
  for (let i = 0; i < path.length; i++) a = Math.imul(a ^ path.charCodeAt(i), 0x01000193)
  const b = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d) | 1
  return Array.from({ length: HASHES }, (_, i) => ((a ^ (a >>> 16)) + i * b) & (BITS - 1))
}
