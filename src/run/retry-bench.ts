/**
 * The processor on files of one topic that are fetched by reference: each is read again, assembled, verified and given
 * to the plugin once. It owns no partition of the topic: the records pass through one of its own.
 */
import { constants } from 'node:buffer'
import path from 'node:path'
import { decodeChunk } from '../core/chunk-codec.ts'
import { type OffsetRange, offsetRanges } from '../core/offset-ranges.ts'
import { relativePath } from '../core/output-path.ts'
import type { ConsumedRecord } from '../kafka/consumer.ts'
import type { Refetcher } from '../kafka/refetch.ts'
import type { FileResult, RunEvent } from '../report/events.ts'
import { realEdges } from './edges.ts'
import type { PluginRuntime } from './plugin-runtime.ts'
import { processor } from './processor.ts'

export interface RetryBenchOptions {
  readonly topic: string
  readonly group: string
  readonly mode: 'memory' | 'disk' | 'both'
  readonly threads: number
  readonly memoryBytes: number
  readonly breakerAfter: number
  /** Of the output directory. */
  readonly path: string
  readonly tmpDir: string
}

export interface Outcome {
  readonly result: FileResult
  readonly error: string
  readonly bytes: number
  readonly ms: number
}

/** A file to be run again. */
export interface BenchFile {
  readonly letter: { readonly path: string; readonly chunks: number; readonly sha512: string }
  /** Where its records lie; others may lie between them. */
  readonly ranges: readonly OffsetRange[]
}

export interface RetryBenchDeps<F extends BenchFile> {
  readonly runtime: PluginRuntime
  readonly hooks: readonly string[]
  /** Of the topic. */
  readonly openRefetcher: () => Refetcher
  /** What became of a file; the next one may be fed meanwhile. */
  readonly onOutcome: (file: F, outcome: Outcome) => void
  readonly report: (event: Extract<RunEvent, { type: 'info' | 'problem' }>) => void
  /** Ends everything. */
  readonly signal: AbortSignal
  /** Nothing can be processed at present. */
  readonly onBlocked: (reason: string) => void
}

export interface RetryBench<F extends BenchFile> {
  /** Resolves when the next file may follow. Rejects with a DfspError when the topic cannot be read. */
  feed(file: F): Promise<void>
  /** Resolves when all that were fed have ended, or after the signal. */
  finished(): Promise<void>
  /** Waits for what runs, drops the rest; false when that did not end in time. */
  close(drainMs: number): Promise<boolean>
}

/** Where a record really lies. */
interface Place {
  readonly partition: number
  readonly offset: number
}

interface Open<F> {
  readonly file: F
  /** The offset that the first of its records is given here. */
  readonly from: number
  /** Of its records, in order. */
  readonly places: readonly Place[]
}

const PARTITION = 0
const TICK_MS = 1_000

export function retryBench<F extends BenchFile>(
  options: RetryBenchOptions,
  deps: RetryBenchDeps<F>,
): RetryBench<F> {
  const { runtime, report, signal } = deps
  const open = new Map<string, Open<F>>() // by path
  /** The offset that the next record is given here. */
  let end = 0
  const feeding = deps.openRefetcher()
  // A second connection: the first may be waiting for room that only an evicted file's end can give.
  const again = deps.openRefetcher()
  let paused = false
  let wake = () => {}
  const change = () =>
    new Promise<void>(resolve => {
      wake = resolve
    })
  signal.addEventListener('abort', () => wake(), { once: true })

  const work = processor({
    ...realEdges,
    settings: {
      topic: options.topic,
      group: options.group,
      mode: options.mode,
      diskPath: name => path.join(options.path, name),
      files: undefined,
      onFailure: { retries: 0, onError: 'skip' },
      onIncomplete: 'skip',
      // After the last of a file's records nothing more of it comes.
      incompleteAfterMs: 1,
      reprocessIdentical: true,
      memoryBytes: options.memoryBytes,
      largestBuffer: constants.MAX_LENGTH,
      maxFiles: undefined,
      breakerAfter: options.breakerAfter,
      waitsForEnvironment: true,
      retriesHeld: false,
    },
    host: runtime.host,
    hooks: new Set(deps.hooks),
    store: runtime.store(options.tmpDir),
    commit: async () => {},
    committedNow: async () => new Map(),
    endOffsets: async () => new Map(),
    deadLetter: async () => {},
    refetch: readAgain,
    journal: undefined,
    pause() {
      paused = true
    },
    resume() {
      paused = false
      wake()
    },
    report: heard,
    onChange: () => wake(),
    onStop: reason => deps.onBlocked(reason),
  })
  const start = {
    partition: PARTITION,
    start: 0,
    end: 0,
    committed: undefined,
    metadata: undefined,
    notice: undefined,
  }
  work.assign([start])
  const timer = setInterval(() => {
    work.tick()
    if (work.blocked !== undefined && work.blocked.probes > 0) deps.onBlocked(work.blocked.reason)
  }, TICK_MS)

  function heard(event: RunEvent): void {
    if (event.type === 'info' || event.type === 'problem') return report(event)
    if (event.type !== 'file') return
    const ended = open.get(event.path)
    // Of an earlier one of the same path, of which more was seen: it has had its outcome.
    if (ended === undefined || (event.partitions[PARTITION]?.[0] ?? 0) < ended.from) return
    open.delete(event.path)
    const { result, error = '', bytes, ms } = event
    deps.onOutcome(ended.file, { result, error, bytes, ms })
    wake()
  }

  function placeOf(offset: number): Place | undefined {
    for (const { from, places } of open.values()) {
      const place = places[offset - from]
      if (place !== undefined) return place
    }
    return undefined
  }

  async function readAgain(
    ranges: readonly OffsetRange[],
    onRecord: (r: ConsumedRecord) => void,
    cancelled: AbortSignal,
  ): Promise<void> {
    const offsets = new Map<string, number>()
    for (const { from, to } of ranges)
      for (let offset = from; offset <= to; offset++) {
        const place = placeOf(offset)
        if (place) offsets.set(`${place.partition}/${place.offset}`, offset)
      }
    const real = offsetRanges([...offsets.values()].flatMap(offset => placeOf(offset) ?? []))
    await again.read(
      real,
      r => {
        const offset = offsets.get(`${r.partition}/${r.offset}`)
        if (offset !== undefined) onRecord({ ...r, partition: PARTITION, offset })
      },
      cancelled,
    )
  }

  return {
    async feed(file) {
      const { path: name } = file.letter
      // One content of a path at a time: it is told by its path what became of it.
      while ((open.has(name) || open.size > options.threads) && !signal.aborted) await change()
      signal.throwIfAborted()
      const places: Place[] = []
      const own = { file, from: end, places }
      open.set(name, own)
      let fed = 0
      await feeding.read(
        file.ranges,
        async record => {
          if (!isOf(file, record)) return
          while (paused && !signal.aborted) await change()
          signal.throwIfAborted()
          if (open.get(name) !== own) return // further copies of what has ended
          fed++
          const { partition, offset } = record
          places.push({ partition, offset })
          work.records([{ ...record, partition: PARTITION, offset: end++ }])
        },
        signal,
      )
      work.partitionEnd(PARTITION, end)
      if (fed > 0) return
      open.delete(name)
      deps.onOutcome(file, {
        result: 'incomplete',
        error: `none of ${file.letter.chunks} chunks is there`,
        bytes: 0,
        ms: 0,
      })
    },
    async finished() {
      while (open.size > 0 && !signal.aborted) await change()
    },
    async close(drainMs) {
      clearInterval(timer)
      const ended = await work.drain(drainMs)
      await feeding.close()
      await again.close()
      return ended
    },
  }
}

/** Between a file's records lie those of others, where its letter is not exact. */
function isOf({ letter }: BenchFile, { value }: ConsumedRecord): boolean {
  const chunk = decodeChunk(value)
  if (chunk.kind !== 'chunk' || chunk.total !== letter.chunks) return false
  if (Buffer.from(chunk.fileHash).toString('hex') !== letter.sha512) return false
  const found = relativePath(chunk.subdir, chunk.filename, chunk.append)
  return 'path' in found && found.path === letter.path
}
