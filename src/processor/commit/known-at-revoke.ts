/**
 * What this process knew of its partitions when they were taken away. Where they come back and nobody else committed
 * meanwhile it is more than the broker knows: the last commit may have been refused.
 */
import { type CommitRecord, sameMetadata } from '../../core/offsets/commit-record.ts'
import type { AssignedPartition } from '../../kafka/consumer/assignment.ts'
import type { OffsetCommit } from '../../kafka/consumer/committer.ts'

export interface KnownAtRevoke {
  /** A commit is sent: the broker may have it from now on, whatever becomes of the answer. */
  sent(offsets: readonly OffsetCommit[]): void
  /** The broker has it: what was sent before can no longer be what it has. */
  acknowledged(offsets: readonly OffsetCommit[]): void
  add(partition: number, record: CommitRecord): void
  /**
   * What to believe of these partitions, which are assigned now, instead of what the broker says; without those of which
   * the broker may know more. Forgets what was added of them.
   */
  take(partitions: readonly AssignedPartition[]): ReadonlyMap<number, CommitRecord>
}

/** Commits without an answer of which each may be what the broker has; beyond it the oldest counts as another's. */
const MOST_IN_DOUBT = 16

/** Where files lie in several partitions it is of all or of none: what two sources say does not make one cut. */
export function knownAtRevoke(oneByOne: boolean): KnownAtRevoke {
  const records = new Map<number, CommitRecord>()
  /** What the broker may have of a partition, if nobody else commits. */
  const texts = new Map<number, readonly (string | undefined)[]>()

  function isKnown({ partition, start, anew, metadata, end }: AssignedPartition): boolean {
    const record = records.get(partition)
    if (record === undefined || anew || start > record.base || record.position > end) return false
    return (texts.get(partition) ?? []).some(text => sameMetadata(text, metadata))
  }

  return {
    sent(offsets) {
      for (const { partition, metadata } of offsets)
        texts.set(partition, [...(texts.get(partition) ?? []), metadata].slice(-MOST_IN_DOUBT))
    },
    acknowledged(offsets) {
      for (const { partition, metadata } of offsets) texts.set(partition, [metadata])
    },
    add: (partition, record) => void records.set(partition, record),
    take(partitions) {
      const known = partitions.filter(isKnown)
      const believed = oneByOne || known.length === partitions.length ? known : []
      const taken = new Map(believed.map(({ partition: p }) => [p, records.get(p) as CommitRecord]))
      for (const { partition, metadata } of partitions) {
        records.delete(partition)
        texts.set(partition, [metadata])
      }
      return taken
    },
  }
}
