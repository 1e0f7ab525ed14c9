/** What a group has done and left of a topic: the broker's numbers, and what the group's last commits say. */

import { acceptedRecord } from '../core/offsets/commit-record.ts'
import { partitionsOfCopy } from '../core/offsets/copy-record.ts'
import type { GroupStanding } from '../kafka/ask/group-watch.ts'
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import { isSharing } from '../kafka/consumer/group.ts'
import type { Refetcher } from '../kafka/refetch/refetch.ts'
import type { GroupStatus, MemberStatus, PartitionStatus } from '../report/commands/group-status-text.ts'
import { type ReadLimits, unfinishedFiles } from './unfinished-files.ts'

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
  const behind = new Map(all.map(({ partition, lag, waiting }) => [partition, lag ?? waiting]))
  const spoken = partitions.reduce((sum, each) => sum + spokenOf(each), 0)
  const times = [...oldest.values()]
  return {
    state: described?.state,
    members: described?.members.length,
    sharing: described?.members.some(isSharing)
      ? described.members.map(member => sharer(member, topic, behind))
      : [],
    partitions: all,
    lag: sumOf(behind.values()),
    copyPartitions: partitions
      .map(each => partitionsOfCopy(each.metadata))
      .find(count => count !== undefined),
    processedAbove: left.isPartial ? 0 : Math.max(0, spoken - left.unresolved),
    oldestAt: times.length === 0 ? undefined : Math.min(...times),
    unfinished: left.files,
    undecodable: left.records,
    isPartial: left.isPartial,
    unread: left.unread,
    retentionMs,
  }
}

/** `behind`: records that wait, by partition. */
function sharer(
  { partitions, ...who }: Members[number],
  topic: string,
  behind: ReadonlyMap<number, number>,
): MemberStatus {
  const own = partitions.filter(one => one.topic === topic).map(({ partition }) => partition)
  return { ...who, partitions: own, lag: sumOf(own.map(partition => behind.get(partition) ?? 0)) }
}

type Members = NonNullable<GroupStanding['described']>['members']

function sumOf(numbers: Iterable<number>): number {
  let sum = 0
  for (const number of numbers) sum += number
  return sum
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
  if (partitionsOfCopy(metadata) !== undefined) return undefined
  const record = committed === undefined ? undefined : acceptedRecord(metadata, committed, end)
  if (record === undefined || !('refused' in record)) return undefined
  return `${topic}[${partition}]: the commit's metadata are passed over: ${record.refused}`
}
