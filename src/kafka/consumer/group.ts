/**
 * One process must own all partitions of the topic, because a file's chunks are spread over them: who else is in
 * the group, and whether it is worth waiting for.
 */

import os from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { isAlive } from '../../base/alive.ts'
import { DfspError } from '../../base/errors.ts'
import { listText } from '../../core/text/list-text.ts'
import { numberRuns } from '../../core/text/number-runs.ts'
import type { Client } from '../addon.ts'
import { type GroupMember, groupMembers } from '../ask/group.ts'
import { coordinatorProblem } from '../ask/group-access.ts'

const ASK_EVERY_MS = 500
/** Well below the shortest wait of a process that owned everything: never do both go. */
const NEWCOMER_MS = 3_000
/** A session ends this much later than its time-out at the latest. */
const MARGIN_MS = 2_000

/**
 * The client id that tells a process of this machine from all others. Of one that shares the topic it has a "+" in it, which
 * tells others that share it; and behind a name of the user's, too: members of one name make librdkafka's
 * cooperative-sticky go round for ever.
 */
export function ownClientId(shared = false, name = 'dfsp'): string {
  return `${name}${shared ? '+' : '-'}${os.hostname()}-${process.pid}`
}

/** A process that is about to join. */
export interface Joining {
  readonly clientId: string
  readonly sessionMs: number
  /** Others that share the topic are no hindrance. */
  readonly shared: boolean
}

/**
 * Returns when the group has no other member; throws E_GROUP_BUSY when one of them lives. A process that was killed
 * stays a member until its session times out: if it ran here and is gone, joining is safe; if it ran elsewhere, it
 * gets the length of a session to disappear.
 */
export async function waitForGroup(
  client: Client,
  group: string,
  { clientId, sessionMs, shared }: Joining,
  onWaiting: (text: string) => void,
): Promise<void> {
  const until = performance.now() + sessionMs + MARGIN_MS
  for (let told = false; ; ) {
    const members = (await groupMembers(client, group)) ?? []
    const others = members.filter(member => !isGone(member, clientId) && !(shared && isSharing(member)))
    const [first] = others
    if (!first) {
      if (shared) return
      if (members.length > 0)
        onWaiting(
          `a killed dfsp is still a member of group ${group}: its session ends within ${Math.round(sessionMs / 1000)} s`,
        )
      return
    }
    if (others.some(isHereAndAlive) || performance.now() > until) throw busy(group, others, shared)
    if (!told)
      onWaiting(
        `group ${group} has a member ${first.clientId} on ${first.host}: waiting up to ${Math.round(sessionMs / 1000)} s in case it is gone`,
      )
    told = true
    await delay(ASK_EVERY_MS)
  }
}

/**
 * How a process came to own some of the partitions only: just started, owned all when another one came, or was given
 * up by the group (frozen, cut off) and is back.
 */
export type Came = 'new' | 'whole' | 'lost'

/** Where a process stands that has joined and was not given all partitions. */
export interface PartOwner {
  readonly clientId: string
  readonly sessionMs: number
  owned(): ReadonlySet<number>
  total(): Promise<number>
  readonly came: Came
  /** Nothing is to be waited for any more. */
  over(): boolean
  /** Told once: who has the rest. */
  onWaiting(text: string): void
}

/**
 * Returns when the rest has come; throws E_GROUP_BUSY when it does not. Whoever holds the rest may be leaving, or be
 * killed and a member until its session ends. One that was given up gives way at once to whoever took over; of two
 * that start at the same moment one gives way at once, the other when the first owned everything already.
 */
export async function waitForRest(client: Client, group: string, part: PartOwner): Promise<void> {
  const until = performance.now() + part.sessionMs + MARGIN_MS
  let alone = performance.now()
  let told = false
  while (!part.over()) {
    const members = (await groupMembers(client, group)) ?? []
    const others = members.filter(member => !isGone(member, part.clientId))
    const now = performance.now()
    if (others.length === 0) alone = now
    if (givesWay(part, others, now - alone) || now > until) {
      if (part.over()) return
      const fact = `this process was given ${part.owned().size} of ${await part.total()} partitions`
      throw busy(group, others, false, fact)
    }
    if (!told && !part.over() && others.length > 0) {
      told = true
      const named = listText(others.map(inWords))
      part.onWaiting(`group ${group}: ${named}: nothing is read until all partitions are here`)
    }
    await delay(ASK_EVERY_MS)
  }
}

function givesWay({ came, clientId }: PartOwner, others: readonly GroupMember[], sharedMs: number): boolean {
  if (came === 'lost') return others.length > 0
  if (came === 'whole') return false
  return sharedMs > NEWCOMER_MS || (others.some(isHereAndAlive) && !isFirst(clientId, others))
}

/** Decides between processes of dfsp that all wait for the rest: each sees the same members. */
function isFirst(clientId: string, others: readonly GroupMember[]): boolean {
  return others.every(other => hostAndPid(other.clientId) !== undefined && clientId < other.clientId)
}

/** For so long the reason is asked for. */
const REASON_MS = 3_000

/** Why the group is not joined. */
export async function whyNotJoined(
  properties: Readonly<Record<string, string>>,
  group: string,
  clientId: string,
  members: () => Promise<readonly GroupMember[] | undefined>,
): Promise<string> {
  const questions = Promise.all([coordinatorProblem(properties, group), members()])
  const nothing = new Promise<[]>(resolve => setTimeout(resolve, REASON_MS, []))
  const [reason, found = []] = await Promise.race([questions, nothing])
  if (reason !== undefined) return reason
  const others = found.filter(member => member.clientId !== clientId).map(member => member.clientId)
  if (others.length > 0) return `it waits for its member ${others.join(', ')}`
  return 'its coordinator has not answered yet'
}

const MOST_MEMBERS = 20
const SHARE =
  '--shared for all of them, where each file lies in one partition (dfsp upload sends it so), else dfsp repartition'

function busy(group: string, others: readonly GroupMember[], shared: boolean, fact?: string): DfspError {
  const named = others.slice(0, MOST_MEMBERS).map(inWords)
  const more = others.length - named.length
  return new DfspError('E_GROUP_BUSY', `group ${group} is in use`, {
    facts: [
      ...(named.length > 0 ? named : ['another member is in the group']),
      ...(more > 0 ? [`and ${more} more members`] : []),
      ...(fact ? [fact] : []),
      shared
        ? 'it was started without --shared, and wants all partitions for itself'
        : "a file's chunks are spread over all partitions, so one process must own them all",
    ],
    next: shared
      ? 'stop the other one, and start it with --shared, or use another --group'
      : `stop the other one, or use another --group; for several hosts on one topic: ${others.some(isSharing) ? '--shared here, too' : SHARE}`,
  })
}

function inWords({ clientId, host, partitions }: GroupMember): string {
  const owns = partitions.length === 0 ? '' : ` owns partitions ${numberRuns(partitions)}`
  return `member ${clientId} on ${host}${owns}`
}

function hostAndPid(clientId: string): { host: string; pid: number } | undefined {
  const parts = /^(?:dfsp-|[^+]*\+)(.+)-(\d+)$/.exec(clientId)
  return parts ? { host: parts[1] as string, pid: Number(parts[2]) } : undefined
}

/** A member that ran on this machine and does not any more, or that had this process' own number before it. */
export function isGone(member: GroupMember, ownId: string): boolean {
  if (member.clientId === ownId) return true
  const process = hostAndPid(member.clientId)
  return process !== undefined && process.host === os.hostname() && !isAlive(process.pid)
}

/** Whether a member was started with --shared. */
export function isSharing({ clientId }: Pick<GroupMember, 'clientId'>): boolean {
  return clientId.includes('+') && hostAndPid(clientId) !== undefined
}

export function isHereAndAlive(member: GroupMember): boolean {
  const process = hostAndPid(member.clientId)
  return process !== undefined && process.host === os.hostname() && isAlive(process.pid)
}
