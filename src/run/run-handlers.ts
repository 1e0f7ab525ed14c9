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
  { topic, group, shared, drainTimeoutMs }: RunOptions,
  report: RunDeps['report'],
  ending: Deferred<End>,
  { work, progress, retention, tally }: Hearers,
): ConsumerHandlers {
  let isIdleTold = false
  function tellIdle(): void {
    if (!isIdleTold)
      report({
        type: 'info',
        text: `other processes have all partitions of ${topic}: waiting for one`,
        fields: { group },
      })
    isIdleTold = true
  }
  return {
    onAssign(partitions) {
      tally.assigned(partitions)
      retention.assigned(partitions)
      work.assign(partitions)
      // A group that is joined as the run ends is left again.
      if (ending.isResolved) return
      const owned = work.ledger.partitions().length
      if (partitions.length > 0) {
        const more = owned > partitions.length ? 'more ' : ''
        const text = `reading ${partitions.length} ${more}partitions of ${topic}`
        report({ type: 'info', text, fields: { group } })
      } else if (owned === 0) tellIdle()
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
    async onRevoke(partitions, lost) {
      await work.revoke(partitions, lost, drainTimeoutMs)
      const { length: left } = work.ledger.partitions()
      if (!shared || ending.isResolved || left === 0) return
      const text = `${partitions.length} partitions of ${topic} went to other processes, ${left} stay`
      report({ type: 'info', text, fields: { group } })
    },
    onLowWatermark(partition, low) {
      const isKnown = work.ledger.epoch(partition) !== undefined
      retention.low(partition, low, isKnown ? work.ledger.position(partition) : low)
      work.lowWatermark(partition, low)
    },
    onFatal: error => ending.resolve({ why: 'fatal', error }),
    onProblem: text => report({ type: 'problem', text }),
  }
}
