/** What the checks of several processes have in common. */
import type { Processor } from '../../../src/processor/processor.ts'
import type { Broker } from '../broker.ts'
import type { Truth } from '../truth.ts'
import type { Epochs } from './epochs.ts'
import type { SharedPlan } from './plan.ts'
import type { SharedTruth } from './shared-truth.ts'

/** What all checks go by. */
export interface Checked {
  readonly plan: SharedPlan
  readonly broker: Broker
  readonly truth: Truth
  readonly epochs: Epochs
  readonly over: SharedTruth
  now(): number
  happened(what: string): void
  violate(what: string): void
}

/** A process that is checked. */
export interface CheckedProcess {
  readonly life: number
  readonly host: number
  processor(): Processor
}
