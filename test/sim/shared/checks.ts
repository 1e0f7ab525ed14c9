/**
 * The promises where several processes share a topic, checked as things happen:
 * - a partition is committed only by the process in whose epoch it was read, and no commit passes, or calls over, what is
 *   not (`commit-checks.ts`);
 * - a file is run from records of one partition in one epoch, by one process at a time, unless the group gave the other up;
 *   and once more only where it was not committed in time (`run-checks.ts`);
 * - a chunk that lies beside its file is never waited for, and an epoch that ends well leaves nothing to be repeated
 *   (`epoch-checks.ts`).
 */
import type { Checked, CheckedProcess } from './checked.ts'
import { type CommitChecks, commitChecks } from './commit-checks.ts'
import { type EpochChecks, epochChecks } from './epoch-checks.ts'
import { epochs as newEpochs } from './epochs.ts'
import { isQuiet } from './rest-checks.ts'
import { type RunChecks, runChecks } from './run-checks.ts'
import { sharedTruth } from './shared-truth.ts'

export type ProcessChecks = CommitChecks & EpochChecks & RunChecks & Pick<Checked, 'violate'>

export interface SharedChecks extends Pick<Checked, 'over' | 'violate'> {
  /** The first promise that was broken. */
  readonly violation: string | undefined
  process(who: CheckedProcess): ProcessChecks
  /** Everything has come to rest: what is still wrong. */
  atRest(): string | undefined
}

export function sharedChecks(
  given: Pick<Checked, 'plan' | 'broker' | 'truth' | 'now' | 'happened'>,
): SharedChecks {
  let violation: string | undefined
  function violate(what: string): void {
    violation ??= what
  }
  const epochs = newEpochs()
  const over = sharedTruth(given.broker, given.truth, epochs)
  const checked: Checked = { ...given, epochs, over, violate }
  return {
    get violation() {
      return violation
    },
    violate,
    over,
    process: who => ({
      violate,
      ...commitChecks(checked, who),
      ...epochChecks(checked, who),
      ...runChecks(checked, who),
    }),
    atRest: () => isQuiet(checked),
  }
}
