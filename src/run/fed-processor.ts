/**
 * The processor without a broker: it is fed with records, which pass through one partition of its own. Each file is tried
 * once, and nothing is committed.
 */
import { constants } from 'node:buffer'
import path from 'node:path'
import type { OwnFolder } from '../base/held-folder.ts'
import type { ConsumedRecord } from '../kafka/consumer/consumer.ts'
import { type Processor, processor } from '../processor/processor.ts'
import type { ProcessorDeps, ProcessorSettings } from '../processor/processor-deps.ts'
import { realEdges } from './edges.ts'
import type { PluginRuntime } from './plugin-runtime.ts'

export interface FedOptions extends Pick<ProcessorSettings, 'mode' | 'memoryBytes'> {
  /** Files that are open at a time, beside one. */
  readonly threads: number
  /** Of the output directory. */
  readonly path: string
  readonly tmp: OwnFolder
}

export type FedSettings = Pick<
  ProcessorSettings,
  | 'topic'
  | 'group'
  | 'onIncomplete'
  | 'incompleteAfterMs'
  | 'breakerAfter'
  | 'waitsForEnvironment'
  | 'attemptsBefore'
>

export interface FedDeps extends Pick<ProcessorDeps, 'refetch' | 'report' | 'onStop'> {
  readonly runtime: Pick<PluginRuntime, 'store'> & { readonly host: ProcessorDeps['host'] }
  readonly hooks: readonly string[]
  /** Called every second, after the processor's own tick. */
  readonly onTick?: (work: Processor) => void
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

export function fedProcessor(options: FedOptions, settings: FedSettings, deps: FedDeps): FedProcessor {
  let paused = false
  let wake = () => {}
  const work = processor({
    ...realEdges,
    settings: {
      ...settings,
      mode: options.mode,
      memoryBytes: options.memoryBytes,
      diskPath: name => path.join(options.path, name),
      files: undefined,
      onFailure: { retries: 0, onError: 'skip' },
      reprocessIdentical: true,
      largestBuffer: constants.MAX_LENGTH,
      maxFiles: undefined,
      retriesHeld: false,
    },
    host: deps.runtime.host,
    hooks: new Set(deps.hooks),
    store: deps.runtime.store(options.tmp),
    commit: async () => {},
    committedNow: async () => new Map(),
    endOffsets: async () => new Map(),
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
  })
  const nothingKnown = { committed: undefined, metadata: undefined, notice: undefined }
  work.assign([{ partition: PARTITION, start: 0, end: 0, ...nothingKnown }])
  // A thread that is replaced tells nobody when it is ready.
  const timer = setInterval(() => {
    work.tick()
    deps.onTick?.(work)
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
