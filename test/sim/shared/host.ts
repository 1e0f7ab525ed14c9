/**
 * A host with one process at a time: begun, frozen, given up, stopped, killed, and begun again. What a process waits for
 * comes later while it stands still, and never once it is gone.
 */

import type { Broker } from '../broker.ts'
import { onTopOf } from '../clock.ts'
import { simStore } from '../disk.ts'
import { type SimJournal, simJournal } from '../journal.ts'
import type { SharedChecks } from './checks.ts'
import type { Group } from './group.ts'
import { beginSharedProcess, type SharedProcess } from './process.ts'
import type { HostWorld, SharedWorld } from './world.ts'

export interface Host {
  /** Undefined while there is none. */
  readonly process: SharedProcess | undefined
  /** Its process ended since a chunk lay beside its file: it is not begun again. */
  readonly isOver: boolean
  start(): void
  kill(): void
  /** For so long. */
  freeze(ms: number): void
  /** The group gives it up while it works. */
  cutOff(): void
  stop(): void
}

export interface HostSurroundings {
  readonly world: SharedWorld
  readonly broker: Broker
  readonly group: Group
  readonly checks: SharedChecks
  /** Of a process that begins. */
  nextLife(): number
  partitionCount(): number
  /** What the journal of each host has in its file. */
  readonly journals: readonly Set<string>[]
}

export function host(
  number: number,
  { world, broker, group, checks, nextLife, partitionCount, journals }: HostSurroundings,
): Host {
  const { plan, chance, happened, trace } = world
  const store = simStore()
  let journal: SimJournal | undefined
  let process: SharedProcess | undefined
  let running: HostWorld | undefined
  let isOver = false
  let isStopping = false

  function start(): void {
    if (process !== undefined || isOver) return
    const life = nextLife()
    isStopping = false
    store.clear()
    const stands = { still: false, ended: false, waiting: [] }
    const own: HostWorld = {
      ...world,
      name: `h${number}`,
      life,
      store,
      network: world.clock,
      clock: onTopOf(world.clock, stands),
      checks: checks.process({ life, host: number, processor: () => (process as SharedProcess).processor }),
      get calm() {
        return world.calm
      },
      get outage() {
        return world.outage
      },
      trace: line => world.trace(() => `h${number}: ${line()}`),
    }
    running = own
    if (plan.on.has('journal')) journal ??= journalOf(() => running as HostWorld, journals[number - 1])
    own.trace(() => `process ${life} begins`)
    process = beginSharedProcess(own, { broker, group, journal, stands, partitionCount, onOver: astray })
    process.begin()
  }

  function astray(): void {
    isOver = true
    void stop()
  }

  function end(how: string): void {
    if (process === undefined) return
    trace(() => `h${number}: ${how}`)
    happened(how)
    process.end()
    process = undefined
    journal?.crash()
    if (!isOver) world.clock.after(chance.delay(10, 20_000), start)
  }

  async function stop(): Promise<void> {
    if (process === undefined || isStopping) return
    isStopping = true
    const stopped = process
    const isDrained = await stopped.stop()
    if (process === stopped) end(isDrained ? 'orderly stop' : 'stop with files in work')
  }

  /** The session of a member that says nothing any more ends. */
  function sessionEnds(of: SharedProcess, isSilent: () => boolean): void {
    const self = of.member.self
    if (self === undefined) return
    world.clock.after(plan.sessionMs + chance.below(1_000), () => {
      if (isSilent() && group.members.includes(self)) giveUp(of)
    })
  }

  function giveUp(of: SharedProcess): void {
    const { self } = of.member
    if (self === undefined || !group.members.includes(self)) return
    trace(() => `h${number}: the group gives it up`)
    happened('member given up')
    of.checks.onGivenUp()
    group.remove(self)
  }

  return {
    get process() {
      return process
    },
    get isOver() {
      return isOver
    },
    start,
    kill() {
      if (process === undefined) return
      sessionEnds(process, () => true)
      end('killed')
    },
    freeze(ms) {
      if (process === undefined || process.stands.still) return
      const frozen = process
      happened('frozen')
      trace(() => `h${number}: stands still for ${ms} ms`)
      frozen.stands.still = true
      sessionEnds(frozen, () => frozen.stands.still)
      world.clock.after(ms, () => {
        if (process !== frozen) return
        trace(() => `h${number}: goes on`)
        const { self } = frozen.member
        const isMember = self === undefined || group.members.includes(self)
        frozen.stands.still = false
        // It hears of it a moment later.
        if (!isMember)
          world.clock.after(chance.delay(1, 500), () => process === frozen && frozen.member.lost())
        frozen.goOn()
      })
    },
    cutOff() {
      if (process === undefined || process.stands.still || process.member.self === undefined) return
      const cut = process
      giveUp(cut)
      world.clock.after(chance.delay(10, 10_000), () => process === cut && cut.member.lost())
    },
    stop: () => void stop(),
  }
}

/** It outlives each of the processes that write it. */
function journalOf(running: () => HostWorld, file: Set<string> | undefined): SimJournal {
  const { chance, store, happened } = running()
  return simJournal(
    {
      ...{ chance, store, happened },
      clock: { ...running().clock, after: (...wait) => running().clock.after(...wait) },
      checks: {
        onJournalled: key => running().checks.onJournalled(key),
        onJournalCleared: () => running().checks.onJournalCleared(),
      },
    },
    file,
  )
}
