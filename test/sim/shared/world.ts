/** What the parts of a history of several processes share. */
import type { SimClock } from '../clock.ts'
import type { Truth } from '../truth.ts'
import type { ProcessWorld } from '../world.ts'
import type { ProcessChecks } from './checks.ts'
import type { SharedPlan } from './plan.ts'

/** All hosts together. */
export interface SharedWorld extends Omit<ProcessWorld, 'checks' | 'store' | 'life'> {
  readonly plan: SharedPlan
  readonly clock: SimClock
  readonly truth: Truth
  calm: boolean
  outage: boolean
}

/** One process; its clock stands still while it does, and ends with it. */
export interface HostWorld extends ProcessWorld {
  /** Of its host. */
  readonly name: string
  readonly plan: SharedPlan
  /** Goes on without it. */
  readonly network: SimClock
  readonly checks: ProcessChecks
}
