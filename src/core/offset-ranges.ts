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
  const runs: { partition: number; from: number; to: number }[] = []
  const sorted = [...offsets].sort((a, b) => a.partition - b.partition || a.offset - b.offset)
  for (const { partition, offset } of sorted) {
    const last = runs.at(-1)
    if (last?.partition === partition && offset <= last.to + 1) last.to = offset
    else runs.push({ partition, from: offset, to: offset })
  }
  return runs
}

/** One range per partition, from its lowest to its highest offset. `ranges` is sorted. */
export function spans(ranges: readonly OffsetRange[]): OffsetRange[] {
  const found = new Map<number, OffsetRange>()
  for (const range of ranges)
    found.set(range.partition, { ...range, from: (found.get(range.partition) ?? range).from })
  return [...found.values()]
}
