/** What may go wrong where several processes share a topic, beside what goes wrong in each of them. */
import type { Kind } from '../kinds.ts'
import type { Dice } from '../seed.ts'

/** Each kind with the share of histories in which it is on. */
const SHARES = {
  /** Single chunks lie in another partition than their file. */
  strays: 0.12,
  /** Whoever sends says by a header that all chunks of a file are together, wherever that is. */
  headers: 0.35,
  /** The topic gets one more partition; only with headers, since the homes of paths change. */
  raised: 0.5,
  /** The group gives partitions to others, for no reason that a member would know. */
  moves: 0.7,
  /** A REVOKE, or an ASSIGN, of no partition. */
  emptyChanges: 0.3,
  kills: 0.4,
  /** A process stands still, and goes on where it stood: before or after its session ended. */
  freezes: 0.4,
  /** The group gives up a member that works on, and hears of it later. */
  cutOffs: 0.25,
  leaves: 0.3,
  /** Processes have names: started again within its session one has its partitions back. */
  named: 0.3,
  /** Commits are refused while the group changes, and for no reason. */
  refusals: 0.3,
} as const

export type SharedKind = keyof typeof SHARES

export const SHARED_KINDS = Object.keys(SHARES) as readonly SharedKind[]

/** Of one process that owns everything, or what the checks of shared histories do not know. */
export const SOLO_KINDS: readonly Kind[] = [
  'revokes',
  'losses',
  'otherOwner',
  'crashes',
  'stops',
  'otherHost',
  'fullDisk',
  'lostFiles',
  'reprocess',
  'stopPolicy',
  'retention',
  'resets',
]

export function drawSharedKinds(dice: Dice, without: ReadonlySet<string>): ReadonlySet<SharedKind> {
  const mood = dice.pick([0.3, 1, 1, 1.6])
  const on = new Set<SharedKind>()
  for (const kind of SHARED_KINDS)
    if (dice.fork(kind).chance(SHARES[kind] * mood) && !without.has(kind)) on.add(kind)
  if (!on.has('headers')) on.delete('raised')
  return on
}
