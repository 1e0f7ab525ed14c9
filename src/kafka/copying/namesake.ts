/**
 * Another process of the same name. Each ends the other's transactions when it starts: they would go on like that, so the one
 * that comes later gives way, or whoever finds itself ended.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { DfspError } from '../../base/errors.ts'
import { type GroupMember, groupMembers } from '../ask/group.ts'
import { isGone, isHereAndAlive } from '../consumer/group.ts'
import type { CopyMember } from './member.ts'

const ASK_EVERY_MS = 500
/** A session ends this much later than its time-out at the latest. */
const MARGIN_MS = 2_000

type Asked = Pick<CopyMember, 'client' | 'group' | 'name' | 'given'>

/** Returns when there is none; a killed one stays a member until its session ends. Throws E_GROUP_BUSY where one lives. */
export async function waitForNamesake(member: Asked, onWaiting: (text: string) => void): Promise<void> {
  const { sessionMs } = member.given
  const until = performance.now() + sessionMs + MARGIN_MS
  for (let told = false; ; told = true) {
    const other = await namesake(member)
    if (other === undefined) return
    if (isHereAndAlive(other) || performance.now() > until) throw nameTaken(member, other)
    if (!told)
      onWaiting(
        `${other.clientId} on ${other.host} has the name ${member.name}: waiting up to ${Math.round(sessionMs / 1000)} s in case it is gone`,
      )
    await delay(ASK_EVERY_MS)
  }
}

/** One that is a member of the group now; undefined also where the broker does not tell. */
export async function namesake({ client, group, name, given }: Asked): Promise<GroupMember | undefined> {
  const members = (await groupMembers(client, group)) ?? []
  return members.find(each => each.clientId.startsWith(`${name}+`) && !isGone(each, given.clientId))
}

export function nameTaken({ group, name }: Asked, { clientId, host }: GroupMember): DfspError {
  return new DfspError('E_GROUP_BUSY', `another process of group ${group} has the name ${name}`, {
    facts: [`member ${clientId} on ${host}`],
    next: 'stop the other one, or give each its own name: --member NAME',
  })
}
