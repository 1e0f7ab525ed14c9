/** What was there at the start, and whether all of it is copied: by this process or by another of the group. */
import { setTimeout as delay } from 'node:timers/promises'
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import type { CopyMember } from '../kafka/copying/member.ts'

const ASK_EVERY_MS = 500

/** Resolves to true once it is, to false once `isOver`. */
export async function allCopied(
  member: Pick<CopyMember, 'committed'>,
  partitions: readonly AssignedPartition[],
  isOver: () => boolean,
): Promise<boolean> {
  const short = new Map(
    partitions.filter(({ start, end }) => start < end).map(({ partition, end }) => [partition, end]),
  )
  while (short.size > 0 && !isOver()) {
    // An answer that fails to come is told by whoever reads.
    const found = await member.committed([...short.keys()]).catch(() => new Map())
    for (const [partition, committed] of found)
      if ((committed?.offset ?? 0) >= (short.get(partition) ?? 0)) short.delete(partition)
    if (short.size > 0) await delay(ASK_EVERY_MS)
  }
  return short.size === 0
}
