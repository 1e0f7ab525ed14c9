/** Which thread does which task, and what becomes of the tasks of a thread that is late, or ends. */

import type { PluginFault } from '../../core/plugin-fault.ts'
import type { FileJob, Result, Task } from '../messages.ts'
import type { DigestsAhead } from './digests-ahead.ts'
import { givenTasks, type Waiting } from './given-tasks.ts'
import { LATE_MS, tasksAhead } from './tasks-ahead.ts'
import type { Assignment, Ended, Thread } from './thread.ts'
import { move } from './thread-state.ts'

export interface TaskQueue {
  /** Where threads claim their tasks: see claims.ts. */
  readonly claims: SharedArrayBuffer
  /** Never rejects. */
  add(task: Task): Promise<Ended>
  /** Tasks that threads would take now. */
  readonly free: number
  /** A thread may take tasks: gives out what waits. */
  next(): void
  /** What a thread says of its tasks. */
  told(thread: Thread, results: readonly Result[]): void
  /** Takes back what a thread has not begun. Last first, so that whoever puts each before the others has them in order. */
  takeBack(thread: Thread): void
  /** A thread keeps the task that it has begun alone, and is `stopping`; undefined when it has begun none, or none of these files. */
  leaveBegun(thread: Thread, of?: ReadonlySet<FileJob>): Assignment | undefined
  /** Takes back the files that no thread was given yet. */
  takeBackQueued(): void
  /** A thread has failed outside any call. False where that costs its first task an attempt; else all go back. */
  putBack(thread: Thread): boolean
  /** The thread has ended: its first task has failed, unless that is done; others may do the rest. */
  drop(thread: Thread, fault: PluginFault): void
  /** No task is given out any more: those that wait, and all to come, are answered as `recalled`. */
  close(): void
}

export interface TaskQueueDeps {
  readonly threads: ReadonlySet<Thread>
  /** The most threads that take tasks at one time. */
  readonly most: number
  readonly digests: Pick<DigestsAhead, 'begunBy' | 'forget'>
}

/** Tasks that are given in one turn of the event loop: their answers could hold up everything else for as long as they come. */
const MOST_A_TURN = 128

export function taskQueue({ threads, most, digests }: TaskQueueDeps): TaskQueue {
  const queue: Waiting[] = []
  const given = givenTasks(most)
  const ahead = tasksAhead()
  let willFill = false
  let leftThisTurn = MOST_A_TURN
  let lateTimer: NodeJS.Timeout | undefined
  let isClosed = false

  function next(): void {
    if (leftThisTurn === 0) return
    const begun = queue[0] && digests.begunBy(queue[0].task)
    if (begun?.state === 'idle') give(begun, 1)
    for (const thread of threads) {
      if (queue.length === 0) return
      if (thread.state === 'idle') give(thread, 1)
    }
    if (queue.length === 0 || willFill) return
    // Together, once all is known that comes at this moment.
    willFill = true
    queueMicrotask(() => {
      willFill = false
      fill()
    })
  }

  /** Each thread in turn gets as much as it may have. */
  function fill(): void {
    const rooms = []
    // One that has half of what it may have is given more later, so that a message carries many.
    for (const thread of threads) {
      const left = ahead.free(thread)
      if (left > 0 && left >= thread.assigned.length) rooms.push({ thread, left })
    }
    const share = Math.min(1, queue.length / rooms.reduce((sum, { left }) => sum + left, 0))
    for (const { thread, left } of rooms) give(thread, Math.ceil(left * share))
  }

  function give(thread: Thread, count: number): void {
    const before = thread.assigned.length
    given.give(thread, queue, Math.min(count, leftThisTurn), forgetDigest)
    const taken = thread.assigned.length - before
    if (taken > 0 && leftThisTurn === MOST_A_TURN) setImmediate(turned)
    leftThisTurn -= taken
    if (thread.assigned.length > 1) watchLate()
  }

  function turned(): void {
    const isHeldUp = leftThisTurn === 0
    leftThisTurn = MOST_A_TURN
    if (isHeldUp) next()
  }

  function forgetDigest({ task }: Waiting): void {
    if (task.kind === 'process' && task.file.ahead !== undefined) digests.forget(task.file.ahead)
  }

  function watchLate(): void {
    lateTimer ??= setTimeout(() => {
      lateTimer = undefined
      const since = performance.now() - LATE_MS
      for (const thread of threads) {
        if (thread.assigned.length > 1 && thread.heardAt <= since) {
          given.finishDone(thread)
          takeBackQueued()
          takeBack(thread)
        }
        if (thread.assigned.length > 1) watchLate()
      }
    }, LATE_MS)
    lateTimer.unref()
  }

  /** Files go back to whoever gave them; what else there is waits here for another thread. */
  function goBack(lastFirst: readonly Waiting[]): void {
    for (const waiting of lastFirst) {
      if (isClosed || waiting.task.kind === 'process') waiting.answer({ kind: 'recalled' })
      else queue.unshift(waiting)
    }
  }

  function takeBack(thread: Thread): void {
    goBack(given.takeBack(thread))
    next()
  }

  function takeBackQueued(): void {
    goBack(queue.splice(0).toReversed())
  }

  return {
    claims: given.claims,
    add: task =>
      new Promise(answer => {
        if (isClosed) return answer({ kind: 'recalled' })
        queue.push({ task, answer })
        next()
      }),
    get free() {
      let sum = -queue.length
      for (const thread of threads) sum += ahead.free(thread)
      return Math.max(0, sum)
    },
    next,
    told(thread, results) {
      for (const { id, ms, result } of results) {
        if (thread.assigned[0]?.id !== id) continue
        ahead.took(ms)
        given.finish(thread, { ...result, ms })
      }
      next()
    },
    takeBack,
    leaveBegun(thread, of) {
      given.finishDone(thread)
      if (of !== undefined && !isOf(thread.assigned[0]?.task, of)) return undefined
      goBack(given.takeBack(thread))
      const [begun] = thread.assigned
      if (begun !== undefined) move(thread, 'stopping')
      next()
      return begun
    },
    takeBackQueued,
    putBack(thread) {
      given.finishDone(thread)
      const isSpared = given.isSpared(thread)
      if (isSpared) goBack(given.takeAll(thread, 0))
      return isSpared
    },
    drop(thread, fault) {
      given.finishDone(thread)
      goBack(given.takeAll(thread, 1))
      given.finish(thread, { kind: 'failed', fault, hookCalled: false })
      next()
    },
    close() {
      isClosed = true
      takeBackQueued()
    },
  }
}

function isOf(task: Task | undefined, files: ReadonlySet<FileJob>): boolean {
  return task !== undefined && 'file' in task && files.has(task.file)
}
