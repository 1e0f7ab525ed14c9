/** When records were sent that cannot be read yet: those of an open transaction. */

import type { ListedOffset } from './admin.ts'

/** The first of the records that were sent at a time or later, by partition; an offset below 0 where there is none. */
type FirstSince = (times: ReadonlyMap<number, number>) => Promise<readonly ListedOffset[]>

interface Search {
  readonly offset: number
  early: number
  late: number
  step: number
}

const PRECISION_MS = 1_000

/**
 * When the records at these offsets were sent, to the second: no reader of what is committed gets them, but brokers tell
 * offsets of times. Searched in all partitions at once; where times do not grow with offsets it is near it.
 */
export async function sentAt(
  offsets: ReadonlyMap<number, number>,
  firstSince: FirstSince,
  now: number,
): Promise<Map<number, number>> {
  const sent = new Map<number, number>()
  const searches = new Map<number, Search>()
  for (const [partition, offset] of offsets)
    searches.set(partition, { offset, early: now - PRECISION_MS, late: now, step: PRECISION_MS })
  while (searches.size > 0) {
    const times = new Map(Array.from(searches, ([partition, search]) => [partition, timeFor(search)]))
    const found = new Map((await firstSince(times)).map(each => [each.partition, each]))
    for (const [partition, search] of searches) {
      const since = narrowed(search, times.get(partition) as number, found.get(partition))
      if (since === undefined) continue
      searches.delete(partition)
      if (since >= 0) sent.set(partition, since)
    }
  }
  return sent
}

/** Further back until it is found that it came later, then in the middle. */
function timeFor({ early, late, step }: Search): number {
  return step > 0 ? Math.max(0, early) : Math.floor((early + late) / 2)
}

/** The time once it is known, -1 if it cannot be. */
function narrowed(search: Search, time: number, found: ListedOffset | undefined): number | undefined {
  if (found === undefined || found.error) return -1
  if (found.offset === search.offset) return found.timestamp
  if (found.offset >= 0 && found.offset < search.offset) {
    search.early = time
    search.step = 0
  } else {
    if (time === 0) return -1
    search.late = time
    search.step *= 2
    if (search.step > 0) search.early = time - search.step
  }
  return search.step === 0 && search.late - search.early <= PRECISION_MS ? search.early : undefined
}
