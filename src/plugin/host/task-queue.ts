/**
 * Which thread does which task: the first that is free, or one ahead of time where tasks end so fast that the way there
 * and back would count. What was given ahead is taken back from a thread that has become slow.
 */
import { claim, isDone, offer } from '../claims.ts'
import type { Offer, Result, Task } from '../messages.ts'
import { type Assignment, type Ended, send, type Thread } from './thread.ts'

type Waiting = Pick<Assignment, 'task' | 'answer'>

export interface TaskQueue {
  /** Where threads claim their tasks: see claims.ts. */
  readonly claims: SharedArrayBuffer
  /** Never rejects. */
  add(task: Task): Promise<Ended>
  /** Tasks that threads would take now. */
  readonly free: number
  /** The file that was digested ahead under this key does not come, or has come. */
  forgetDigest(key: number): void
  /** A thread may take tasks: gives out what waits. */
  next(): void
  /** What a thread says of its tasks. */
  told(thread: Thread, results: readonly Result[]): void
  /** The first task of a thread has ended. */
  finish(thread: Thread, ended: Ended): void
  /** What the thread has done and not told: it may be at a long task, or gone. */
  finishDone(thread: Thread): void
  /** Takes back what a thread has not begun. Last first, so that whoever puts each before the others has them in order. */
  takeBack(thread: Thread): void
  /** The same of what no thread was given yet. */
  takeBackQueued(): void
  /** The thread will not do what it was given from the one numbered `first` on: it is being ended. */
  putBack(thread: Thread, first: number): void
}

export interface TaskQueueDeps {
  readonly threads: ReadonlySet<Thread>
  /** The most threads that take tasks at one time. */
  readonly most: number
  /** Not of a module that was loaded anew since. */
  isCurrent(thread: Thread): boolean
  /** It has nothing to do any more. */
  onIdle(thread: Thread): void
}

/** Milliseconds of work that a thread is given ahead of time, and the most tasks that may be. */
const AHEAD_MS = 20
const MOST_AHEAD = 32
/** A thread that has not answered for so long is slower than it was: what waits for it is taken back. */
const LATE_MS = 50
/** Of the mean time that tasks take, the share of the last one. */
const LAST_SHARE = 1 / 8

export function taskQueue({ threads, most, isCurrent, onIdle }: TaskQueueDeps): TaskQueue {
  const queue: Waiting[] = []
  const claims = new Int32Array(new SharedArrayBuffer(4 * most * (MOST_AHEAD + 2)))
  const freeSlots = Array.from(claims.keys())
  let meanMs = Number.POSITIVE_INFINITY
  let willFill = false
  let lateTimer: NodeJS.Timeout | undefined
  let taskIds = 0

  /** Further tasks that a thread may be given. */
  function room(thread: Thread): number {
    const { state, ending, assigned, heardAt } = thread
    if (!isCurrent(thread)) return 0
    if ((state !== 'idle' && state !== 'busy') || ending !== undefined) return 0
    const isLate = assigned.length > 0 && performance.now() - heardAt >= LATE_MS
    const ahead = isLate ? 0 : Math.min(MOST_AHEAD, Math.floor(AHEAD_MS / meanMs))
    return Math.max(0, 1 + ahead - assigned.length)
  }

  /** The thread that has begun to digest the file of a task. */
  function begunBy({ task }: Waiting): Thread | undefined {
    const key = task.kind === 'process' ? task.file.ahead : undefined
    if (key !== undefined) for (const thread of threads) if (thread.ahead === key) return thread
    return undefined
  }

  function forgetDigest(key: number): void {
    for (const thread of threads) if (thread.ahead === key) thread.ahead = undefined
  }

  function next(): void {
    const begun = queue[0] && begunBy(queue[0])
    if (begun?.state === 'idle' && isCurrent(begun)) give(begun, 1)
    for (const thread of threads) {
      if (queue.length === 0) return
      if (thread.state === 'idle' && isCurrent(thread)) give(thread, 1)
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
      const left = room(thread)
      if (left > 0 && left >= thread.assigned.length) rooms.push({ thread, left })
    }
    const share = Math.min(1, queue.length / rooms.reduce((sum, { left }) => sum + left, 0))
    for (const { thread, left } of rooms) give(thread, Math.ceil(left * share))
  }

  function give(thread: Thread, count: number): void {
    const offers: Offer[] = []
    while (offers.length < count && freeSlots.length > 0) {
      const waiting = queue.shift()
      if (waiting === undefined) break
      const { task } = waiting
      if (task.kind === 'process' && task.file.ahead !== undefined) forgetDigest(task.file.ahead)
      const assignment = { ...waiting, id: ++taskIds, slot: freeSlots.pop() as number }
      offer(claims, assignment)
      if (thread.assigned.length === 0) thread.heardAt = performance.now()
      thread.assigned.push(assignment)
      offers.push({ id: assignment.id, slot: assignment.slot, task: assignment.task })
    }
    if (offers.length === 0) return
    thread.state = 'busy'
    if (thread.assigned.length > 1) watchLate()
    send(thread, { type: 'tasks', offers })
  }

  function watchLate(): void {
    lateTimer ??= setTimeout(() => {
      lateTimer = undefined
      const since = performance.now() - LATE_MS
      for (const thread of threads) {
        if (thread.assigned.length > 1 && thread.heardAt <= since) {
          finishDone(thread)
          takeBackQueued()
          takeBack(thread)
        }
        if (thread.assigned.length > 1) watchLate()
      }
    }, LATE_MS)
    lateTimer.unref()
  }

  function takeBack(thread: Thread): void {
    for (const assignment of thread.assigned.toReversed()) {
      if (!claim(claims, assignment)) continue
      thread.assigned.splice(thread.assigned.indexOf(assignment), 1)
      answerBack(assignment)
    }
    if (thread.assigned.length === 0 && thread.state === 'busy') {
      thread.ending = undefined
      onIdle(thread)
    }
    next()
  }

  function takeBackQueued(): void {
    const kept = queue.filter(({ task }) => task.kind !== 'process')
    for (const { task, answer } of queue.splice(0, queue.length, ...kept).toReversed())
      if (task.kind === 'process') answer({ kind: 'recalled' })
  }

  function putBack(thread: Thread, first: number): void {
    for (const assignment of thread.assigned.splice(first).toReversed()) answerBack(assignment)
  }

  function answerBack(assignment: Assignment): void {
    claim(claims, assignment) // a thread that is being ended must not begin it
    freeSlots.push(assignment.slot)
    if (assignment.task.kind === 'process') assignment.answer({ kind: 'recalled' })
    else queue.unshift(assignment)
  }

  function finish(thread: Thread, ended: Ended): void {
    clearTimeout(thread.timer)
    const assignment = thread.assigned.shift()
    thread.ending = undefined
    thread.heardAt = performance.now()
    if (assignment !== undefined) freeSlots.push(assignment.slot)
    if (thread.state === 'busy' && thread.assigned.length === 0) onIdle(thread)
    assignment?.answer(ended)
    next()
  }

  function finishDone(thread: Thread): void {
    for (
      let first = thread.assigned[0];
      first !== undefined && isDone(claims, first);
      first = thread.assigned[0]
    )
      finish(thread, { kind: 'done' })
  }

  return {
    claims: claims.buffer as SharedArrayBuffer,
    add: task =>
      new Promise(answer => {
        queue.push({ task, answer })
        next()
      }),
    get free() {
      let sum = -queue.length
      for (const thread of threads) sum += room(thread)
      return Math.max(0, sum)
    },
    forgetDigest,
    next,
    told(thread, results) {
      for (const { id, ms, result } of results) {
        meanMs = meanMs === Number.POSITIVE_INFINITY ? ms : meanMs + (ms - meanMs) * LAST_SHARE
        if (thread.assigned[0]?.id === id) finish(thread, { ...result, ms })
      }
    },
    finish,
    finishDone,
    takeBack,
    takeBackQueued,
    putBack,
  }
}
