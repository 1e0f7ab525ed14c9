/**
 * From record to commit: decodes, places chunks, runs whole files, decides what becomes of failed ones, resolves
 * offsets. Broker, threads, disk and clock are handed in as functions, so that one seed can drive a whole run.
 */
import { type Flow, nextFlow } from '../core/backpressure.ts'
import type { Chunk, Undecodable } from '../core/chunk.ts'
import { decodeChunk } from '../core/chunk-codec.ts'
import { afterFailure, type RetryPolicy } from '../core/disposition.ts'
import { fileId, finishedGenerations } from '../core/generation.ts'
import { type Ledger, ledger as newLedger, type Receipt } from '../core/ledger.ts'
import { relativePath } from '../core/output-path.ts'
import type { Store } from '../files/store.ts'
import type { AssignedPartition } from '../kafka/assignment.ts'
import type { OffsetCommit } from '../kafka/committer.ts'
import type { ConsumedRecord } from '../kafka/consumer.ts'
import { faultLine } from '../plugin/fault.ts'
import type { FileJob, PluginFault, Task, TaskResult } from '../plugin/messages.ts'
import type { FileResult, RunEvent, SetAside } from '../report/events.ts'
import { commits } from './commits.ts'
import { type OpenFile, openFiles } from './open-files.ts'

export interface ProcessorSettings {
  readonly topic: string
  readonly mode: 'memory' | 'disk' | 'both'
  /** Absolute path of a file in `--mode disk` and `both`. */
  readonly diskPath: (path: string) => string
  /** Only files whose path matches; others are passed over. */
  readonly files: RegExp | undefined
  readonly onFailure: RetryPolicy
  readonly onIncomplete: 'hold' | 'skip'
  readonly incompleteAfterMs: number
  readonly reprocessIdentical: boolean
  readonly memoryBytes: number
  /** Bytes that one Buffer can hold: a larger file needs `--mode disk`. */
  readonly largestBuffer: number
  /** Stop starting files once so many are finished. */
  readonly maxFiles: number | undefined
}

export interface ProcessorDeps {
  readonly settings: ProcessorSettings
  readonly host: {
    run(task: Task, onStarted?: () => void): Promise<TaskResult>
    readonly free: number
    abort(reason: string): void
  }
  /** Hooks that the plugin has. */
  readonly hooks: ReadonlySet<string>
  readonly store: Store
  commit(offsets: readonly OffsetCommit[]): Promise<void>
  pause(): void
  resume(): void
  report(event: RunEvent): void
  /** Monotonic milliseconds. */
  now(): number
  after(ms: number, then: () => void): () => void
  sha512(data: Uint8Array): Uint8Array
  /** 128 bits of a cryptographic hash, as text. */
  digest128(text: string): string
  /** A change after which the run may be over. */
  onChange(): void
  /** Go on is impossible or not wanted: the reason. */
  onStop(reason: string, error?: unknown): void
}

export interface Counts {
  done: number
  failed: number
  mismatched: number
  skipped: number
  undecodable: number
  /** Tombstones and other records without a value. */
  empty: number
  filtered: number
  duplicates: number
  doneBytes: number
  receivedBytes: number
}

export interface Processor {
  readonly ledger: Ledger
  readonly counts: Readonly<Counts>
  assign(partitions: readonly AssignedPartition[]): void
  records(batch: readonly ConsumedRecord[]): void
  partitionEnd(partition: number, offset: number): void
  /** Finishes what runs, commits, forgets the partitions. */
  revoke(partitions: readonly number[], lost: boolean, drainMs: number): Promise<void>
  /** Starts no more files, waits for the running ones, commits. False when they did not end in time. */
  drain(drainMs: number): Promise<boolean>
  /** Looks for files without progress; called now and then. */
  tick(): void
  /** No file is queued, running or waiting, and all is committed. */
  readonly quiet: boolean
  readonly flow: Flow
  /** Bytes of memory that files occupy. */
  readonly memoryBytes: number
  unfinished(): {
    readonly assembling: readonly OpenFile[]
    readonly queued: number
    readonly running: ReadonlyMap<OpenFile, number>
  }
}

/** The ledger's owner of a record that belongs to no file. */
const NO_FILE = -1

/** Calls of onUndecodable that may wait at a time; beyond it they are left out, so that a topic of junk costs nothing. */
const MOST_HOOK_CALLS = 256

export function processor(deps: ProcessorDeps): Processor {
  const { settings, store, report, now } = deps
  const ledger = newLedger()
  const files = openFiles()
  const finished = finishedGenerations()
  const queue: OpenFile[] = []
  const running = new Map<OpenFile, number>() // -> when it was given to a thread
  const atEnd = new Set<number>()
  const counts: Counts = {
    done: 0,
    failed: 0,
    mismatched: 0,
    skipped: 0,
    undecodable: 0,
    empty: 0,
    filtered: 0,
    duplicates: 0,
    doneBytes: 0,
    receivedBytes: 0,
  }
  let flow: Flow = 'flow'
  let queuedBytes = 0
  /** When the last of all partitions was read to its end; undefined while there is more to read. */
  let caughtUpSince: number | undefined
  let caughtUpBefore = 0
  let draining = false
  let hookCalls = 0
  let onDrained: (() => void) | undefined

  const committing = commits({
    ledger,
    commit: deps.commit,
    isIdle: () => queue.length === 0 && running.size === 0,
    now,
    after: deps.after,
    onFailed: error =>
      report({ type: 'problem', text: `offset commit failed, nothing is lost: ${(error as Error).message}` }),
    onCommitted: deps.onChange,
  })

  /** Milliseconds spent at the ends of all partitions: the clock by which a file makes no progress. */
  function idleClock(): number {
    return caughtUpBefore + (caughtUpSince === undefined ? 0 : now() - caughtUpSince)
  }

  function moreToRead(): void {
    caughtUpBefore = idleClock()
    caughtUpSince = undefined
  }

  // ---- records

  function record(r: ConsumedRecord): void {
    if (!isExpected(r)) return
    if (r.value === null || r.value.length === 0) {
      counts.empty++
      return resolveAtOnce(r)
    }
    const chunk = decodeChunk(r.value)
    if (chunk.kind === 'undecodable') return undecodable(r, chunk)
    const found = relativePath(chunk.subdir, chunk.filename, chunk.append)
    if ('refused' in found) return undecodable(r, { kind: 'undecodable', reason: found.refused })
    const { path } = found
    if (settings.files && !settings.files.test(path)) {
      counts.filtered++
      return resolveAtOnce(r)
    }
    const id = fileId(path, chunk)
    let file = files.byId.get(id)
    if (!file && !settings.reprocessIdentical && finished.has(deps.digest128(id))) {
      counts.duplicates++
      return resolveAtOnce(r)
    }
    file ??= files.open(id, path, chunk, store.open(firstPlace(chunk)), idleClock())
    file.receipts.push(received(r, file.number))
    noteOffset(file, r)
    if (file.state === 'assembling') place(file, chunk)
    else counts.duplicates++
  }

  /** Received and resolved in one step: nothing is left to do for it. */
  function resolveAtOnce(r: ConsumedRecord): void {
    ledger.resolve(received(r, NO_FILE))
    committing.soon()
  }

  function undecodable(r: ConsumedRecord, { reason }: Undecodable): void {
    const receipt = received(r, NO_FILE)
    counts.undecodable++
    const value = r.value as Buffer
    const setAside: SetAside = settings.onFailure.onError === 'skip' ? 'skipped' : 'held'
    report({
      type: 'undecodable',
      partition: r.partition,
      offset: r.offset,
      bytes: value.length,
      reason,
      setAside,
    })
    if (deps.hooks.has('onUndecodable') && hookCalls < MOST_HOOK_CALLS) {
      hookCalls++
      const head = Buffer.from(value.subarray(0, 1024))
      const { partition, offset } = r
      const record = { topic: settings.topic, partition, offset, reason, size: value.length, head }
      void deps.host.run({ kind: 'onUndecodable', record }).then(() => {
        hookCalls--
      })
    }
    if (setAside === 'skipped') {
      ledger.resolve(receipt)
      committing.soon()
    }
    if (settings.onFailure.onError === 'stop')
      deps.onStop(`undecodable record ${settings.topic}[${r.partition}]@${r.offset}: ${reason}`)
  }

  /** False for a partition that is not owned; a lower offset than one that was received ends the run. */
  function isExpected(r: ConsumedRecord): boolean {
    if (ledger.epoch(r.partition) === undefined) return false
    const position = ledger.position(r.partition)
    if (r.offset >= position) return true
    deps.onStop(
      `${settings.topic}[${r.partition}] went back to offset ${r.offset} from ${position}: the topic was made anew or cut; start again to read it from there`,
    )
    return false
  }

  function received(r: ConsumedRecord, owner: number): Receipt {
    return ledger.receive(r.partition, r.offset, owner) as Receipt
  }

  // ---- chunks

  function firstPlace(chunk: Chunk): 'memory' | 'disk' {
    if (settings.mode === 'disk' || flow === 'spool') return 'disk'
    const expected = chunk.total * chunk.data.length
    return expected >= settings.memoryBytes / 2 || expected > settings.largestBuffer ? 'disk' : 'memory'
  }

  function place(file: OpenFile, chunk: Chunk): void {
    const duplicate = file.assembly.has(chunk.index)
    if (duplicate) counts.duplicates++
    // A copy that is right by its own digest replaces whatever is there; one that is wrong replaces nothing.
    if ((duplicate || file.damaged) && !sameHash(deps.sha512(chunk.data), chunk.chunkHash)) return
    if (flow === 'spool' && file.stored.place === 'memory') file.stored.spill()
    try {
      file.stored.write(chunk.offset, chunk.data)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      // Only this file asks for what no file system gives; anything else concerns all files.
      if (code === 'EFBIG' || code === 'EINVAL') return giveUp(file, 'failed', message, 0)
      throw error
    }
    if (duplicate) return
    file.assembly.place(chunk)
    file.lastProgress = idleClock()
    file.reportedIncomplete = false
    counts.receivedBytes += chunk.data.length
    if (file.assembly.count === file.assembly.total) complete(file)
  }

  function complete(file: OpenFile): void {
    const size = file.assembly.size()
    if (typeof size !== 'number')
      return giveUp(file, 'mismatch', `chunks do not make a file: ${size.wrong}`, 0)
    if (file.damaged) {
      // Good copies have healed it: how it ends is still to be seen.
      counts.mismatched--
      file.damaged = false
    }
    file.size = size
    if (settings.mode !== 'disk' && size > settings.largestBuffer) {
      const error = `${size} bytes do not fit into one Buffer of Node (${settings.largestBuffer}): use --mode disk`
      return giveUp(file, 'failed', error, 0)
    }
    queuedBytes += size
    files.move(file, 'queued')
    queue.push(file)
    dispatch()
  }

  // ---- files

  function dispatch(): void {
    while (!draining && queue.length > 0 && deps.host.free > 0 && mayStart())
      void run(queue.shift() as OpenFile)
  }

  function mayStart(): boolean {
    const over = counts.done + counts.failed + counts.mismatched
    return settings.maxFiles === undefined || over + running.size < settings.maxFiles
  }

  async function run(file: OpenFile): Promise<void> {
    files.move(file, 'running')
    file.attempts++
    const start = now()
    running.set(file, start)
    const job = jobOf(file)
    const result = await deps.host.run({ kind: 'process', file: job })
    if (result.kind === 'failed' && !result.hookCalled && deps.hooks.has('onFailure') && !isClosed(file)) {
      await deps.host.run({ kind: 'onFailure', file: job, fault: result.fault })
    }
    if (!isClosed(file)) await settle(file, result, now() - start)
    // Dropped with its epoch while it ran: the result counts for nothing.
    else file.stored.release()
    running.delete(file)
    afterRun()
  }

  function afterRun(): void {
    updateFlow()
    dispatch()
    committing.soon()
    if (running.size === 0) onDrained?.()
    deps.onChange()
  }

  function jobOf(file: OpenFile): FileJob {
    return {
      path: file.path,
      topic: settings.topic,
      source: file.stored.source(file.size),
      sha512: file.fileHash,
      mtime: file.mtime,
      deliveryId: Buffer.from(deps.digest128(`${settings.topic}\0${file.id}`), 'latin1').toString('hex'),
      attempt: file.attempts,
      final: file.attempts > settings.onFailure.retries,
      diskPath: settings.mode === 'memory' ? null : settings.diskPath(file.path),
    }
  }

  async function settle(file: OpenFile, result: TaskResult, ms: number): Promise<void> {
    switch (result.kind) {
      case 'done':
        counts.done++
        counts.doneBytes += file.size
        reportFile(file, 'ok', ms)
        supersede(file)
        return close(file)
      case 'mismatch':
        return await mismatched(file, result.actual, ms)
      case 'failed':
        return failed(file, result.fault, ms)
      case 'io-error':
        // Without a system's error code it is dfsp's own refusal, which no further attempt changes.
        if (result.code === '') return giveUp(file, 'failed', result.message, ms)
        return failed(file, { message: `dfsp could not store it: ${result.message}`, frames: [] }, ms)
      case 'examined':
        throw new Error('a file was run and came back examined')
    }
  }

  function failed(file: OpenFile, fault: PluginFault, ms: number): void {
    const error = faultLine(fault)
    const next = afterFailure(settings.onFailure, file.attempts)
    if (next.action !== 'retry') return giveUp(file, 'failed', error, ms)
    report({ type: 'retry', path: file.path, attempt: file.attempts, error, delayMs: next.delayMs })
    files.move(file, 'waiting')
    deps.after(next.delayMs, () => {
      if (isClosed(file)) return
      files.move(file, 'queued')
      queue.push(file)
      dispatch()
    })
  }

  async function mismatched(file: OpenFile, actual: string, ms: number): Promise<void> {
    const examined = await deps.host.run({
      kind: 'examine',
      file: jobOf(file),
      actual,
      chunks: file.assembly.chunks(),
    })
    if (isClosed(file)) return file.stored.release()
    const bad = examined.kind === 'examined' ? examined.badChunks : []
    const which =
      bad.length > 0
        ? `chunk ${bad.join(', ')} of ${file.assembly.total} is damaged`
        : 'each chunk is right by itself'
    giveUp(file, 'mismatch', `SHA-512 of the content is not the announced one: ${which}`, ms, bad)
  }

  /** No further attempt in this run. With bad chunks named, a good copy of them can still heal the file. */
  function giveUp(
    file: OpenFile,
    result: 'failed' | 'mismatch',
    error: string,
    ms: number,
    badChunks: readonly number[] = [],
  ): void {
    if (result === 'failed') counts.failed++
    else counts.mismatched++
    const policy = settings.onFailure.onError
    reportFile(file, result, ms, error, policy === 'skip' ? 'skipped' : 'held')
    if (policy === 'skip') {
      counts.skipped++
      return close(file)
    }
    if (file.state === 'running') queuedBytes -= file.size
    if (badChunks.length > 0) {
      for (const index of badChunks) file.assembly.remove(index)
      file.damaged = true
      file.size = 0
      files.move(file, 'assembling')
    } else {
      files.move(file, 'held')
      file.stored.release()
    }
    if (policy === 'stop') deps.onStop(`${file.path}: ${error}`)
  }

  /** Done with, for good: its offsets are resolved, its bytes released. */
  function close(file: OpenFile): void {
    if (file.state !== 'assembling' && file.state !== 'held') queuedBytes -= file.size
    for (const receipt of file.receipts) ledger.resolve(receipt)
    finished.add(deps.digest128(file.id))
    file.stored.release()
    files.move(file, 'closed')
    committing.soon()
  }

  function supersede(newer: OpenFile): void {
    for (const file of files.byId.values()) {
      if (file.path === newer.path && file.number < newer.number && file.state === 'assembling')
        file.superseded = true
    }
  }

  function reportFile(
    file: OpenFile,
    result: FileResult,
    ms: number,
    error?: string,
    setAside?: SetAside,
  ): void {
    report({
      type: 'file',
      path: file.path,
      result,
      attempt: file.attempts,
      bytes: file.size,
      ms: Math.round(ms),
      partitions: Object.fromEntries(file.offsets),
      ...(error === undefined ? {} : { error }),
      ...(setAside === undefined ? {} : { setAside }),
    })
  }

  // ---- back pressure

  function updateFlow(): void {
    const queuedFiles = files.count('queued') + files.count('running') + files.count('waiting')
    const next = nextFlow(flow, {
      memoryBytes: store.memoryBytes,
      queuedBytes,
      queuedFiles,
      budgetBytes: settings.memoryBytes,
    })
    if (next === flow) return
    if (next === 'pause') deps.pause()
    else if (flow === 'pause') deps.resume()
    flow = next
  }

  // ---- time

  function tick(): void {
    if (caughtUpSince === undefined) return
    for (const file of files.byId.values()) {
      if (file.state !== 'assembling') continue
      if (idleClock() - file.lastProgress < settings.incompleteAfterMs) continue
      if (file.superseded) passOver(file, 'superseded')
      else if (settings.onIncomplete === 'skip') passOver(file, 'incomplete')
      else if (!file.reportedIncomplete) {
        file.reportedIncomplete = true
        report({
          type: 'incomplete',
          path: file.path,
          chunks: file.assembly.count,
          total: file.assembly.total,
        })
      }
    }
    updateFlow()
  }

  function passOver(file: OpenFile, result: 'superseded' | 'incomplete'): void {
    counts.skipped++
    reportFile(file, result, 0, `${file.assembly.count} of ${file.assembly.total} chunks arrived`, 'skipped')
    close(file)
  }

  // ---- partitions

  function noteEnd(partition: number): void {
    atEnd.add(partition)
    if (atEnd.size === ledger.partitions().length) caughtUpSince ??= now()
  }

  async function runningEnd(ms: number): Promise<boolean> {
    if (running.size === 0) return true
    return await new Promise(resolve => {
      const cancel = deps.after(ms, () => {
        onDrained = undefined
        resolve(false)
      })
      onDrained = () => {
        onDrained = undefined
        cancel()
        resolve(true)
      }
    })
  }

  /** The epoch of one of its partitions is over: whoever owns that next will see the file from its first chunk. */
  function drop(file: OpenFile): void {
    const at = queue.indexOf(file)
    if (at !== -1) queue.splice(at, 1)
    if (file.state !== 'assembling' && file.state !== 'held') queuedBytes -= file.size
    if (file.state !== 'running') file.stored.release()
    files.move(file, 'closed')
  }

  return {
    ledger,
    counts,
    assign(partitions) {
      for (const { partition, start, committed, notice } of partitions) {
        ledger.assign(partition, start, committed)
        if (notice !== undefined) report({ type: 'problem', text: notice })
      }
      draining = false
      if (partitions.length > 0) moreToRead()
      committing.soon()
    },
    records(batch) {
      for (const r of batch) {
        if (atEnd.delete(r.partition)) moreToRead()
        try {
          record(r)
        } catch (error) {
          deps.onStop(`a chunk could not be stored: ${(error as Error).message}`, error)
          return
        }
      }
      updateFlow()
    },
    partitionEnd(partition, offset) {
      ledger.skipTo(partition, offset)
      noteEnd(partition)
      committing.soon()
      deps.onChange()
    },
    async revoke(partitions, lost, drainMs) {
      draining = true
      if (!lost) {
        await runningEnd(drainMs)
        await committing.now()
      }
      const gone = new Set(partitions)
      const dropped = [...files.byId.values()].filter(file => file.receipts.some(r => gone.has(r.partition)))
      if (dropped.some(file => file.state === 'running')) deps.host.abort('its partition was taken away')
      for (const file of dropped) drop(file)
      for (const partition of partitions) {
        if (ledger.epoch(partition) !== undefined) ledger.revoke(partition)
        atEnd.delete(partition)
      }
      updateFlow()
    },
    async drain(drainMs) {
      draining = true
      const ended = await runningEnd(drainMs)
      if (!ended) {
        for (const file of [...running.keys()]) drop(file)
        deps.host.abort('dfsp is stopping')
      }
      const committed = await committing.now()
      committing.stop()
      return ended && committed
    },
    tick,
    get quiet() {
      return (
        files.count('queued') + files.count('running') + files.count('waiting') === 0 && committing.settled
      )
    },
    get flow() {
      return flow
    },
    get memoryBytes() {
      return store.memoryBytes
    },
    unfinished: () => ({
      assembling: [...files.byId.values()].filter(file => file.state === 'assembling' && !file.damaged),
      queued: queue.length + files.count('waiting'),
      running,
    }),
  }
}

function noteOffset(file: OpenFile, r: ConsumedRecord): void {
  const range = file.offsets.get(r.partition)
  if (range) range[1] = r.offset
  else file.offsets.set(r.partition, [r.offset, r.offset])
}

function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function isClosed(file: OpenFile): boolean {
  return file.state === 'closed'
}
