/** The plugin of a history: what it does with each file, and how long it takes. */
import type { Fate, Orders } from './threads.ts'
import type { ProcessWorld } from './world.ts'

/** The host's limit and its grace. */
const TIMEOUT_MS = 31_000

export function pluginOrders(world: ProcessWorld): Orders {
  const { plan, chance, truth, checks, happened, trace } = world
  const { on } = plan

  /** A fault of the environment, in a part of all calls while faults go on. */
  function strikes(kind: 'deaths' | 'hangs' | 'ioErrors'): boolean {
    return on.has(kind) && !world.calm && chance.chance(0.15)
  }

  function fateOf(failures: number, failedSoFar: number): { fate: Fate; ms: number } {
    const ms = on.has('slowPlugin') && !world.calm ? chance.delay(10, 30_000) : chance.delay(1, 2_000)
    if (world.outage || failedSoFar < failures) {
      const hookCalled = chance.chance(0.5)
      const environment = world.outage && plan.blamesEnvironment
      if (environment) happened('environment blamed')
      return { ms, fate: { kind: 'failed', hookCalled, environment } }
    }
    if (strikes('hangs')) {
      happened('plugin hangs')
      return { ms: TIMEOUT_MS, fate: { kind: 'failed', hookCalled: false } }
    }
    if (strikes('deaths')) {
      happened('thread dies')
      return { ms, fate: { kind: 'failed', hookCalled: false } }
    }
    if (strikes('ioErrors')) {
      happened('output fails')
      return { ms, fate: { kind: 'io-error', code: chance.pick(['ENOSPC', 'EIO', 'EACCES', '']) } }
    }
    return { ms, fate: { kind: 'done' } }
  }

  return {
    onCall(job, content) {
      checks.onCall(job, content)
      const f = truth.fileOf(job)
      const { fate, ms } = fateOf(f?.file.failures ?? 0, f?.failures ?? 0)
      trace(() => `plugin called with f${f?.file.index}, attempt ${job.attempt}, to be ${fate.kind}`)
      return { fate, ms }
    },
    onNull(job, isTold) {
      trace(() => `plugin returned null for f${truth.fileOf(job)?.file.index}${isTold ? '' : ', ignored'}`)
      if (!isTold) happened('null ignored')
      checks.onNull(job, isTold)
    },
    onFailed(job) {
      trace(() => `attempt of f${truth.fileOf(job)?.file.index} failed`)
      checks.onFailed(job)
    },
    onBytesGone: (job, when) => checks.violate(`the bytes of ${job.path} are gone ${when} of its attempt`),
    ms: () => chance.below(20),
    diesExamining: () => strikes('deaths'),
  }
}
