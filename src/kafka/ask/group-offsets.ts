/** Where a group stands in a topic, asked without joining it. */
import type { AssignedPartition } from '../consumer/assignment.ts'
import { type GroupInTopic, watchGroup } from './group-watch.ts'

/** Every partition as the group would begin it. Throws a DfspError. */
export async function groupOffsets(group: GroupInTopic): Promise<readonly AssignedPartition[]> {
  const watch = await watchGroup(group)
  try {
    return (await watch.look()).partitions
  } finally {
    await watch.close()
  }
}
