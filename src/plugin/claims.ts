/**
 * Tasks that are given to threads ahead of time, and can be taken back: a slot of shared memory holds the id of its
 * task until either side claims it, so each task is begun or taken back, never both. The thread marks claimed tasks that
 * succeeded: its messages carry many results, and the last of them may never come.
 */
import type { Offer } from './messages.ts'

type Slot = Pick<Offer, 'id' | 'slot'>

/** Taken before user code is loaded, which may change what is global in its thread. */
const { compareExchange, load, store } = Atomics

/** Of a task that is claimed the slot holds the negative id: ids are above 0. */
const DONE = 0

/** False when the other side was first. */
export function claim(claims: Int32Array, { id, slot }: Slot): boolean {
  return compareExchange(claims, slot, id, -id) === id
}

export function offer(claims: Int32Array, { id, slot }: Slot): void {
  store(claims, slot, id)
}

/** Not where the slot is another task's by now: a thread that is being ended may come to this. */
export function markDone(claims: Int32Array, { id, slot }: Slot): void {
  compareExchange(claims, slot, -id, DONE)
}

/** Of a task that lies in the slot. */
export function isDone(claims: Int32Array, { slot }: Pick<Slot, 'slot'>): boolean {
  return load(claims, slot) === DONE
}

/** Of a task of a thread: that has claimed it, and has not said that it is done. */
export function isBegun(claims: Int32Array, { slot }: Pick<Slot, 'slot'>): boolean {
  return load(claims, slot) < DONE
}
