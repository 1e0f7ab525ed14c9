/**
 * Which files are read together: those whose records lie between each other's, or each of them would be looked for among
 * the records of all others. Of a path one content at a time, in the order given.
 */
import { type OffsetRange, spans } from '../core/offsets/offset-ranges.ts'

interface Placed {
  readonly letter: { readonly path: string }
  /** Sorted. */
  readonly ranges: readonly OffsetRange[]
}

export function byTopic<F extends { readonly letter: { readonly topic: string } }>(
  files: readonly F[],
): Map<string, F[]> {
  const found = new Map<string, F[]>()
  for (const file of files) {
    const { topic } = file.letter
    const own = found.get(topic)
    if (own === undefined) found.set(topic, [file])
    else own.push(file)
  }
  return found
}

/** In the order given, but for what is read together and the later contents of a path, which come last. */
export function sharedReads<F extends Placed>(files: readonly F[]): F[][] {
  const layers: F[][] = []
  const seen = new Map<string, number>()
  for (const file of files) {
    const before = seen.get(file.letter.path) ?? 0
    seen.set(file.letter.path, before + 1)
    layers[before] ??= []
    layers[before].push(file)
  }
  return layers.flatMap(together)
}

function together<F extends Placed>(files: readonly F[]): F[][] {
  /** To an earlier file of the same read, or itself. */
  const leader = files.map((_, i) => i)
  const first = (i: number): number => {
    let at = i
    while (leader[at] !== at) {
      leader[at] = leader[leader[at] as number] as number
      at = leader[at] as number
    }
    return at
  }
  const places = files.flatMap(({ ranges }, i) => spans(ranges).map(span => ({ ...span, i })))
  let widest: (typeof places)[number] | undefined
  for (const place of places.sort((a, b) => a.partition - b.partition || a.from - b.from)) {
    if (widest?.partition === place.partition && place.from <= widest.to) {
      const [a, b] = [first(widest.i), first(place.i)]
      leader[Math.max(a, b)] = Math.min(a, b)
    }
    if (widest?.partition !== place.partition || place.to > widest.to) widest = place
  }
  const groups = new Map<number, F[]>()
  for (const [i, file] of files.entries()) {
    const group = groups.get(first(i))
    if (group === undefined) groups.set(first(i), [file])
    else group.push(file)
  }
  return [...groups.values()]
}
