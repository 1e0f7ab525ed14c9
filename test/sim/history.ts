/** One history: everything that happens from one seed, to the end at which all must have come to rest. */
import { type Broker, broker as newBroker } from './broker.ts'
import { checksOf } from './checks.ts'
import { settled, simClock } from './clock.ts'
import { simStore } from './disk.ts'
import { resetOffsets, scheduleFaults } from './faults.ts'
import { ALWAYS } from './files.ts'
import { type SimJournal, simJournal } from './journal.ts'
import { MOST_STEPS_AT_ALL, withinLimits } from './limits.ts'
import type { Outcome } from './outcome.ts'
import { drawPlan, type Without } from './plan.ts'
import { beginProcess, type Process } from './process.ts'
import { dice } from './seed.ts'
import { type FileTruth, isFinal, isWhole, truthOf, wasSent } from './truth.ts'
import type { World } from './world.ts'

const NOTHING_LEFT_OUT: Without = { kinds: new Set(), files: new Set() }
/** A history that goes on for so long without a file that came further does not come to rest. */
const MOST_STEPS = 20_000
/** After so many it has to be asked what it is busy with. */
const MANY_STEPS = 5_000
/** Reports come once a second, a paused processor tries again every 10 s. */
const REST_MS = 25_000

export function runHistory(
  seed: number,
  { without = NOTHING_LEFT_OUT, tracing = false } = {},
): Promise<Outcome> {
  return withinLimits(seed, () => history(seed, without, tracing))
}

async function history(seed: number, without: Without, tracing: boolean): Promise<Outcome> {
  const { world, broker, counts, trace } = begin(seed, without, tracing)
  const { plan, clock, chance, checks, store, happened } = world
  let host = 1
  let journal: SimJournal | undefined
  let process: Process | undefined
  let isLeaving = false

  function start(): void {
    world.life++
    world.trace(() => `process ${world.life} begins on host ${host}`)
    checks.onLifeBegins(world.life, host, () => process?.processor.blocked !== undefined)
    store.clear()
    isLeaving = false
    if (plan.on.has('journal')) journal ??= simJournal(world)
    process = beginProcess(world, broker, journal, () => void stop())
    process.consumer.join()
    tick(world.life)
    if (plan.on.has('crashes') && !world.calm && chance.chance(0.3)) crashAgain(world.life)
  }

  /** While records are being read again. */
  function crashAgain(life: number): void {
    clock.after(chance.delay(500, 10_000), () => life === world.life && end('crash'))
  }

  function tick(life: number): void {
    clock.after(
      plan.tickMs,
      () => {
        if (life !== world.life) return
        process?.processor.tick()
        tick(life)
      },
      true,
    )
  }

  /** The process is gone, with all that it knew. */
  function end(how: string): void {
    world.trace(() => `process ${world.life} ends: ${how}`)
    happened(how)
    world.life++
    process = undefined
    journal?.crash()
    if (plan.on.has('otherHost') && !world.calm && chance.chance(0.5)) {
      happened('other host')
      host++
      journal = undefined
    }
    if (plan.on.has('resets') && !world.calm) clock.after(5, () => resetOffsets(world, broker))
    clock.after(chance.delay(10, 10_000), start)
  }

  async function stop(): Promise<void> {
    if (!process || isLeaving) return
    isLeaving = true
    const life = world.life
    world.trace(() => 'told to stop')
    process.consumer.pause()
    const isDrained = await process.processor.drain(plan.drainMs)
    if (life !== world.life) return
    if (isDrained) checks.onDrained()
    end(isDrained ? 'orderly stop' : 'stop with files in work')
  }

  for (const { at, partition, value, what } of plan.sendings) {
    const append = () => {
      broker.append(partition, value, what)
      world.truth.appended(what)
      world.trace(
        () => `appended ${partition}@${(broker.partitions[partition]?.end ?? 0) - 1} ${JSON.stringify(what)}`,
      )
      process?.consumer.wake()
    }
    if (at <= 0) append()
    else clock.after(at, append)
  }
  scheduleFaults(world, broker, {
    get process() {
      return process
    },
    crash: () => process && end('crash'),
    stop: () => void stop(),
  })
  clock.after(plan.span, () => {
    world.trace(() => 'from now on all goes well')
    world.calm = true
    world.outage = false
    store.disk.capacity = Number.POSITIVE_INFINITY
    store.disk.broken = undefined
  })
  start()

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
      checkMemory()
      if (steps > MANY_STEPS && onlyBrokenLeft()) {
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
      void stop()
    }
  } catch (error) {
    checks.violate(`thrown: ${(error as Error).stack}`)
  }
  if (checks.violation === undefined && process && !onlyBrokenLeft()) checkLeftOvers(process)

  /** Grows to an end: files that are over, and those of their failures that were to be. */
  function progressNow(): number {
    const failed = ({ file, failures }: FileTruth) =>
      file.failures < ALWAYS ? Math.min(failures, file.failures) : 0
    return world.truth.files.reduce((sum, f) => sum + failed(f) + (isFinal(f) ? 1 : 0), 0)
  }

  function unrest(): string | undefined {
    if (!world.calm) return 'not all is well yet'
    if (!process) return 'no process'
    const { consumer, processor } = process
    if (!consumer.atEnds) return `reading, ${processor.flow}: ${processor.blocked?.reason ?? 'not blocked'}`
    if (process.host.busy > 0) return 'a thread is busy'
    if (!processor.quiet) return 'the processor is not quiet'
    if (world.truth.files.some(isToComeBack)) return 'a held file is to be tried again'
    return undefined
  }

  /** The process that holds it tries it again by itself, and it will go well. */
  function isToComeBack(f: FileTruth): boolean {
    if (!f.comesBack || f.heldIn !== world.life || isFinal(f) || f.lost > 0 || f.file.failures >= ALWAYS)
      return false
    return !world.truth.files.some(other => other !== f && other.file.path === f.file.path && other.nulls > 0)
  }

  /**
   * Files of which each attempt fails keep the breaker open, and none is given up meanwhile. It is over when another
   * succeeds; there is none, or they fill the memory that it would need.
   */
  function onlyBrokenLeft(): boolean {
    if (!world.calm || process?.processor.blocked === undefined) return false
    const { files } = world.truth
    const isBroken = (f: FileTruth) => f.file.failures >= ALWAYS && isWhole(f)
    const isLeft = (f: FileTruth) => isWhole(f) && !f.file.filtered && !isFinal(f) && f.heldIn !== world.life
    return files.some(isBroken) && (plan.on.has('smallMemory') || files.filter(isLeft).every(isBroken))
  }

  function checkMemory(): void {
    const { memoryBytes } = plan.settings
    const slack = plan.batchMost * 16
    if (store.memoryBytes > memoryBytes + slack)
      checks.violate(`${store.memoryBytes} bytes of memory, ${memoryBytes} are allowed`)
  }

  function checkLeftOvers({ processor }: Process): void {
    const { queued, running } = processor.unfinished()
    if (queued + running.size > 0) checks.violate('files are left in the queue')
    const isOpen = world.truth.files.some(f => wasSent(f) && (f.nulls === 0 || f.mayHaunt || f.lost > 0))
    if (!isOpen && !world.truth.wasReset && store.memoryBytes + store.disk.files > 0)
      checks.violate('bytes are left in the store')
  }

  return {
    violation: checks.violation,
    counts,
    on: plan.on,
    files: plan.files.length,
    steps,
    trace,
  }
}

function begin(
  seed: number,
  without: Without,
  tracing: boolean,
): { world: World; broker: Broker; counts: Map<string, number>; trace: string[] } {
  const root = dice(seed)
  const plan = drawPlan(root.fork('plan'), without)
  const clock = simClock()
  const broker = newBroker(plan.partitions)
  const truth = truthOf(plan, broker)
  const counts = new Map<string, number>()
  const trace: string[] = []
  const happened = (what: string) => void counts.set(what, (counts.get(what) ?? 0) + 1)
  const world: World = {
    plan,
    clock,
    chance: root.fork('chance'),
    store: simStore(),
    truth,
    checks: checksOf(plan, broker, truth, happened),
    life: 0,
    calm: false,
    outage: false,
    readMetadata: ({ committed }) =>
      plan.cutsMetadata ? committed?.metadata?.slice(0, -1) : committed?.metadata,
    happened,
    trace: line => {
      if (tracing) trace.push(`${clock.now()} ${line()}`)
    },
  }
  return { world, broker, counts, trace }
}
