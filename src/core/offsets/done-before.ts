/**
 * What a group had done of a topic of which copies are read now: the records of the topic that its commits say are resolved.
 * Asked in any order: a copy has the records of many partitions side by side.
 */
import type { Origin } from '../chunks/keyed.ts'
import { type CommitRecord, fileHash40, readCommitRecord } from './commit-record.ts'

export interface GroupCommit {
  readonly partition: number
  readonly offset: number
  readonly metadata: string | undefined
}

export interface DoneBefore {
  /** Whether the record was resolved; `digest` of its file, undefined for a record of no file. */
  has(origin: Origin, digest: string | undefined): boolean
}

/** By topic, what the group has committed. */
export function doneBefore(commits: ReadonlyMap<string, readonly GroupCommit[]>): DoneBefore {
  const known = new Map<string, (offset: number, digest: string | undefined) => boolean>()
  for (const [topic, list] of commits)
    for (const { partition, offset: base, metadata } of list) {
      const found = readCommitRecord(metadata ?? '')
      const record = 'refused' in found || found.base !== base ? undefined : found
      const isAbove = record === undefined ? () => false : resolvedIn(record)
      known.set(`${topic}/${partition}`, (offset, digest) => offset < base || isAbove(offset, digest))
    }
  return {
    has: ({ topic, partition, offset }, digest) =>
      known.get(`${topic}/${partition}`)?.(offset, digest) ?? false,
  }
}

function resolvedIn({ base, position, unresolved, finished }: CommitRecord) {
  if (unresolved.kind === 'files') {
    const hashes = new Set(unresolved.files)
    const single = new Set(unresolved.offsets)
    const digests = new Set(finished)
    return (offset: number, digest: string | undefined): boolean =>
      offset < position &&
      !single.has(offset) &&
      (digest === undefined || digests.has(digest) || !hashes.has(fileHash40(digest)))
  }
  /** Where each run ends, ascending; unresolved and resolved ones in turn. */
  const ends: number[] = []
  for (const run of unresolved.runs) ends.push((ends.at(-1) ?? base) + run)
  return (offset: number): boolean => offset < position && firstAbove(ends, offset) % 2 === 1
}

/** Index of the first of ascending numbers that is above `value`; their count where none is. */
function firstAbove(numbers: readonly number[], value: number): number {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[middle] as number) > value) high = middle
    else low = middle + 1
  }
  return low
}
