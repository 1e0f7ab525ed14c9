/** What a group has done and left of a topic: the broker's numbers, and what the group's last commits say. */

import { acceptedRecord } from '../core/offsets/commit-record.ts'
import type { GroupStanding } from '../kafka/ask/group-watch.ts'
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import type { Refetcher } from '../kafka/refetch/refetch.ts'
import type { UnfinishedFile } from '../report/commands/unfinished-text.ts'
import { type ReadLimits, unfinishedFiles } from './unfinished-files.ts'

export interface PartitionStatus {
  readonly partition: number
  /** Undefined: nothing. */
  readonly committed: number | undefined
  readonly end: number
  /** Records from the committed offset to the end, as kafka-consumer-groups counts; undefined without a commit. */
  readonly lag: number | undefined
  /** Records that wait where nothing is committed: all that there are. */
  readonly waiting: number
  readonly member: { readonly memberId: string; readonly clientId: string; readonly host: string } | undefined
  /** Timestamp of the first record that waits, in milliseconds since the epoch; undefined where none does. */
  readonly oldestAt: number | undefined
  /** What is odd about its commit. */
  readonly note: string | undefined
}

export interface GroupStatus {
  /** In Kafka's words; undefined where the broker does not tell. */
  readonly state: string | undefined
  readonly members: number | undefined
  readonly partitions: readonly PartitionStatus[]
  readonly lag: number
  /** Records above the committed offsets that are processed already, as far as the last commits tell. */
  readonly processedAbove: number
  readonly oldestAt: number | undefined
  readonly unfinished: readonly UnfinishedFile[]
  /** Unresolved records that are no chunks. */
  readonly undecodable: number
  /** There was more to read than the limits allow. */
  readonly isPartial: boolean
  /** Records above what the commits speak of that were too many to look for incomplete files among them. */
  readonly unread: number
  /** For how long the topic keeps records, in milliseconds; undefined where the broker does not tell, or for ever. */
  readonly retentionMs: number | undefined
}

/** Where the record at an offset is gone (compaction, markers), so many further ones are tried. */
const LOOK_AHEAD = 16

export async function groupStatus(
  { partitions, described }: GroupStanding,
  topic: string,
  refetcher: Pick<Refetcher, 'read'>,
  signal: AbortSignal,
  { retentionMs, ...limits }: ReadLimits & { readonly retentionMs: number | undefined },
): Promise<GroupStatus> {
  const oldest = await oldestOf(partitions, refetcher, signal)
  const left = await unfinishedFiles(partitions, refetcher, signal, limits)
  const owners = new Map(
    described?.members.flatMap(member =>
      member.partitions.filter(one => one.topic === topic).map(({ partition }) => [partition, member]),
    ),
  )
  const all = partitions.map((each): PartitionStatus => {
    const { partition, committed, end, start } = each
    return {
      ...{ partition, committed, end, member: owners.get(partition) },
      lag: committed === undefined ? undefined : end - committed,
      waiting: end - start,
      oldestAt: oldest.get(partition),
      note: noteOn(topic, each),
    }
  })
  const spoken = partitions.reduce((sum, each) => sum + spokenOf(each), 0)
  const times = [...oldest.values()]
  return {
    state: described?.state,
    members: described?.members.length,
    partitions: all,
    lag: all.reduce((sum, { lag, waiting }) => sum + (lag ?? waiting), 0),
    processedAbove: left.isPartial ? 0 : Math.max(0, spoken - left.unresolved),
    oldestAt: times.length === 0 ? undefined : Math.min(...times),
    unfinished: left.files,
    undecodable: left.records,
    isPartial: left.isPartial,
    unread: left.unread,
    retentionMs,
  }
}

async function oldestOf(
  partitions: readonly AssignedPartition[],
  refetcher: Pick<Refetcher, 'read'>,
  signal: AbortSignal,
): Promise<Map<number, number>> {
  const found = new Map<number, number>()
  await refetcher.read(
    partitions.map(({ partition, start, end }) => {
      return { partition, from: start, to: Math.min(end, start + LOOK_AHEAD) - 1 }
    }),
    ({ partition, timestamp }) => {
      if (!found.has(partition) && timestamp >= 0) found.set(partition, timestamp)
    },
    signal,
  )
  return found
}

/** Records that the commit speaks of. */
function spokenOf({ committed, metadata, start, end }: AssignedPartition): number {
  const record = committed === undefined ? undefined : acceptedRecord(metadata, committed, end)
  return record === undefined || 'refused' in record ? 0 : Math.max(0, record.position - start)
}

function noteOn(topic: string, each: AssignedPartition): string | undefined {
  const { partition, committed, metadata, end, notice, open } = each
  if (notice !== undefined) return notice
  if (open !== undefined) return open
  const record = committed === undefined ? undefined : acceptedRecord(metadata, committed, end)
  if (record === undefined || !('refused' in record)) return undefined
  return `${topic}[${partition}]: the commit's metadata are passed over: ${record.refused}`
}
