/** What all parts of a history share. */
import type { Partition } from './broker.ts'
import type { Checks } from './checks.ts'
import type { SimClock } from './clock.ts'
import type { SimStore } from './disk.ts'
import type { Plan } from './plan.ts'
import type { Dice } from './seed.ts'
import type { Truth } from './truth.ts'

/** What the parts of one process share. */
export interface ProcessWorld {
  readonly plan: Plan
  readonly clock: SimClock
  /** The dice of all that happens; the plan had its own. */
  readonly chance: Dice
  readonly store: SimStore
  readonly truth: Truth
  readonly checks: Pick<
    Checks,
    'violate' | 'onCall' | 'onNull' | 'onFailed' | 'onLetterSent' | 'onLetterWritten' | 'onJournalled'
  >
  /** Number of the present process; it changes when one ends and when one begins. */
  readonly life: number
  /** Faults are over. */
  readonly calm: boolean
  /** Every file fails at the moment. */
  readonly outage: boolean
  /** A commit's metadata as the client's binding returns it. */
  readMetadata(partition: Partition): string | undefined
  happened(what: string): void
  trace(line: () => string): void
}

export interface World extends ProcessWorld {
  readonly checks: Checks
  life: number
  calm: boolean
  outage: boolean
}
