/** Where a copy begins of which nothing is copied yet: at the first records, or where groups stand that have read the topic. */
import { DfspError } from '../base/errors.ts'
import { encodeCopyRecord } from '../core/offsets/copy-record.ts'
import { groupOffsets } from '../kafka/ask/group-watch.ts'
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import type { CopyMember } from '../kafka/copying/member.ts'
import { holdsRecords } from '../kafka/copying/topic-facts.ts'

export interface FirstStart {
  readonly topic: string
  readonly target: string
  /** Partitions of the copy. */
  readonly count: number
  readonly fromGroups: readonly string[]
  readonly properties: Readonly<Record<string, string>>
}

/** `starts` are those of the copy's own group. Throws a DfspError. */
export async function firstStart(
  member: Pick<CopyMember, 'commitStarts' | 'committed' | 'group'>,
  starts: readonly AssignedPartition[],
  { topic, target, count, fromGroups, properties }: FirstStart,
  onInfo: (text: string) => void,
): Promise<void> {
  if (starts.some(({ committed }) => committed !== undefined)) {
    if (fromGroups.length > 0)
      onInfo(
        `group ${member.group} has begun already, and goes on where it stands: --from-group changes nothing`,
      )
    return
  }
  // The copies and the group's first commit came together: what has the one and not the other would be copied twice.
  if ((await holdsRecords(properties, target)) && !(await hasBegun(member, starts)))
    throw new DfspError('E_USAGE', `topic ${target} has records, and group ${member.group} no commit`, {
      facts: [
        `its commits have expired or were deleted, or the records are not copies of ${topic}: they would come twice`,
      ],
      next: `another topic: --to NAME; or delete ${target}, and start over`,
    })
  if (fromGroups.length === 0) return
  const groups = await Promise.all(
    fromGroups.map(async group => {
      const found = await groupOffsets({ topic, group, properties })
      if (found.some(({ committed }) => committed !== undefined)) return found
      throw new DfspError('E_USAGE', `group ${group} has committed nothing in topic ${topic}`, {
        facts: ['it has another name, or its commits have expired'],
        next: `dfsp status -t ${topic} -g GROUP; without --from-group everything is copied`,
      })
    }),
  )
  const offsets = starts.map(({ partition, start }) => {
    const stands = groups.map(group => group.find(each => each.partition === partition)?.start ?? start)
    return { partition, offset: Math.max(start, Math.min(...stands)), metadata: encodeCopyRecord(count) }
  })
  await member.commitStarts(offsets)
  const passed = offsets.reduce((sum, { offset }, i) => sum + offset - (starts[i]?.start ?? offset), 0)
  onInfo(`beginning where ${fromGroups.join(', ')} stands: ${passed} records are not copied`)
}

/** Another process may have begun just now. */
async function hasBegun(
  member: Pick<CopyMember, 'committed'>,
  starts: readonly AssignedPartition[],
): Promise<boolean> {
  const found = await member.committed(starts.map(({ partition }) => partition))
  return [...found.values()].some(committed => committed !== undefined)
}
