/** Where a group stands, for people and as --json lines. */

import { rangesText } from '../../core/offsets/offset-ranges.ts'
import { numberRuns } from '../../core/text/number-runs.ts'
import { jsonLine, oneLine } from '../../core/text/shown-text.ts'
import { formatAge, formatBytes, formatCount } from '../quantities.ts'
import { isoTime, timeText } from './listing.ts'
import { RESEND, type UnfinishedFile } from './unfinished-text.ts'

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

/** One of the processes that share the topic. */
export interface MemberStatus {
  readonly memberId: string
  readonly clientId: string
  /** That of --member. */
  readonly name: string | undefined
  readonly host: string
  readonly partitions: readonly number[]
  /** As the group's, in its partitions. */
  readonly lag: number
}

export interface GroupStatus {
  /** In Kafka's words; undefined where the broker does not tell. */
  readonly state: string | undefined
  readonly members: number | undefined
  /** All members, of a group that shares its partitions; else none. */
  readonly sharing: readonly MemberStatus[]
  readonly partitions: readonly PartitionStatus[]
  readonly lag: number
  /** Of the copy that `dfsp repartition` makes in this group; undefined where the group processes files. */
  readonly copyPartitions: number | undefined
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

export interface StatusTitle {
  readonly topic: string
  readonly group: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

const HEAD = ['PARTITION', 'CURRENT-OFFSET', 'LOG-END-OFFSET', 'LAG', 'CONSUMER-ID', 'HOST', 'CLIENT-ID']
const MEMBERS_HEAD = ['MEMBER', 'HOST', 'NAME', 'LAG', 'PARTITIONS']
const MOST_FILES = 20

export function groupStatusText(status: GroupStatus, { topic, group, now }: StatusTitle): string[] {
  const { state, members, sharing, partitions, lag, processedAbove, oldestAt, undecodable } = status
  const copies =
    status.copyPartitions === undefined ? '' : ` to be copied into ${status.copyPartitions} partitions`
  const who = members === undefined ? '' : `, ${members} ${members === 1 ? 'member' : 'members'}`
  const rows = partitions.map(({ partition, committed, end, lag: behind, member }) => [
    String(partition),
    committed === undefined ? '-' : String(committed),
    String(end),
    behind === undefined ? '-' : String(behind),
    member?.memberId ?? '-',
    member?.host ?? '-',
    member?.clientId ?? '-',
  ])
  const shares = sharing.map(({ clientId, host, name, lag: behind, partitions: own }) => [
    clientId,
    host,
    name ?? '-',
    String(behind),
    own.length === 0 ? '-' : numberRuns(own),
  ])
  const above = processedAbove > 0 ? `, of which ${formatCount(processedAbove)} are processed already` : ''
  const oldest = oldestAt === undefined ? '' : `, the oldest ${formatAge(now - oldestAt)} old`
  return [
    `group ${group} in ${topic}: ${state ?? 'state unknown'}${who}   ${timeText(now)}`,
    ...table(HEAD, rows),
    ...(shares.length === 0 ? [] : table(MEMBERS_HEAD, shares)),
    `lag ${formatCount(lag)} ${lag === 1 ? 'record' : 'records'}${copies}${above}${oldest}`,
    ...unfinishedLines(status, now),
    ...(status.unread === 0
      ? []
      : [
          `${formatCount(status.unread)} records were not looked at, as no commit speaks of them yet: files that lack chunks there are not listed`,
        ]),
    ...(undecodable === 0 ? [] : [`${formatCount(undecodable)} unresolved records are no chunks`]),
    ...partitions.flatMap(({ note }) => (note === undefined ? [] : [`note ${note}`])),
  ].map(oneLine)
}

/** In columns as wide as their longest cell. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [head, ...rows].map(cells => cells.map(oneLine))
  const widths = head.map((_, i) =>
    lines.reduce((most, line) => Math.max(most, (line[i] as string).length), 0),
  )
  return lines.map(cells =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] as number))
      .join('  ')
      .trimEnd(),
  )
}

function unfinishedLines({ unfinished, isPartial, retentionMs }: GroupStatus, now: number): string[] {
  const more = isPartial ? ' among the records that were looked at (there are more)' : ''
  if (unfinished.length === 0) return isPartial ? [`no file is unfinished${more}`] : []
  const lines = unfinished
    .slice(0, MOST_FILES)
    .map(({ path, chunks, present, bytes, attempts, ranges, sentAt, isCut }) => {
      const tries = attempts === 0 ? '' : `  ${attempts} ${attempts === 1 ? 'try' : 'tries'}`
      const age =
        sentAt < 0 ? '' : `  ${formatAge(now - sentAt)} old${deletionText(sentAt, retentionMs, now)}`
      return `  ${path}  ${formatBytes(bytes)}  ${present}/${chunks}${tries}${age}${isCut ? `, ${RESEND}` : ''}  ${rangesText(ranges, 4)}`
    })
  const rest = unfinished.length - lines.length
  const title = `${formatCount(unfinished.length)} ${unfinished.length === 1 ? 'file' : 'files'} unfinished${more}:`
  return [title, ...lines, ...(rest > 0 ? [`  and ${formatCount(rest)} more (--json lists all)`] : [])]
}

/** A segment goes as a whole, once its newest record is old enough: this is the least that a record has. */
function deletionText(sentAt: number, retentionMs: number | undefined, now: number): string {
  if (retentionMs === undefined) return ''
  const left = sentAt + retentionMs - now
  return left > 0 ? `, kept ${formatAge(left)} more` : ', may be deleted at any time'
}

export function groupStatusJson(
  status: GroupStatus,
  { topic, group, now }: StatusTitle,
  verdict: { readonly exceeded: readonly string[]; readonly exit: number },
): string[] {
  const line = (fields: object) => jsonLine({ v: 1, ...fields })
  const age = (at: number | undefined) => (at === undefined || at < 0 ? null : Math.max(0, now - at) / 1_000)
  return [
    ...status.partitions.map(({ partition, committed, end, lag, member, oldestAt, note }) =>
      line({
        ...{ type: 'partition', topic, partition, committed: committed ?? null, end, lag: lag ?? null },
        member: member ?? null,
        oldestSeconds: age(oldestAt),
        ...(note === undefined ? {} : { note }),
      }),
    ),
    ...status.unfinished.map(({ path, chunks, present, bytes, attempts, ranges, sentAt, isCut }) =>
      line({
        ...{ type: 'unfinished', path, chunks, present, bytes, attempts },
        ...(isCut ? { deleted: true } : {}),
        sent: isoTime(sentAt),
        ageSeconds: age(sentAt),
        keptSeconds:
          status.retentionMs === undefined || sentAt < 0 ? null : (sentAt + status.retentionMs - now) / 1_000,
        ranges: ranges.map(({ partition, from, to }) => [partition, from, to]),
      }),
    ),
    ...status.sharing.map(({ memberId, clientId, name, host, partitions, lag }) =>
      line({ type: 'member', memberId, clientId, name: name ?? null, host, partitions, lag }),
    ),
    line({
      ...{ type: 'status', topic, group, time: isoTime(now), state: status.state ?? null },
      members: status.members ?? null,
      lag: status.lag,
      processedAbove: status.processedAbove,
      oldestSeconds: age(status.oldestAt),
      unfinished: status.unfinished.length,
      undecodable: status.undecodable,
      partial: status.isPartial || status.unread > 0,
      ...verdict,
    }),
  ]
}
