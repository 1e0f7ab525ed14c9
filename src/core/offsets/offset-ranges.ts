/** Runs of offsets: where the records of a file lie. */

/** Offsets `from` to `to` of a partition, both inclusive. */
export interface OffsetRange {
  readonly partition: number
  readonly from: number
  readonly to: number
}

/** The offsets as runs, in order of partition and offset; the same offset may come more than once. */
export function offsetRanges(
  offsets: Iterable<{ readonly partition: number; readonly offset: number }>,
): OffsetRange[] {
  const byPartition = new Map<number, number[]>()
  for (const { partition, offset } of offsets) {
    const known = byPartition.get(partition)
    if (known === undefined) byPartition.set(partition, [offset])
    else known.push(offset)
  }
  const runs: OffsetRange[] = []
  for (const [partition, unsorted] of [...byPartition].sort(([a], [b]) => a - b)) {
    // As plain numbers: with a function that compares, hundreds of thousands take a second.
    const sorted = Float64Array.from(unsorted).sort()
    for (let from = 0; from < sorted.length; ) {
      let to = from
      while (to + 1 < sorted.length && (sorted[to + 1] as number) <= (sorted[to] as number) + 1) to++
      runs.push({ partition, from: sorted[from] as number, to: sorted[to] as number })
      from = to + 1
    }
  }
  return runs
}

/** So many runs are looked through for the latest of a partition; with more of them a table knows it. */
const FEW_RUNS = 8

interface Run {
  readonly partition: number
  readonly from: number
  to: number
  readonly before: Run | undefined
}

/**
 * The offsets of a file as runs, noted one by one in constant time; of each partition in ascending order, or there are
 * more runs than need be. A class, and a list of links: there may be one for each of many files.
 */
export class OffsetRuns {
  #latest: Run | undefined
  #count = 0
  #byPartition: Map<number, Run> | undefined

  add(partition: number, offset: number): void {
    const run = this.#latestOf(partition)
    if (run?.to === offset - 1) run.to = offset
    else this.#begin({ partition, from: offset, to: offset, before: this.#latest })
  }

  #latestOf(partition: number): Run | undefined {
    if (this.#byPartition) return this.#byPartition.get(partition)
    let run = this.#latest
    while (run !== undefined && run.partition !== partition) run = run.before
    return run
  }

  #begin(run: Run): void {
    this.#latest = run
    this.#count++
    if (this.#byPartition) this.#byPartition.set(run.partition, run)
    else if (this.#count > FEW_RUNS)
      this.#byPartition = new Map([...this.#all()].reverse().map(each => [each.partition, each]))
  }

  *#all(): Generator<Run> {
    for (let run = this.#latest; run !== undefined; run = run.before) yield run
  }

  /** In order of partition and offset. */
  ranges(): OffsetRange[] {
    const all = Array.from(this.#all(), ({ partition, from, to }) => ({ partition, from, to }))
    return joined(sortedRanges(all), 0)
  }
}

/** How many offsets lie in ranges that do not overlap. */
export function offsetsIn(ranges: readonly OffsetRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0)
}

/** One range per partition, from its lowest to its highest offset. `ranges` is sorted. */
export function spans(ranges: readonly OffsetRange[]): OffsetRange[] {
  const found = new Map<number, OffsetRange>()
  for (const range of ranges)
    found.set(range.partition, { ...range, from: (found.get(range.partition) ?? range).from })
  return [...found.values()]
}

/** What a partition has: offsets `low` to `high` - 1. */
export interface Extent {
  readonly low: number
  readonly high: number
}

/** Splits sorted ranges into what lies within the extents and what does not; a partition without extent has nothing. */
export function clip(
  ranges: readonly OffsetRange[],
  extents: ReadonlyMap<number, Extent>,
): { readonly inside: OffsetRange[]; readonly outside: OffsetRange[] } {
  const inside: OffsetRange[] = []
  const outside: OffsetRange[] = []
  const add = (list: OffsetRange[], partition: number, from: number, to: number) => {
    if (from <= to) list.push({ partition, from, to })
  }
  for (const { partition, from, to } of ranges) {
    const { low, high } = extents.get(partition) ?? { low: 0, high: 0 }
    add(outside, partition, from, Math.min(to, low - 1, high - 1))
    add(inside, partition, Math.max(from, low), Math.min(to, high - 1))
    add(outside, partition, Math.max(from, high), to)
  }
  return { inside, outside }
}

/** Sorted ranges with those made one that overlap or lie at most `gap` offsets apart. */
export function joined(ranges: readonly OffsetRange[], gap: number): OffsetRange[] {
  const found: OffsetRange[] = []
  for (const range of ranges) {
    const last = found.at(-1)
    if (last?.partition === range.partition && range.from - last.to - 1 <= gap)
      found[found.length - 1] = { ...last, to: Math.max(last.to, range.to) }
    else found.push(range)
  }
  return found
}

/** What lies in both; each is sorted and without overlaps. */
export function common(a: readonly OffsetRange[], b: readonly OffsetRange[]): OffsetRange[] {
  const found: OffsetRange[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const one = a[i] as OffsetRange
    const other = b[j] as OffsetRange
    const { partition } = one
    const from = Math.max(one.from, other.from)
    const to = Math.min(one.to, other.to)
    if (partition === other.partition && from <= to) found.push({ partition, from, to })
    if (partition < other.partition || (partition === other.partition && one.to <= other.to)) i++
    else j++
  }
  return found
}

export function sortedRanges(ranges: readonly OffsetRange[]): OffsetRange[] {
  return [...ranges].sort((a, b) => a.partition - b.partition || a.from - b.from)
}

/** "0: 10-14, 20; 3: 7", at most `most` ranges. */
export function rangesText(ranges: readonly OffsetRange[], most = 8): string {
  const parts: string[] = []
  let partition = -1
  for (const range of ranges.slice(0, most)) {
    const run = range.from === range.to ? `${range.from}` : `${range.from}-${range.to}`
    if (range.partition === partition) parts.push(`, ${run}`)
    else parts.push(`${parts.length > 0 ? '; ' : ''}${range.partition}: ${run}`)
    partition = range.partition
  }
  if (ranges.length > most) parts.push(`, and ${ranges.length - most} more`)
  return parts.join('')
}
