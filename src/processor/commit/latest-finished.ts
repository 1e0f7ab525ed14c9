/**
 * The files that were finished last, which commits name: chunks of them that come again after a restart (an upload that was
 * repeated, records that the producer doubled) are not taken for a file of which the rest is missing.
 */
import { type FinishedGenerations, finishedGenerations } from '../../core/chunks/generation.ts'

export interface LatestFinished {
  /** `partition`: one in which it lies. */
  add(digest: string, partition: number): void
  delete(digest: string): void
  /** Digests that the commit of a partition is to name, newest first. `isFirst`: of those that are committed together. */
  named(partition: number, isFirst: boolean): readonly string[]
}

/** Finished files that a commit record names: an eighth of its room. */
const MOST = 24
const NONE: readonly string[] = []

/**
 * Where partitions are `shared` with other processes each record names its own, since whoever gets the partition reads no
 * other. Else all are read back together, and it is enough that one of them names all.
 */
export function latestFinished(shared: boolean): LatestFinished {
  const lists = new Map<number, FinishedGenerations>()
  const keyOf = (partition: number) => (shared ? partition : 0)
  return {
    add(digest, partition) {
      const key = keyOf(partition)
      const list = lists.get(key) ?? finishedGenerations(MOST)
      lists.set(key, list)
      list.add(digest)
    },
    delete(digest) {
      for (const list of lists.values()) list.delete(digest)
    },
    named(partition, isFirst) {
      if (!shared && !isFirst) return NONE
      return lists.get(keyOf(partition))?.digests() ?? NONE
    },
  }
}
