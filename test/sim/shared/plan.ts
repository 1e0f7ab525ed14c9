/** What a history of several processes is made of: a plan of one, its files each in one partition. */
import { partitionOfKey } from '../../../src/core/chunks/murmur2.ts'
import type { Sending } from '../files.ts'
import { drawPlan, type Plan, type Without } from '../plan.ts'
import type { Dice } from '../seed.ts'
import { drawSharedKinds, type SharedKind, SOLO_KINDS } from './kinds.ts'

export interface SharedPlan extends Plan {
  readonly shared: ReadonlySet<SharedKind>
  /** Hosts with a process each. */
  readonly hosts: number
  /** Where a group begins that has committed nothing. */
  readonly from: 'earliest' | 'latest'
  readonly sessionMs: number
  /** When the last partition is made; 0: it is there from the start. */
  readonly raisedAt: number
  /** Partitions of which the rest of the file does not lie there. */
  readonly strays: ReadonlySet<Sending>
}

const MOST_PARTITIONS = 8
const MOST_HOSTS = 8

export function drawSharedPlan(dice: Dice, without: Without): SharedPlan {
  const shared = drawSharedKinds(dice.fork('kinds'), without.kinds)
  const kinds = new Set([...without.kinds, ...SOLO_KINDS])
  const plan = drawPlan(dice, { kinds, files: without.files })
  const own = dice.fork('hosts')
  const partitions = own.between(shared.has('raised') ? 2 : 1, MOST_PARTITIONS)
  const hosts = own.between(1, own.pick([2, 3, MOST_HOSTS]))
  const raisedAt = shared.has('raised') ? Math.round(own.between(1, plan.span) / 2) : 0
  const strays = new Set<Sending>()
  const sendings = plan.sendings
    .map(sending => {
      const partition = homeOf(sending)
      const at =
        raisedAt > 0 && partition === partitions - 1 ? Math.max(raisedAt + 1, sending.at) : sending.at
      return { ...sending, partition, at }
    })
    .map(astray)
    .sort((a, b) => Math.max(0, a.at) - Math.max(0, b.at))

  function homeOf({ what }: Sending): number {
    if (what.kind !== 'chunk') return own.below(partitions)
    const { path } = plan.files[what.file] as Plan['files'][number]
    // Of whoever says so by a header it may be any.
    if (shared.has('headers')) return dice.fork(`home of ${path}`).below(partitions)
    return partitionOfKey(Buffer.from(path), partitions)
  }

  function astray(sending: Sending): Sending {
    const { what, partition } = sending
    if (!shared.has('strays') || shared.has('headers') || partitions === 1 || !own.chance(0.05))
      return sending
    if (what.kind !== 'chunk') return sending
    const stray = { ...sending, partition: (partition + own.between(1, partitions - 1)) % partitions }
    // A file of one chunk may lie anywhere.
    if ((plan.files[what.file] as Plan['files'][number]).total > 1) strays.add(stray)
    return stray
  }

  return {
    ...plan,
    ...{ shared, partitions, hosts, raisedAt, strays, sendings },
    from: own.chance(0.3) ? 'latest' : 'earliest',
    sessionMs: 10_000,
    settings: { ...plan.settings, shared: true },
  }
}
