/**
 * All around a processor, without broker, threads or time: partitions as lists of values, a host that runs a function
 * on verified files (in real shared memory and real temporary files), commits that are kept, a clock that is moved.
 */

import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { OwnFolder } from '../../src/base/held-folder.ts'
import type { DeadLetter } from '../../src/core/dead-letter.ts'
import type { DoneBefore } from '../../src/core/offsets/done-before.ts'
import { PAGE_BYTES } from '../../src/core/page-bytes.ts'
import type { Source } from '../../src/core/source.ts'
import { arena } from '../../src/files/arena.ts'
import { type Place, type Store, store } from '../../src/files/store.ts'
import type { FileJob, Task, TaskResult } from '../../src/plugin/messages.ts'
import {
  type BegunDigest,
  badChunks,
  content,
  digest,
  digestPart,
  sharedPages,
} from '../../src/plugin/worker/content.ts'
import { type Processor, processor } from '../../src/processor/processor.ts'
import type { FinishedJournal, ProcessorSettings } from '../../src/processor/processor-deps.ts'
import type { RunEvent } from '../../src/report/events.ts'
import { realEdges } from '../../src/run/edges.ts'
import { type ChunkFields, chunksOf, encoded } from '../support/files.ts'
import { DEFAULT_VALUES } from '../support/settings.ts'
import { type ManualClock, manualClock, settled } from './clock.ts'

export const DONE: TaskResult = { kind: 'done' }

export function failure(message: string, hookCalled = true): TaskResult {
  return { kind: 'failed', fault: { message, frames: [] }, hookCalled }
}

/** One file as it is sent: its values in the order of its chunks. */
export interface Sent {
  readonly path: string
  readonly content: Buffer
  readonly values: Buffer[]
}

export interface CutOptions {
  readonly chunkSize?: number
  readonly mtime?: number
  /** Changes a chunk before it is encoded. */
  readonly change?: (chunk: ChunkFields) => Partial<ChunkFields>
}

/** Cuts a content into chunks and encodes them. */
export function cut(path: string, text: string | Buffer, options: CutOptions = {}): Sent {
  const { chunkSize = 4, mtime = 0, change = () => ({}) } = options
  const content = Buffer.from(text)
  const chunks = chunksOf({ path, content, chunkSize, mtime })
  return { path, content, values: chunks.map(chunk => encoded({ ...chunk, ...change(chunk) })) }
}

/** What the plugin was called with. */
export interface Call {
  readonly path: string
  readonly content: string
  readonly job: FileJob
}

export interface WorldOptions {
  readonly partitions?: number
  readonly threads?: number
  readonly hooks?: readonly string[]
  readonly settings?: Partial<ProcessorSettings>
  readonly journal?: FinishedJournal
  /** Of the record at an offset of a partition. */
  readonly headers?: (partition: number, offset: number) => ReadonlyMap<string, Uint8Array>
  readonly doneBefore?: DoneBefore
  /** The plugin: what it answers to a file. */
  readonly plugin?: (call: Call) => TaskResult | Promise<TaskResult>
}

export interface World {
  readonly clock: ManualClock
  readonly processor: Processor
  readonly store: Store
  /** The values of each partition; an offset is an index. */
  readonly log: (Buffer | null)[][]
  /** Calls of the plugin, oldest first. */
  readonly calls: readonly Call[]
  /** Of how many bytes the digest was known when a file became whole: the rest alone is digested then. */
  readonly aheads: readonly { readonly path: string; readonly bytes: number }[]
  /** Tasks of other kinds. */
  readonly hooksRun: readonly Task[]
  readonly events: readonly RunEvent[]
  /** The committed offset of each partition. */
  readonly committed: ReadonlyMap<number, number>
  /** The metadata of the committed offsets, as it was sent. */
  readonly metadata: Map<number, string | undefined>
  readonly commits: readonly ReadonlyMap<number, number>[]
  readonly letters: readonly DeadLetter[]
  readonly stops: readonly string[]
  readonly aborts: readonly string[]
  /** Files that threads were to stop. */
  readonly aborted: readonly string[]
  readonly isPaused: boolean
  /** How often reading was paused. */
  readonly pauses: number
  /** Decides how a commit ends; undefined = at once and well. */
  onCommit: (() => Promise<void>) | undefined
  /** The error that the next writes of chunks meet. */
  failWrites: Error | undefined
  /** Only there; undefined = everywhere. */
  failWritesTo: 'memory' | 'disk' | undefined
  /** The disk has room for a probe all the same. */
  sparesProbes: boolean
  /** Why there is no thread. */
  shortage: string | undefined
  /** What a dead letter waits for; rejects = refused. */
  onDeadLetter: ((letter: DeadLetter) => Promise<void>) | undefined
  /** What reading again waits for. */
  onRefetch: (() => Promise<void>) | undefined
  /** What asking for the ends waits for. */
  onEndOffsets: (() => Promise<void>) | undefined
  /** What the examination of a file with a wrong digest waits for. */
  onExamine: (() => Promise<void>) | undefined
  /** Appends values to a partition, unread. */
  append(partition: number, ...values: (Buffer | null)[]): void
  /** Hands what was appended to the processor, partition by partition, and waits until nothing moves. */
  read(limit?: number): Promise<void>
  /** Appends and reads. */
  send(partition: number, ...values: (Buffer | null)[]): Promise<void>
  /** Tells the processor that each partition was read to its end. */
  reachEnds(): Promise<void>
  /** What the run calls every second. */
  tick(): Promise<void>
  /** Begins (again) at the committed offsets, else 0. */
  assign(partitions?: readonly number[]): void
  revoke(options?: { partitions?: readonly number[]; lost?: boolean; drainMs?: number }): Promise<void>
  /** A new processor, as after a kill: nothing but the committed offsets and the log are left. */
  crash(): void
  files(): Extract<RunEvent, { type: 'file' }>[]
}

interface Cleanup {
  after(work: () => void): void
}

/** A journal that stays when a process is killed. */
export function memoryJournal() {
  const keys = new Set<string>()
  return {
    keys,
    has: (key: string) => keys.has(key),
    async append(key: string) {
      keys.add(key)
    },
    clear: () => keys.clear(),
  }
}

export function world(t: Cleanup, options: WorldOptions = {}): World {
  const { partitions = 1, threads = 2, hooks = [], plugin = () => DONE } = options
  const clock = manualClock()
  const tmpDir = temporaryFolder(t)
  const memory = arena(() => {})
  const pages = sharedPages(memory.segments, PAGE_BYTES)
  const files = store(memory, new OwnFolder(tmpDir, tmpDir))
  const log: (Buffer | null)[][] = Array.from({ length: partitions }, () => [])
  const positions = new Map<number, number>()
  const committed = new Map<number, number>()
  const metadata = new Map<number, string | undefined>()
  const commits: Map<number, number>[] = []
  const calls: Call[] = []
  const aheads: { path: string; bytes: number }[] = []
  let begun: BegunDigest | undefined
  const hooksRun: Task[] = []
  const events: RunEvent[] = []
  const letters: DeadLetter[] = []
  const stops: string[] = []
  const aborts: string[] = []
  const aborted: string[] = []
  let isPaused = false
  let pauses = 0
  let life = 0
  let current: Processor

  const settings: ProcessorSettings = {
    ...DEFAULT_VALUES,
    topic: 'xrd',
    group: 'g',
    diskPath: name => path.join(tmpDir, name),
    retries: 0,
    breaker: 0,
    largestBuffer: 2 ** 32,
    waitsForEnvironment: true,
    retriesHeld: false,
    ...options.settings,
  }

  async function work(task: Task, alive: () => boolean): Promise<TaskResult> {
    if (task.kind === 'examine') {
      await open.onExamine?.()
      return { kind: 'examined', badChunks: badChunks(task.file, task.chunks, pages) }
    }
    if (task.kind !== 'process') {
      hooksRun.push(task)
      return DONE
    }
    const ahead = begun?.key === task.file.ahead ? begun : undefined
    if (ahead !== undefined) {
      aheads.push({ path: task.file.path, bytes: ahead.bytes })
      begun = undefined
    }
    const actual = digest(task.file, pages, ahead)
    if (actual !== task.file.sha512) return { kind: 'mismatch', actual }
    const call = { path: task.file.path, content: content(task.file, pages).toString(), job: task.file }
    if (!alive()) return DONE
    calls.push(call)
    return await plugin(call)
  }

  function host(alive: () => boolean) {
    let busy = 0
    const queue: (() => void)[] = []
    const next = () => {
      if (busy < threads) queue.shift()?.()
    }
    return {
      get free() {
        return open.shortage === undefined ? Math.max(0, threads - busy - queue.length) : 0
      },
      get shortage() {
        return open.shortage
      },
      digestAhead(key: number, from: number, source: () => Source) {
        if (from === 0 ? begun !== undefined : begun?.key !== key) return false
        begun = digestPart(begun, { type: 'digest', key, from, source: source() }, pages)
        return true
      },
      forgetDigest(key: number) {
        if (begun?.key === key) begun = undefined
      },
      recall: () => {},
      abort(reason: string, of?: ReadonlySet<FileJob>) {
        aborts.push(reason)
        for (const { path } of of ?? []) aborted.push(path)
      },
      run: (task: Task) =>
        new Promise<TaskResult>(answer => {
          queue.push(() => {
            busy++
            const ended = (result: TaskResult) => {
              busy--
              if (alive()) answer(result)
              next()
            }
            void work(task, alive).then(ended)
          })
          next()
        }),
    }
  }

  const isBroken = (place: Place) =>
    open.failWritesTo === undefined || (open.failWritesTo === 'memory') === (place === 'memory')

  function start(): void {
    const own = ++life
    const alive = () => life === own
    current = processor({
      ...realEdges,
      settings,
      host: host(alive),
      hooks: new Set(hooks),
      store: {
        open(place) {
          const file = files.open(place)
          const write = file.write.bind(file)
          const spill = file.spill.bind(file)
          return Object.assign(file, {
            write(offset: number, data: Uint8Array) {
              if (open.failWrites && isBroken(file.place)) throw open.failWrites
              write(offset, data)
            },
            spill() {
              if (open.failWrites) throw open.failWrites
              spill()
            },
          })
        },
        get memoryBytes() {
          return files.memoryBytes
        },
        probe() {
          if (open.failWrites && !open.sparesProbes) throw open.failWrites
          files.probe()
        },
      },
      async commit(offsets) {
        if (open.onCommit) await open.onCommit()
        if (!alive()) return
        const commit = new Map(offsets.map(({ partition, offset }) => [partition, offset]))
        commits.push(commit)
        for (const { partition, offset, metadata: text } of offsets) {
          committed.set(partition, offset)
          metadata.set(partition, text)
        }
      },
      committedNow: async () =>
        new Map(
          [...committed].map(([partition, offset]) => [
            partition,
            { offset, metadata: metadata.get(partition)?.slice(0, -1) },
          ]),
        ),
      partitionCount: () => log.length,
      endOffsets: async () => {
        if (open.onEndOffsets) await open.onEndOffsets()
        return new Map(log.map((values, partition) => [partition, values.length]))
      },
      async deadLetter(letter) {
        if (open.onDeadLetter) await open.onDeadLetter(letter)
        if (alive()) letters.push(letter)
      },
      async refetch(ranges, onRecord, signal) {
        if (open.onRefetch) await open.onRefetch()
        for (const { partition, from, to } of ranges)
          for (let offset = from; offset <= to && !signal.aborted; offset++)
            onRecord({ partition, offset, timestamp: 0, value: log[partition]?.[offset] ?? null })
      },
      journal: options.journal,
      doneBefore: options.doneBefore,
      pause() {
        assert.ok(!isPaused, 'paused twice')
        pauses++
        isPaused = true
      },
      resume() {
        assert.ok(isPaused, 'resumed without a pause')
        isPaused = false
      },
      report: event => alive() && events.push(event),
      now: clock.now,
      after: (ms, then) => clock.after(ms, () => alive() && then()),
      onChange() {},
      onStop: reason => void stops.push(reason),
      onFatal: error => void stops.push(`${error.code}: ${error.facts.join()}`),
    })
  }

  const open: World = {
    clock,
    get processor() {
      return current
    },
    store: files,
    log,
    calls,
    aheads,
    hooksRun,
    events,
    committed,
    metadata,
    commits,
    letters,
    stops,
    aborts,
    aborted,
    get isPaused() {
      return isPaused
    },
    get pauses() {
      return pauses
    },
    onCommit: undefined,
    onExamine: undefined,
    shortage: undefined,
    onDeadLetter: undefined,
    onRefetch: undefined,
    onEndOffsets: undefined,
    failWrites: undefined,
    failWritesTo: undefined,
    sparesProbes: false,
    append: (partition, ...values) => void log[partition]?.push(...values),
    async read(limit = Number.POSITIVE_INFINITY) {
      let left = limit
      for (const [partition, position] of positions) {
        const values = log[partition]?.slice(position, position + left) ?? []
        if (isPaused || values.length === 0) continue
        left -= values.length
        positions.set(partition, position + values.length)
        current.records(
          values.map((value, i) => {
            const offset = position + i
            const headers = options.headers?.(partition, offset)
            return { partition, offset, timestamp: 0, value, ...(headers && { headers }) }
          }),
        )
      }
      await settled()
    },
    async send(partition, ...values) {
      open.append(partition, ...values)
      await open.read()
    },
    async reachEnds() {
      for (const [partition, position] of positions) {
        if (position === log[partition]?.length) current.partitionEnd(partition, position)
      }
      await settled()
    },
    async tick() {
      current.tick()
      await settled()
    },
    assign(which = log.map((_, partition) => partition)) {
      for (const partition of which) positions.set(partition, committed.get(partition) ?? 0)
      current.assign(
        which.map(partition => ({
          partition,
          start: positions.get(partition) as number,
          committed: committed.get(partition),
          // The client's binding cuts the last character.
          metadata: metadata.get(partition)?.slice(0, -1),
          end: log[partition]?.length ?? 0,
          notice: undefined,
        })),
      )
    },
    async revoke({ partitions: which = [...positions.keys()], lost = false, drainMs = 20_000 } = {}) {
      const done = current.revoke(which, lost, drainMs)
      for (const partition of which) positions.delete(partition)
      await done
      await settled()
    },
    crash() {
      isPaused = false
      positions.clear()
      start()
    },
    files: () => events.filter(event => event.type === 'file'),
  }
  start()
  open.assign()
  return open
}

/** On its own, so that a test of a thousand worlds does not keep each until its end. */
function temporaryFolder(t: Cleanup): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-world-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A promise and how to settle it. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>(r => {
    resolve = r
  })
  return { promise, resolve }
}
