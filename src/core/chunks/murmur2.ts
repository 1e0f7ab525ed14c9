/** The hash by which Kafka's Java client chooses a partition for a key: 32-bit MurmurHash2 with its seed. */

const SEED = 0x9747b28c
const M = 0x5bd1e995

/** As a signed 32-bit number, as Java shows it. */
export function murmur2(data: Uint8Array): number {
  const words = data.length >>> 2
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  let h = SEED ^ data.length
  for (let i = 0; i < words; i++) {
    let k = Math.imul(view.getInt32(i * 4, true), M)
    k ^= k >>> 24
    h = Math.imul(h, M) ^ Math.imul(k, M)
  }
  const rest = data.subarray(words * 4)
  if (rest.length > 0) {
    rest.forEach((byte, i) => {
      h ^= byte << (8 * i)
    })
    h = Math.imul(h, M)
  }
  h = Math.imul(h ^ (h >>> 13), M)
  return h ^ (h >>> 15)
}

/** Which of `count` partitions a key belongs to. */
export function partitionOfKey(key: Uint8Array, count: number): number {
  return (murmur2(key) & 0x7fffffff) % count
}
