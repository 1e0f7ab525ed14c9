/** The tasks that threads have: each lies in a slot of shared memory until its thread or the host claims it (claims.ts). */
import { claim, isBegun, isDone, offer } from '../claims.ts'
import type { Offer, Task } from '../messages.ts'
import { MOST_TASKS } from './tasks-ahead.ts'
import { type Assignment, type Ended, retire, send, type Thread } from './thread.ts'
import { move } from './thread-state.ts'

export type Waiting = Pick<Assignment, 'task' | 'answer'>

export interface GivenTasks {
  readonly claims: SharedArrayBuffer
  /** Gives a thread up to `count` of the first ones of the queue; `onTake` hears of each. */
  give(thread: Thread, queue: Waiting[], count: number, onTake: (waiting: Waiting) => void): void
  /** The first task of a thread has ended. */
  finish(thread: Thread, ended: Ended): void
  /** What the thread has done and not told. */
  finishDone(thread: Thread): void
  /** Takes what a thread has not begun, the last one first. */
  takeBack(thread: Thread): Waiting[]
  /** Takes all from the one numbered `first` on, whether or not it was claimed: the thread is being ended. */
  takeAll(thread: Thread, first: number): Waiting[]
  /** Whether the first task of a thread that fails is to be let off: it was not begun, nor was that so too often before. */
  isSpared(thread: Thread): boolean
}

/** How often a task may be given to a thread that fails before it begins it, and go to another as if nothing was. */
const MOST_SPARED = 3

/** Of a file each attempt is another task. */
const keyOf = (task: Task) => (task.kind === 'process' ? task.file.deliveryId : task)

export function givenTasks(most: number): GivenTasks {
  const claims = new Int32Array(new SharedArrayBuffer(4 * most * (MOST_TASKS + 1)))
  const freeSlots = Array.from(claims.keys())
  /** How often each was spared since it last ended. */
  const spared = new Map<Task | string, number>()
  let ids = 0

  function becomeIdle(thread: Thread): void {
    move(thread, 'idle')
    if (thread.version.isOutdated) retire(thread)
  }

  function finish(thread: Thread, ended: Ended): void {
    clearTimeout(thread.timer)
    const assignment = thread.assigned.shift()
    if (assignment === undefined) return
    thread.heardAt = performance.now()
    thread.hasEndedTask = true
    freeSlots.push(assignment.slot)
    if (spared.size > 0) spared.delete(keyOf(assignment.task))
    if (thread.state !== 'ended') {
      if (thread.assigned.length === 0) becomeIdle(thread)
      else if (thread.state === 'stopping') move(thread, 'busy')
    }
    assignment.answer(ended)
  }

  return {
    claims: claims.buffer as SharedArrayBuffer,
    give(thread, queue, count, onTake) {
      const offers: Offer[] = []
      while (offers.length < count && freeSlots.length > 0) {
        const waiting = queue.shift()
        if (waiting === undefined) break
        onTake(waiting)
        const assignment = { ...waiting, id: ++ids, slot: freeSlots.pop() as number }
        offer(claims, assignment)
        if (thread.assigned.length === 0) thread.heardAt = performance.now()
        thread.assigned.push(assignment)
        offers.push({ id: assignment.id, slot: assignment.slot, task: assignment.task })
      }
      if (offers.length === 0) return
      if (thread.state === 'idle') move(thread, 'busy')
      send(thread, { type: 'tasks', offers })
    },
    finish,
    finishDone(thread) {
      for (
        let first = thread.assigned[0];
        first !== undefined && isDone(claims, first);
        first = thread.assigned[0]
      )
        finish(thread, { kind: 'done' })
    },
    takeBack(thread) {
      // From the last one on, while the thread comes from the first: what it keeps are those before.
      const taken = thread.assigned.toReversed().filter(assignment => claim(claims, assignment))
      for (const assignment of taken) {
        thread.assigned.splice(thread.assigned.indexOf(assignment), 1)
        freeSlots.push(assignment.slot)
      }
      if (thread.assigned.length === 0 && thread.state === 'busy') becomeIdle(thread)
      return taken
    },
    takeAll(thread, first) {
      const taken = thread.assigned.splice(first).toReversed()
      for (const assignment of taken) {
        claim(claims, assignment) // it must not begin it
        freeSlots.push(assignment.slot)
      }
      return taken
    },
    isSpared({ assigned: [first] }) {
      if (first === undefined) return true
      const key = keyOf(first.task)
      const times = (spared.get(key) ?? 0) + 1
      if (isBegun(claims, first) || times > MOST_SPARED) return false
      spared.set(key, times)
      return true
    },
  }
}
