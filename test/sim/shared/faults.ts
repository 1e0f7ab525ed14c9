/** What goes wrong between several processes, and when. */
import type { Group } from './group.ts'
import type { Host } from './host.ts'
import type { SharedKind } from './kinds.ts'
import type { SharedWorld } from './world.ts'

export function scheduleSharedFaults(world: SharedWorld, group: Group, hosts: readonly Host[]): void {
  const { plan, clock, chance } = world
  const { sessionMs } = plan

  function often(kind: SharedKind, most: number, work: () => void): void {
    if (!plan.shared.has(kind)) return
    for (let n = chance.between(1, most); n > 0; n--)
      clock.after(chance.below(plan.span), () => world.calm || work())
  }

  const one = (work: (host: Host) => void) => () => work(chance.pick(hosts))

  often('moves', 8, group.move)
  often('emptyChanges', 4, group.tellNothing)
  often(
    'kills',
    4,
    one(host => host.kill()),
  )
  often(
    'freezes',
    4,
    one(host => host.freeze(chance.delay(100, 4 * sessionMs))),
  )
  often(
    'cutOffs',
    3,
    one(host => host.cutOff()),
  )
  often(
    'leaves',
    4,
    one(host => host.stop()),
  )
  if (plan.on.has('outages'))
    clock.after(chance.below(plan.span), () => {
      world.outage = !world.calm
      clock.after(chance.delay(100, plan.span), () => {
        world.outage = false
      })
    })
}
