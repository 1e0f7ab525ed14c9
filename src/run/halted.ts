/** Why a run that is to end cannot go on. */
import { DfspError } from '../base/errors.ts'
import type { FileConsumer } from '../kafka/consumer/consumer.ts'
import { notPassing } from '../kafka/consumer/outages.ts'
import type { Processor } from '../processor/processor.ts'
import type { End } from './outcome.ts'
import type { RunProgress } from './run-progress.ts'

/** Undefined while it goes on, or may in a moment. */
export function whyHalted(
  work: Processor,
  progress: RunProgress,
  { health }: Pick<FileConsumer, 'health'>,
): End | undefined {
  const isRead = progress.isRead(work)
  const blocked = work.blocked ?? (isRead ? work.starved : undefined)
  if (blocked !== undefined && blocked.probes > 0) return { why: 'blocked', reason: blocked.reason }
  if (health.stuck !== undefined) return { why: 'stuck', reason: health.stuck }
  const error = isRead ? whyUncommitted(work, health.lost) : health.lost
  return error && { why: 'lost', error }
}

/** All is read: once nothing runs only an answer to a commit is waited for. */
function whyUncommitted(work: Processor, lost: DfspError | undefined): DfspError | undefined {
  const { queued, running } = work.unfinished()
  if (queued + running.size > 0 || work.uncommitted === undefined) return undefined
  const { error, forMs } = work.uncommitted
  return lost ?? (error instanceof DfspError ? notPassing(error, forMs) : undefined)
}
