/** What a history is made of, drawn from its seed alone. */
import type { ProcessorSettings } from '../../src/processor/processor-deps.ts'
import { DEFAULT_VALUES } from '../support/settings.ts'
import { drawFiles, type Sending, type SimFile } from './files.ts'
import { drawKinds, type Kind } from './kinds.ts'
import type { Dice } from './seed.ts'

export interface Plan {
  readonly on: ReadonlySet<Kind>
  readonly partitions: number
  readonly threads: number
  /** Files that threads are given ahead of time. */
  readonly ahead: number
  readonly files: readonly SimFile[]
  readonly sendings: readonly Sending[]
  /** Milliseconds in which things go wrong; afterwards all goes well. */
  readonly span: number
  readonly batchMost: number
  readonly tickMs: number
  readonly drainMs: number
  readonly hooks: readonly string[]
  /** The binding returns metadata without its last character. */
  readonly cutsMetadata: boolean
  readonly settings: Omit<ProcessorSettings, 'diskPath' | 'files' | 'topic'>
  /** In an outage the plugin says so. */
  readonly blamesEnvironment: boolean
  /** One more life at the end, in which all goes well. */
  readonly endsWithRestart: boolean
}

/** What a smaller history of the same seed leaves out. */
export interface Without {
  readonly kinds: ReadonlySet<string>
  readonly files: ReadonlySet<number>
}

export function drawPlan(dice: Dice, without: Without): Plan {
  const on = drawKinds(dice.fork('kinds'), without.kinds)
  const scope = dice.fork('scope')
  const partitions = scope.between(1, 4)
  const span = scope.delay(2_000, 60_000)
  // More than a commit names one by one, in some.
  const mostFiles = scope.chance(0.07) ? 70 : scope.pick([2, 4, 8, 12])
  const { files, sendings } = drawFiles(dice.fork('files'), on, { partitions, mostFiles, span })
  const choice = dice.fork('settings')
  const letters = scope.chance(0.4)
  const failing = files.filter(file => file.failures > 0).length
  const mode = choice.pick(['memory', 'memory', 'disk', 'both'] as const)
  const retries = choice.pick([0, 0, 1, 2, 3])
  const onError = choice.pick(letters ? (['dlq'] as const) : (['hold', 'hold', 'skip'] as const))
  return {
    on,
    partitions,
    threads: scope.between(1, 3),
    ahead: dice.fork('threads ahead').pick([0, 0, 0, 2, 5]),
    files,
    sendings: sendings.filter(({ what }) => what.kind !== 'chunk' || !without.files.has(what.file)),
    span,
    batchMost: scope.pick([1, 3, 8, 30]),
    tickMs: 1_000,
    drainMs: scope.pick([0, 1_000, 20_000]),
    hooks: on.has('hooks') ? ['onUndecodable', 'onFailure', 'onMismatch'] : [],
    cutsMetadata: scope.chance(0.5),
    blamesEnvironment: dice.fork('blame').chance(0.5),
    endsWithRestart: scope.chance(0.5),
    settings: {
      ...DEFAULT_VALUES,
      mode,
      retries,
      onError: on.has('stopPolicy') ? 'stop' : onError,
      onIncomplete: choice.pick(letters ? (['hold', 'dlq'] as const) : (['hold', 'hold', 'skip'] as const)),
      incompleteAfterMs: choice.pick([3_000, 10_000, 60_000]),
      reprocessIdentical: on.has('reprocess'),
      memoryBytes: on.has('smallMemory') ? choice.pick([32, 64, 128]) : 2 ** 20,
      largestBuffer: 2 ** 32,
      // Files that always fail must not keep it open for ever.
      breaker: choice.chance(0.4) ? 0 : failing + choice.between(1, 3),
      waitsForEnvironment: true,
      retriesHeld: dice.fork('held come back').chance(0.5),
      group: 'beamline',
    },
  }
}
