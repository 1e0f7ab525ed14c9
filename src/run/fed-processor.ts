/**
 * The processor without a broker: it is fed with records, which pass through one partition of its own. Each file is tried
 * once, and nothing is committed.
 */
import { constants } from 'node:buffer'
import path from 'node:path'
import type { OutputDir } from '../files/output-dir.ts'
import type { ConsumedRecord } from '../kafka/consumer/consumer.ts'
import { type Processor, processor } from '../processor/processor.ts'
import type { ProcessorDeps, ProcessorSettings } from '../processor/processor-deps.ts'
import { realEdges } from './edges.ts'
import type { PluginRuntime } from './plugin-runtime.ts'

/** What does not depend on who feeds it. */
const FED = {
  files: undefined,
  maxFiles: undefined,
  retries: 0,
  onError: 'skip',
  reprocessIdentical: true,
  retriesHeld: false,
  shared: false,
  largestBuffer: constants.MAX_LENGTH,
} as const

export interface FedSettings extends Omit<ProcessorSettings, keyof typeof FED | 'diskPath'> {
  readonly output: Pick<OutputDir, 'path' | 'tmp'>
}

export interface FedDeps extends Pick<ProcessorDeps, 'refetch' | 'report' | 'onStop'> {
  readonly runtime: Pick<PluginRuntime, 'store'> & { readonly host: ProcessorDeps['host'] }
  readonly hooks: readonly string[]
  /** Nothing can be processed, and what is in the way was tried again in vain; called every second while that is so. */
  readonly onBlocked: (reason: string) => void
}

export interface FedProcessor extends Pick<Processor, 'files' | 'drain'> {
  /** Takes a record as the one at `offset` of its own partition. */
  take(record: Pick<ConsumedRecord, 'timestamp' | 'value'>, offset: number): void
  /** No more comes of what was fed so far, up to `offset`. */
  atEnd(offset: number): void
  /** There is no room at present. */
  readonly isPaused: boolean
  /** Resolves at the next change after which more may be fed. */
  change(): Promise<void>
  /** Something changed outside. */
  wake(): void
  /** Ends its timer. */
  end(): void
}

/** Its own partition. */
export const PARTITION = 0
const TICK_MS = 1_000

export function fedProcessor(given: FedSettings, deps: FedDeps): FedProcessor {
  const { output } = given
  let paused = false
  let wake = () => {}
  const work = processor({
    ...realEdges,
    settings: { ...given, ...FED, diskPath: name => path.join(output.path, name) },
    host: deps.runtime.host,
    hooks: new Set(deps.hooks),
    store: deps.runtime.store(output.tmp),
    commit: async () => {},
    committedNow: async () => new Map(),
    endOffsets: async () => new Map(),
    partitionCount: () => 1,
    deadLetter: async () => {},
    refetch: deps.refetch,
    journal: undefined,
    pause() {
      paused = true
    },
    resume() {
      paused = false
      wake()
    },
    report: deps.report,
    onChange: () => wake(),
    onStop: deps.onStop,
    onFatal: error => deps.onStop(error.message),
  })
  const nothingKnown = { committed: undefined, metadata: undefined, notice: undefined }
  work.assign([{ partition: PARTITION, start: 0, end: 0, ...nothingKnown }])
  // A thread that is replaced tells nobody when it is ready.
  const timer = setInterval(() => {
    work.tick()
    const blocked = work.blocked ?? work.starved
    if (blocked !== undefined && blocked.probes > 0) deps.onBlocked(blocked.reason)
  }, TICK_MS)
  return {
    files: work.files,
    drain: work.drain,
    take: ({ timestamp, value }, offset) =>
      work.records([{ partition: PARTITION, offset, timestamp, value }]),
    atEnd: offset => work.partitionEnd(PARTITION, offset),
    get isPaused() {
      return paused
    },
    change: () =>
      new Promise<void>(resolve => {
        wake = resolve
      }),
    wake: () => wake(),
    end: () => clearInterval(timer),
  }
}
