/** One history of several processes: everything that happens from one seed, to the end at which all has come to rest. */
import { nothingAbove } from '../../../src/kafka/consumer/shared-starts.ts'
import { type Broker, broker as newBroker, type Partition } from '../broker.ts'
import { settled, simClock } from '../clock.ts'
import { ALWAYS } from '../files.ts'
import { MOST_STEPS_AT_ALL, withinLimits } from '../limits.ts'
import type { Outcome } from '../outcome.ts'
import type { Without } from '../plan.ts'
import { dice } from '../seed.ts'
import { type FileTruth, isWhole, truthOf } from '../truth.ts'
import { type SharedChecks, sharedChecks } from './checks.ts'
import { scheduleSharedFaults } from './faults.ts'
import { group as newGroup } from './group.ts'
import { host as newHost } from './host.ts'
import { drawSharedPlan } from './plan.ts'
import type { SharedProcess } from './process.ts'
import type { SharedWorld } from './world.ts'

const NOTHING_LEFT_OUT: Without = { kinds: new Set(), files: new Set() }
/** A history that goes on for so long without a file that came further does not come to rest. */
const MOST_STEPS = 30_000
/** After so many it has to be asked what it is busy with. */
const MANY_STEPS = 8_000
/** Reports come once a second, a paused processor tries again every 10 s. */
const REST_MS = 25_000

export function runSharedHistory(
  seed: number,
  { without = NOTHING_LEFT_OUT, tracing = false } = {},
): Promise<Outcome> {
  return withinLimits(seed, () => history(seed, without, tracing))
}

async function history(seed: number, without: Without, tracing: boolean): Promise<Outcome> {
  const { world, broker, checks, counts, trace } = begin(seed, without, tracing)
  const { plan, clock, happened } = world
  const root = dice(seed).fork('shared')
  let known = plan.raisedAt > 0 ? plan.partitions - 1 : plan.partitions
  const group = newGroup(known, root.fork('group'))
  let lives = 0
  const surroundings = {
    ...{ world, broker, group, checks, nextLife: () => ++lives, partitionCount: () => known },
    journals: Array.from({ length: plan.hosts }, () => new Set<string>()),
  }
  const hosts = Array.from({ length: plan.hosts }, (_, i) => newHost(i + 1, surroundings))

  for (const sending of plan.sendings) {
    const { at, partition, value, what } = sending
    const append = () => {
      broker.append(partition, value, what)
      world.truth.appended(what)
      const offset = (broker.partitions[partition] as Partition).end - 1
      if (plan.strays.has(sending)) checks.over.strayed(partition, offset)
      world.trace(() => `appended ${partition}@${offset} ${JSON.stringify(what)}`)
      for (const { process } of hosts) process?.member.wake()
    }
    if (at <= 0) append()
    else clock.after(at, append)
  }
  if (plan.raisedAt > 0)
    clock.after(plan.raisedAt, () => {
      happened('partition added')
      known++
      group.addPartition()
    })
  decideStarts()
  scheduleSharedFaults(world, group, hosts)
  for (const host of hosts) clock.after(world.chance.pick([0, 0, world.chance.below(plan.span)]), host.start)
  clock.after(plan.span, () => {
    world.trace(() => 'from now on all goes well')
    world.calm = true
    world.outage = false
  })

  /** As the first process does it, before it joins. */
  function decideStarts(): void {
    if (plan.from === 'earliest') return
    const starts = broker.partitions
      .slice(0, known)
      .map(({ number, end }) => ({ partition: number, start: end }))
    checks.over.begun(starts)
    broker.store(
      starts.map(({ partition, start }) => ({ partition, offset: start, metadata: nothingAbove(start) })),
    )
  }

  let steps = 0
  let stepsLeft = MOST_STEPS
  let progress = 0
  let restart = plan.endsWithRestart
  let restingSince = Number.POSITIVE_INFINITY
  try {
    while (checks.violation === undefined) {
      if (++steps > MOST_STEPS_AT_ALL) checks.violate(`takes more than ${MOST_STEPS_AT_ALL} steps`)
      if (--stepsLeft < 0) {
        if (progressNow() === progress) checks.violate(`does not come to rest: ${unrest()}`)
        progress = progressNow()
        stepsLeft = MOST_STEPS
      }
      clock.step()
      await settled()
      if (hosts.every(({ isOver, process }) => isOver && process === undefined)) {
        happened('all ended by a stray chunk')
        break
      }
      if (steps > MANY_STEPS && living().some(onlyBrokenLeft)) {
        happened('breaker left open by files that always fail')
        break
      }
      if (clock.pending > 0 || unrest() !== undefined) {
        restingSince = Number.POSITIVE_INFINITY
        continue
      }
      restingSince = Math.min(restingSince, clock.now())
      if (clock.now() - restingSince < plan.settings.incompleteAfterMs + REST_MS) continue
      const wrong = checks.atRest()
      if (wrong !== undefined) checks.violate(wrong)
      if (!restart) break
      restart = false
      restingSince = Number.POSITIVE_INFINITY
      for (const host of hosts) host.stop()
    }
  } catch (error) {
    checks.violate(`thrown: ${(error as Error).stack}`)
  }
  // What still waits for an answer of the broker gets none.
  for (const process of living()) process.member.dropped()

  function living(): readonly SharedProcess[] {
    return hosts.flatMap(({ process }) => (process === undefined ? [] : [process]))
  }

  /** Grows to an end: files that are over, and those of their failures that were to be. */
  function progressNow(): number {
    const failed = ({ file, failures }: FileTruth) =>
      file.failures < ALWAYS ? Math.min(failures, file.failures) : 0
    return world.truth.files.reduce((sum, f) => sum + failed(f) + (checks.over.isFileOver(f) ? 1 : 0), 0)
  }

  function unrest(): string | undefined {
    if (!world.calm) return 'not all is well yet'
    if (!hosts.every(({ process, isOver }) => process !== undefined || isOver))
      return 'a host without a process'
    if (!group.isStable) return 'partitions are on their way'
    for (const process of living()) {
      const { member, processor, threads, life } = process
      const who = `process ${life}`
      if (!member.atEnds)
        return `${who} reads, ${processor.flow}: ${processor.blocked?.reason ?? 'not blocked'}`
      if (threads.busy > 0) return `a thread of ${who} is busy`
      if (!processor.quiet) return `the processor of ${who} is not quiet`
      if (world.truth.files.some(f => isToComeBack(f, process))) return `${who} holds a file that comes back`
    }
    return undefined
  }

  /** The process that holds it tries it again by itself, and it will go well. */
  function isToComeBack(f: FileTruth, { life, processor }: SharedProcess): boolean {
    if (!f.comesBack || f.heldIn !== life || checks.over.isFileOver(f) || f.lost > 0) return false
    if (f.file.failures >= ALWAYS) return false
    if (![...processor.files.byKey.values()].some(file => file.digest === f.key)) return false
    return !world.truth.files.some(other => other !== f && other.file.path === f.file.path && other.nulls > 0)
  }

  /** See `../history.ts`. */
  function onlyBrokenLeft({ processor }: SharedProcess): boolean {
    if (!world.calm || processor.blocked === undefined) return false
    // What it holds does not come back meanwhile.
    const own = new Set<string>()
    for (const { state, digest } of processor.files.byKey.values()) if (state !== 'held') own.add(digest)
    const left = world.truth.files.filter(f => own.has(f.key) && isWhole(f))
    const isBroken = (f: FileTruth) => f.file.failures >= ALWAYS
    const isToCome = (f: FileTruth) => !isBroken(f) && !checks.over.isFileOver(f)
    return left.some(isBroken) && (plan.on.has('smallMemory') || !left.some(isToCome))
  }

  return {
    violation: checks.violation,
    counts,
    on: new Set([...plan.on, ...plan.shared]),
    files: plan.files.length,
    steps,
    trace,
  }
}

function begin(
  seed: number,
  without: Without,
  tracing: boolean,
): {
  world: SharedWorld
  broker: Broker
  checks: SharedChecks
  counts: Map<string, number>
  trace: string[]
} {
  const own = dice(seed).fork('shared')
  const plan = drawSharedPlan(own.fork('plan'), without)
  const clock = simClock()
  const broker = newBroker(plan.partitions)
  const truth = truthOf(plan, broker)
  // Whoever reads what is appended later may know nothing of what was finished before.
  truth.life = -1
  const counts = new Map<string, number>()
  const trace: string[] = []
  const happened = (what: string) => void counts.set(what, (counts.get(what) ?? 0) + 1)
  const checks = sharedChecks({ plan, broker, truth, now: clock.now, happened })
  const world: SharedWorld = {
    ...{ plan, clock, truth, happened },
    chance: own.fork('chance'),
    calm: false,
    outage: false,
    readMetadata: ({ committed }) =>
      plan.cutsMetadata ? committed?.metadata?.slice(0, -1) : committed?.metadata,
    trace: line => {
      if (tracing) trace.push(`${clock.now()} ${line()}`)
    },
  }
  return { world, broker, checks, counts, trace }
}
