/** Where in a run leads what the consumer tells. */
import { DfspError } from '../base/errors.ts'
import type { ConsumerHandlers } from '../kafka/consumer/membership.ts'
import type { Processor } from '../processor/processor.ts'
import type { Deferred } from './deferred.ts'
import type { End } from './outcome.ts'
import type { RetentionLosses } from './retention-losses.ts'
import type { RunDeps, RunOptions } from './run-options.ts'
import type { RunProgress } from './run-progress.ts'
import type { RunTally } from './run-tally.ts'

export interface Hearers {
  readonly work: Processor
  readonly progress: RunProgress
  readonly retention: RetentionLosses
  readonly tally: RunTally
}

export function runHandlers(
  { topic, group, drainTimeoutMs }: RunOptions,
  report: RunDeps['report'],
  ending: Deferred<End>,
  { work, progress, retention, tally }: Hearers,
): ConsumerHandlers {
  return {
    onAssign(partitions) {
      tally.assigned(partitions)
      retention.assigned(partitions)
      work.assign(partitions)
      // A group that is joined as the run ends is left again.
      if (partitions.length === 0 || ending.isResolved) return
      const text = `reading ${partitions.length} partitions of ${topic}`
      report({ type: 'info', text, fields: { group } })
      progress.aim(partitions)
      progress.check(work, () => ending.resolve({ why: 'goal' }))
    },
    onRecords(records) {
      tally.read(records.length)
      retention.read(records)
      try {
        work.records(records)
      } catch (cause) {
        const error = new DfspError('E_INTERNAL', (cause as Error).message, { cause })
        ending.resolve({ why: 'fatal', error })
      }
    },
    wait: work.wait,
    onPartitionEnd(partition, offset) {
      progress.endSeen(partition)
      work.partitionEnd(partition, offset)
    },
    onRevoke: (partitions, lost) => work.revoke(partitions, lost, drainTimeoutMs),
    onLowWatermark(partition, low) {
      const isKnown = work.ledger.epoch(partition) !== undefined
      retention.low(partition, low, isKnown ? work.ledger.position(partition) : low)
      work.lowWatermark(partition, low)
    },
    onFatal: error => ending.resolve({ why: 'fatal', error }),
    onProblem: text => report({ type: 'problem', text }),
  }
}
