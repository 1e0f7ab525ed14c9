/** What happens to a file after an attempt: policy as data, no clock and no I/O. */

/** What is done with a file, or a record that is none, that is given up. */
export interface GivenUp {
  /** What the help says of it, in short and at length. */
  readonly help: string
  readonly effect: string
  /**
   * - `hold`: its offsets stay unresolved, so that it comes again: after a pause, and after a restart;
   * - `letter`: a dead letter is written, then its offsets are resolved; where the letter is refused it is held;
   * - `skip`: its offsets are resolved as if it had been processed, counted and logged.
   */
  readonly act: 'hold' | 'letter' | 'skip'
  /** What is tried again of a file that is held. A record that is no chunk comes again only after a restart. */
  readonly again: 'attempt' | 'letter' | 'nothing'
  readonly endsRun: boolean
}

export type Policy = 'hold' | 'dlq' | 'skip' | 'stop'

export const POLICIES: Readonly<Record<Policy, GivenUp>> = {
  hold: {
    help: 'keeps its offset',
    effect:
      'its offset is kept: it is tried again after 1 minute, 2, 4 ... up to 60, and at the next start; later files go on',
    act: 'hold',
    again: 'attempt',
    endsRun: false,
  },
  dlq: {
    help: 'writes a dead letter',
    effect: 'a reference to it goes to --dlq TOPIC, and it is committed',
    act: 'letter',
    again: 'letter',
    endsRun: false,
  },
  skip: {
    help: 'passes it over',
    effect: 'it is passed over and committed',
    act: 'skip',
    again: 'attempt',
    endsRun: false,
  },
  stop: { help: 'ends', effect: 'the run ends with 3', act: 'hold', again: 'nothing', endsRun: true },
}

export interface RetryPolicy {
  /** Further attempts after the first one failed. */
  readonly retries: number
  /** What follows when they are used up. */
  readonly onError: Policy
}

/** `retry`: run it again after `delayMs`. */
export type Disposition = { readonly action: 'retry'; readonly delayMs: number } | { readonly action: Policy }

const FIRST_DELAY_MS = 1_000
const LONGEST_DELAY_MS = 60_000

const FIRST_PAUSE_MS = 60_000
const LONGEST_PAUSE_MS = 3_600_000

/** How long a file stays held before it is tried again, when it was held `holds` times: from 1 minute doubling up to 1 hour. */
export function heldPause(holds: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(holds - 1, 16))
}

/** After the failed attempt number `attempt` (1 for the first): delays double from 1 s up to 60 s. */
export function afterFailure(policy: RetryPolicy, attempt: number): Disposition {
  if (attempt > policy.retries) return { action: policy.onError }
  return {
    action: 'retry',
    delayMs: Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, 16)),
  }
}
