/** Chance from a seed: the same numbers for the same seed, on every machine (sfc32, seeded by splitmix32). */

export interface Dice {
  /** From 0 to `below` - 1. */
  below(below: number): number
  /** From `least` to `most`, both included. */
  between(least: number, most: number): number
  /** True with probability `p`. */
  chance(p: number): boolean
  pick<T>(list: readonly T[]): T
  /** Milliseconds from `least` to `most`, short ones more often: each order of magnitude is as likely. */
  delay(least: number, most: number): number
  shuffle<T>(list: T[]): T[]
  /** Dice of their own, so that what one part of a history draws changes nothing for another part. */
  fork(name: string): Dice
}

export function dice(seed: number): Dice {
  const next = sfc32(seed)
  const real = () => next() / 2 ** 32
  const below = (n: number) => Math.floor(real() * n)
  return {
    below,
    between: (least, most) => least + below(most - least + 1),
    chance: p => real() < p,
    pick: list => list[below(list.length)] as never,
    delay: (least, most) => Math.round(least * (most / least) ** real()),
    shuffle(list) {
      for (let i = list.length - 1; i > 0; i--) {
        const j = below(i + 1)
        const kept = list[i] as never
        list[i] = list[j] as never
        list[j] = kept
      }
      return list
    },
    fork: name => dice(mixed(seed, name)),
  }
}

function sfc32(seed: number): () => number {
  let mix = seed | 0
  const split = () => {
    mix = (mix + 0x9e3779b9) | 0
    let t = mix ^ (mix >>> 16)
    t = Math.imul(t, 0x21f0aaad)
    t ^= t >>> 15
    t = Math.imul(t, 0x735a2d97)
    return (t ^ (t >>> 15)) | 0
  }
  // A second half for seeds beyond 32 bits.
  let [a, b, c, counter] = [split(), split() ^ Math.floor(seed / 2 ** 32), split(), 1]
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let i = 0; i < 12; i++) next()
  return next
}

/** FNV-1a over the name, begun at the seed. */
function mixed(seed: number, name: string): number {
  let hash = (seed ^ 0x811c9dc5) >>> 0
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0
  return hash + Math.floor(seed / 2 ** 32) * 2 ** 32
}
