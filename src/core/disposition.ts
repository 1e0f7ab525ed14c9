/** What happens to a file after an attempt: policy as data, no clock and no I/O. */

/** What to do with a file that cannot be processed, and what the help says of it. */
export const POLICIES = {
  hold: 'keeps its offset',
  dlq: 'writes a dead letter',
  skip: 'passes it over',
  stop: 'ends',
} as const
export type Policy = keyof typeof POLICIES

export interface RetryPolicy {
  /** Further attempts after the first one failed. */
  readonly retries: number
  /** What follows when they are used up. */
  readonly onError: Policy
}

/**
 * - `retry`: run it again after `delayMs`;
 * - `hold`: leave its offsets unresolved, so that it comes again: after a pause, and after a restart;
 * - `dlq`: write a dead letter, then resolve its offsets;
 * - `skip`: resolve its offsets as if it had been processed, counted and logged;
 * - `stop`: hold it and end the run.
 */
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
