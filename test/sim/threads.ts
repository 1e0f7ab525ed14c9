/**
 * The plugin threads: a queue, a number of threads, and what they answer when. They behave as `plugin/host/host.ts` does;
 * what they are told to do to a file comes from the history.
 */

import { eachPlaced } from '../../src/core/chunks/assembly.ts'
import type { Ended } from '../../src/plugin/host/thread.ts'
import type { FileJob, Task, TaskResult } from '../../src/plugin/messages.ts'
import type { ProcessorDeps } from '../../src/processor/processor-deps.ts'
import type { SimClock } from './clock.ts'
import type { SimStore } from './disk.ts'
import { sha } from './files.ts'

/** How one call of the plugin goes. */
export type Fate =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly hookCalled: boolean; readonly environment?: boolean }
  | { readonly kind: 'io-error'; readonly code: string }

export interface Orders {
  /** The plugin is called with a verified file; decides what comes of it and when, in milliseconds. */
  onCall(job: FileJob, content: Buffer): { readonly fate: Fate; readonly ms: number }
  /** The plugin returned null. `told` is false when the host counts the attempt as failed all the same. */
  onNull(job: FileJob, told: boolean): void
  /** An attempt failed and the processor hears of it. */
  onFailed(job: FileJob): void
  /** The bytes of a task were not there. */
  onBytesGone(job: FileJob, when: string): void
  /** How long a task without a call takes. */
  ms(): number
  /** A thread dies while it examines. */
  diesExamining(): boolean
}

interface Busy {
  readonly answer: (ended: Ended) => void
  readonly task: Task
  aborted: boolean
  cancel: () => void
}

const ABORT_GRACE_MS = 1_000

export function threads(
  count: number,
  /** Tasks that are taken beyond what is begun at once. */
  ahead: number,
  clock: SimClock,
  store: SimStore,
  orders: Orders,
): ProcessorDeps['host'] & { readonly busy: number } {
  const queue: { task: Task; answer: (ended: Ended) => void }[] = []
  const running = new Set<Busy>()

  function next(): void {
    while (running.size < count) {
      const waiting = queue.shift()
      if (!waiting) return
      const busy: Busy = { answer: waiting.answer, task: waiting.task, aborted: false, cancel: () => {} }
      running.add(busy)
      // A message to the thread and back.
      busy.cancel = clock.after(orders.ms(), () => begin(busy))
    }
  }

  function end(busy: Busy, result: TaskResult): void {
    running.delete(busy)
    busy.answer(result)
    next()
  }

  function begin(busy: Busy): void {
    const { task } = busy
    if (task.kind === 'onUndecodable' || task.kind === 'onFailure') {
      busy.cancel = clock.after(orders.ms(), () => end(busy, { kind: 'done' }))
      return
    }
    if (busy.aborted) return end(busy, failed('aborted', false))
    const content = store.read(task.file.source)
    if (!content) {
      const { source } = task.file
      if (source.kind === 'disk' && store.disk.hasLostFiles) {
        const error = { message: 'ENOENT: as told', code: 'ENOENT', path: source.path }
        return end(busy, { kind: 'io-error', ...error })
      }
      orders.onBytesGone(task.file, 'at the beginning')
      return end(busy, failed('no bytes', false))
    }
    if (task.kind === 'examine') return examine(busy, task, content)
    const actual = sha(content)
    if (actual.toString('hex') !== task.file.sha512)
      return end(busy, { kind: 'mismatch', actual: actual.toString('hex') })
    const { fate, ms } = orders.onCall(task.file, Buffer.from(content))
    busy.cancel = clock.after(ms, () => finish(busy, task.file, content, fate))
  }

  function finish(busy: Busy, file: FileJob, before: Buffer, fate: Fate): void {
    // The plugin may read its content as late as now.
    const now = store.read(file.source)
    if ((!now && !store.disk.hasLostFiles) || (now && Buffer.compare(now, before) !== 0))
      orders.onBytesGone(file, 'at the end')
    if (fate.kind === 'done') {
      orders.onNull(file, !busy.aborted)
      return end(busy, busy.aborted ? failed('aborted', false) : fate)
    }
    orders.onFailed(file)
    if (fate.kind === 'io-error' && !busy.aborted)
      return end(busy, { kind: 'io-error', message: `${fate.code}: as told`, code: fate.code })
    const { hookCalled = false, environment = false } = fate.kind === 'failed' ? fate : {}
    end(busy, failed('told to fail', hookCalled, environment))
  }

  function examine(busy: Busy, task: Extract<Task, { kind: 'examine' }>, content: Buffer): void {
    const badChunks = [...eachPlaced(task.chunks)]
      .filter(({ offset, length, hash }) => {
        const actual = sha(content.subarray(offset, offset + length)).subarray(0, hash.length)
        return Buffer.compare(actual, hash) !== 0
      })
      .map(chunk => chunk.index)
    const result: TaskResult = orders.diesExamining()
      ? failed('died', false)
      : { kind: 'examined', badChunks }
    busy.cancel = clock.after(orders.ms(), () => end(busy, busy.aborted ? failed('aborted', false) : result))
  }

  return {
    run: task =>
      new Promise(answer => {
        queue.push({ task, answer })
        next()
      }),
    get free() {
      return Math.max(0, count + ahead - running.size - queue.length)
    },
    shortage: undefined,
    digestAhead: () => false,
    forgetDigest() {},
    recall() {
      for (const { task, answer } of queue.splice(0).reverse())
        if (task.kind === 'process') answer({ kind: 'recalled' })
        else queue.unshift({ task, answer })
    },
    get busy() {
      return running.size
    },
    abort(_reason, of) {
      for (const busy of running) {
        if (busy.aborted || (of && !('file' in busy.task && of.has(busy.task.file)))) continue
        busy.aborted = true
        clock.after(ABORT_GRACE_MS, () => {
          if (!running.has(busy)) return
          busy.cancel()
          if (busy.task.kind === 'process') orders.onFailed(busy.task.file)
          end(busy, failed('aborted', false))
        })
      }
    },
  }
}

function failed(message: string, hookCalled: boolean, environment = false): TaskResult {
  const fault = { message, frames: [], ...(environment ? { environment } : {}) } as const
  return { kind: 'failed', fault, hookCalled }
}
