/** One history: everything that happens from one seed, to the end at which all must have come to rest. */
import { hash } from 'node:crypto'
import { processor as newProcessor, type Processor } from '../../src/run/processor.ts'
import { type Broker, broker as newBroker } from './broker.ts'
import { type SimClock, settled, simClock } from './clock.ts'
import { type SimConsumer, simConsumer } from './consumer.ts'
import { simStore, systemError } from './disk.ts'
import { sha } from './files.ts'
import type { Kind } from './kinds.ts'
import { drawPlan, type Without } from './plan.ts'
import { dice } from './seed.ts'
import { type Fate, threads as newThreads } from './threads.ts'
import { truthOf } from './truth.ts'
import type { World } from './world.ts'

export interface Outcome {
  readonly violation: string | undefined
  /** How often each thing happened. */
  readonly counts: ReadonlyMap<string, number>
  readonly on: ReadonlySet<Kind>
  readonly files: number
  readonly steps: number
  readonly trace: readonly string[]
}

export interface HistoryOptions {
  readonly without?: Without
  readonly tracing?: boolean
}

const NOTHING_LEFT_OUT: Without = { kinds: new Set(), files: new Set() }
/** A history that goes on for so long does not come to rest. */
const MOST_STEPS = 20_000

interface Life {
  readonly processor: Processor
  readonly consumer: SimConsumer
  readonly host: ReturnType<typeof newThreads>
}

export async function runHistory(seed: number, options: HistoryOptions = {}): Promise<Outcome> {
  const root = dice(seed)
  const plan = drawPlan(seed, root.fork('plan'), options.without ?? NOTHING_LEFT_OUT)
  const clock = simClock()
  const broker: Broker = newBroker(plan.partitions)
  const counts = new Map<string, number>()
  const trace: string[] = []
  const happened = (what: string) => void counts.set(what, (counts.get(what) ?? 0) + 1)
  const world: World = {
    plan,
    clock,
    chance: root.fork('chance'),
    store: simStore(),
    truth: truthOf(plan, broker, happened),
    life: 0,
    calm: false,
    outage: false,
    readMetadata: ({ committed }) =>
      plan.cutsMetadata ? committed?.metadata?.slice(0, -1) : committed?.metadata,
    happened,
    trace: options.tracing ? line => trace.push(`${clock.now()} ${line()}`) : () => {},
  }
  const { chance, truth, store } = world
  let current: Life | undefined
  let steps = 0
  let leaving = false

  function begin(): void {
    const life = ++world.life
    world.trace(() => `life ${life} begins`)
    truth.onLifeBegins(life)
    store.clear()
    leaving = false
    current = beginLife(world, broker, life)
    current.consumer.join()
    const tick = () => {
      if (life !== world.life) return
      current?.processor.tick()
      clock.after(plan.tickMs, tick, true)
    }
    clock.after(plan.tickMs, tick, true)
  }

  /** The process is gone, with all that it knew. */
  function end(how: string): void {
    world.trace(() => `life ${world.life} ends: ${how}`)
    happened(how)
    world.life++
    current = undefined
    clock.after(chance.delay(10, 10_000), begin)
  }

  async function stop(): Promise<void> {
    if (!current || leaving) return
    leaving = true
    const { processor, consumer } = current
    const life = world.life
    world.trace(() => 'told to stop')
    consumer.pause()
    const drained = await processor.drain(plan.drainMs)
    if (life === world.life) end(drained ? 'orderly stop' : 'stop without all drained')
  }

  // ---- what happens, and when

  for (const sending of plan.sendings) {
    const append = () => {
      broker.append(sending.partition, sending.value, sending.what)
      truth.onAppended(sending.partition, sending.what)
      current?.consumer.wake()
    }
    if (sending.at <= 0) append()
    else clock.after(sending.at, append)
  }
  const often = (kind: Kind, most: number, what: () => void) => {
    if (!plan.on.has(kind)) return
    for (let n = chance.between(1, most); n > 0; n--) clock.after(chance.below(plan.span), what)
  }
  const forAWhile = (kind: Kind, start: () => void, stopIt: () => void) =>
    often(kind, 2, () => {
      start()
      clock.after(chance.delay(100, plan.span), stopIt)
    })
  often('crashes', 4, () => current && end('crash'))
  often('stops', 2, () => void stop())
  often('revokes', 3, () => void current?.consumer.rebalance(false, plan.drainMs))
  often('losses', 2, () => void current?.consumer.rebalance(true, plan.drainMs))
  forAWhile(
    'outages',
    () => {
      happened('outage')
      world.outage = true
    },
    () => {
      world.outage = false
    },
  )
  clock.after(plan.span, () => {
    world.trace(() => 'from now on all goes well')
    world.calm = true
    world.outage = false
    store.disk.capacity = Number.POSITIVE_INFINITY
    store.disk.broken = undefined
  })
  begin()

  // ---- until all is at rest

  let restarted = !plan.endsWithRestart
  let restingSince: number | undefined
  const enough = plan.settings.incompleteAfterMs + 5_000
  try {
    while (truth.violation === undefined) {
      if (++steps > MOST_STEPS) {
        truth.violate(`does not come to rest: ${rest(current)}`)
        break
      }
      clock.step()
      await settled()
      checkMemory()
      if (!world.calm || clock.pending > 0 || !current || rest(current) !== undefined) {
        restingSince = undefined
        continue
      }
      restingSince ??= clock.now()
      if (clock.now() - restingSince < enough) continue
      const wrong = truth.atRest()
      if (wrong !== undefined) truth.violate(wrong)
      if (restarted) break
      restarted = true
      restingSince = undefined
      void stop()
    }
  } catch (error) {
    truth.violate(`thrown: ${(error as Error).stack}`)
  }
  if (truth.violation === undefined) checkLeftOvers()

  function rest(life: Life | undefined): string | undefined {
    if (!life) return 'no process'
    if (!life.consumer.atEnds)
      return life.processor.flow === 'flow' ? 'reading' : `reading: ${life.processor.flow}`
    if (life.host.busy > 0) return 'a thread is busy'
    if (!life.processor.quiet) return 'the processor is not quiet'
    return undefined
  }

  function checkMemory(): void {
    const { memoryBytes } = plan.settings
    const slack = plan.batchMost * 16 + plan.threads * 64
    if (store.memoryBytes > memoryBytes + slack)
      truth.violate(`memory: ${store.memoryBytes} of ${memoryBytes}`)
  }

  function checkLeftOvers(): void {
    const { assembling, queued, running } = (current as Life).processor.unfinished()
    if (queued + running.size > 0) truth.violate('files are left in the queue')
    const open = truth.files.some(
      f => f.nulls === 0 && f.copies.some(n => n > 0) && !f.skipped && !f.lettered,
    )
    if (!open && assembling.length > 0) truth.violate(`a ghost: ${assembling.map(f => f.path).join(' ')}`)
    if (!open && store.memoryBytes + store.disk.files > 0) truth.violate('bytes are left in the store')
  }

  return {
    violation: truth.violation,
    counts,
    on: plan.on,
    files: plan.files.length,
    steps,
    trace,
  }
}

function beginLife(world: World, broker: Broker, life: number): Life {
  const { plan, chance, store, truth, happened, trace } = world
  const alive = () => life === world.life
  /** What a process waits for ends with it. */
  const clock: SimClock = {
    ...world.clock,
    after: (ms, then, idle) => world.clock.after(ms, () => alive() && then(), idle),
  }
  let processor: Processor
  const consumer = simConsumer(world, broker, () => processor)
  const slow = () =>
    plan.on.has('slowPlugin') && !world.calm ? chance.delay(10, 30_000) : chance.delay(1, 2_000)

  function fateOf(failures: number, soFar: number): Fate {
    if (soFar < failures || world.outage) return { kind: 'failed', hookCalled: chance.chance(0.5) }
    if (world.calm) return { kind: 'done' }
    if (plan.on.has('deaths') && chance.chance(0.15)) return { kind: 'failed', hookCalled: false }
    if (plan.on.has('ioErrors') && chance.chance(0.15))
      return { kind: 'io-error', code: chance.pick(['ENOSPC', 'EIO', 'EACCES', '']) }
    return { kind: 'done' }
  }

  const host = newThreads(plan.threads, clock, store, {
    onCall(job, content) {
      truth.onCall(job, content)
      const f = truth.fileOf(job)
      const fate = fateOf(f?.file.failures ?? 0, f?.failed ?? 0)
      trace(
        () => `plugin called with f${f?.file.index}, attempt ${job.attempt}: ${fate.kind} will be the answer`,
      )
      const hangs = plan.on.has('hangs') && !world.calm && chance.chance(0.15)
      if (!hangs) return { fate, ms: slow() }
      happened('plugin hangs')
      return { fate: { kind: 'failed', hookCalled: false }, ms: 31_000 }
    },
    onNull(job, told) {
      trace(
        () => `plugin returned null for f${truth.fileOf(job)?.file.index}${told ? '' : ', which is ignored'}`,
      )
      truth.onNull(job, told)
    },
    onFailed(job) {
      trace(() => `attempt of f${truth.fileOf(job)?.file.index} failed`)
      truth.onFailed(job)
    },
    onBytesGone(job, when) {
      truth.violate(`the bytes of ${job.path} are gone ${when} of its attempt`)
    },
    ms: () => chance.below(20),
    diesExamining: () => plan.on.has('deaths') && !world.calm && chance.chance(0.2),
  })

  processor = newProcessor({
    settings: {
      ...plan.settings,
      topic: 'xrd',
      diskPath: path => `/out/${path}`,
      files: plan.on.has('filtered') ? /^d\// : undefined,
    },
    host,
    hooks: new Set(plan.hooks),
    store,
    commit: offsets => consumer.commit(offsets),
    pause: () => consumer.pause(),
    resume: () => consumer.resume(),
    report(event) {
      trace(() => `event ${JSON.stringify(event)}`)
      truth.onEvent(event)
    },
    now: world.clock.now,
    after: (ms, then) => clock.after(ms, then),
    sha512: sha,
    digest128: text => hash('md5', text, 'buffer').toString('latin1'),
    onChange() {},
    onStop(reason) {
      truth.violate(`the run stops: ${reason}`)
    },
  })
  void systemError
  return { processor, consumer, host }
}
