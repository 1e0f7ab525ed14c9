/**
 * Tasks that are given to threads ahead of time, and can be taken back: a slot of shared memory holds the id of its
 * task until either side claims it, so each task is begun or taken back, never both. Of what the thread has claimed it
 * says there when it is done: its messages carry many results, and the last of them may never come.
 */
import type { Offer } from './messages.ts'

type Slot = Pick<Offer, 'id' | 'slot'>

/** Ids are above 0. */
const CLAIMED = 0
const DONE = -1

/** False when the other side was first. */
export function claim(claims: Int32Array, { id, slot }: Slot): boolean {
  return Atomics.compareExchange(claims, slot, id, CLAIMED) === id
}

export function offer(claims: Int32Array, { id, slot }: Slot): void {
  Atomics.store(claims, slot, id)
}

export function markDone(claims: Int32Array, { slot }: Pick<Slot, 'slot'>): void {
  Atomics.store(claims, slot, DONE)
}

export function isDone(claims: Int32Array, { slot }: Pick<Slot, 'slot'>): boolean {
  return Atomics.load(claims, slot) === DONE
}
