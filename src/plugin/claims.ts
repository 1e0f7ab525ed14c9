/**
 * Tasks that are given to threads ahead of time, and can be taken back: a slot of shared memory holds the id of its
 * task until either side claims it, so each task is begun or taken back, never both.
 */
import type { Offer } from './messages.ts'

type Slot = Pick<Offer, 'id' | 'slot'>

/** Ids are above 0. */
const CLAIMED = 0

/** False when the other side was first. */
export function claim(claims: Int32Array, { id, slot }: Slot): boolean {
  return Atomics.compareExchange(claims, slot, id, CLAIMED) === id
}

export function offer(claims: Int32Array, { id, slot }: Slot): void {
  Atomics.store(claims, slot, id)
}
