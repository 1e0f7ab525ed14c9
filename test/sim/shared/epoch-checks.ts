/** The partitions of one process come and go: at the right places, with nothing left undone where there was time. */
import { acceptedRecord, fileHash40 } from '../../../src/core/offsets/commit-record.ts'
import type { AssignedPartition } from '../../../src/kafka/consumer/assignment.ts'
import type { ConsumedRecord } from '../../../src/kafka/consumer/consumer.ts'
import { decodeCommitRecord } from '../../support/commit-record.ts'
import type { LogRecord, Partition } from '../broker.ts'
import { noteHaunting } from '../haunting.ts'
import type { Checked, CheckedProcess } from './checked.ts'
import type { Epoch } from './epochs.ts'

export interface EpochChecks {
  onAssigned(list: readonly AssignedPartition[]): void
  /** Records were taken. */
  onTaken(batch: readonly ConsumedRecord[]): void
  /** The run ends since a chunk lies beside its file. */
  onStray(partition: number, offset: number): void
  onGoing(partitions: readonly number[], lost: boolean): void
  onGone(partitions: readonly number[]): void
  /** All that ran has ended and was committed, as the processor says. */
  onDrained(): void
  onJoined(): void
  /** The group gave it up: it may not know. */
  onGivenUp(): void
  /** It is gone. */
  onEnded(): void
}

export function epochChecks(
  { plan, broker, truth, epochs, over, now, happened, violate }: Checked,
  { life }: CheckedProcess,
): EpochChecks {
  let isStopping = false
  let isMember = false
  const had = new Set<number>()

  function begin({ partition, start, committed, metadata, end }: AssignedPartition): void {
    if (start > over.safe(partition))
      violate(`${partition} is read from ${start}, and ${over.safe(partition)} is not over`)
    // Of those that it had before it may know better: a commit counts attempts that have only begun.
    const isKnown = had.has(partition)
    had.add(partition)
    const record = committed === undefined || isKnown ? undefined : acceptedRecord(metadata, committed, end)
    const attempts = record === undefined || 'refused' in record ? new Map<number, number>() : record.attempts
    epochs.begin({
      ...{ partition, life, start, attempts },
      ...{ state: 'read', goesSince: 0, isLost: !isMember, isRefused: false },
    })
  }

  /** What was said to be over is committed, and how often what is not was tried. */
  function isKept(epoch: Epoch, until = now()): void {
    const { partition } = epoch
    const record = decodeCommitRecord(broker.partitions[partition]?.committed?.metadata)
    for (const f of truth.files) {
      const { overIn, overAt, tried } = epochs.runs(f)
      const who = `f${f.file.index} (${f.file.path})`
      if (overIn === epoch && overAt < until && !f.durable)
        violate(`${who} is over, its partition goes, and no commit says so`)
      if (tried?.epoch !== epoch || tried.at >= until || over.isFileOver(f)) continue
      const known = record?.attempts.get(fileHash40(f.key)) ?? 0
      if (known < tried.attempts)
        violate(`${who} was tried ${tried.attempts} times, and a commit says ${known}`)
    }
  }

  /** What ended when the last commit was on its way, or was not noted by then, is in none. */
  function cutShort(epoch: Epoch, until: number): void {
    for (const f of truth.files) {
      const runs = epochs.runs(f)
      if (runs.lastNull === epoch && (runs.overIn !== epoch || runs.overAt >= until)) runs.wasLate = true
    }
  }

  function end(epoch: Epoch): void {
    epochs.end(epoch)
    for (const f of truth.files) {
      const { now } = epochs.runs(f)
      for (const run of now) if (run.epoch === epoch) now.delete(run)
    }
  }

  return {
    onAssigned(list) {
      noteHaunting(
        broker,
        truth,
        list.map(({ partition }) => broker.partitions[partition] as Partition),
      )
      for (const each of list) begin(each)
    },
    onTaken(batch) {
      if (isStopping) return
      for (const { partition, offset } of batch) {
        if (!over.strays.has(`${partition}@${offset}`)) continue
        const record = truth.recordAt(partition, offset) as LogRecord
        if (!over.isOver(partition, record))
          violate(`the stray chunk at ${partition}@${offset} is waited for`)
        happened('stray of a finished file')
      }
    },
    onStray(partition, offset) {
      isStopping = true
      happened('stray chunk')
      if (!over.strays.has(`${partition}@${offset}`))
        violate(`${partition}@${offset} lies with its file, and is called astray`)
    },
    onGoing(partitions, lost) {
      for (const partition of partitions) {
        const epoch = epochs.of(life, partition)
        if (epoch === undefined) violate(`${partition} is to go, and was not there`)
        else {
          epoch.state = 'going'
          epoch.goesSince = now()
          epoch.isLost ||= lost
        }
      }
    },
    onGone(partitions) {
      for (const partition of partitions) {
        const epoch = epochs.of(life, partition)
        if (epoch === undefined) continue
        const until = epoch.goesSince + plan.drainMs
        if (!epoch.isLost && !epoch.isRefused) isKept(epoch, Math.min(until, now()))
        if (now() >= until) cutShort(epoch, until)
        epochs.end(epoch)
      }
    },
    onDrained() {
      for (const epoch of epochs.ofProcess(life)) if (!epoch.isLost) isKept(epoch)
    },
    onJoined() {
      isMember = true
    },
    onGivenUp() {
      isMember = false
      for (const epoch of epochs.ofProcess(life)) epoch.isLost = true
    },
    onEnded() {
      for (const epoch of epochs.ofProcess(life)) {
        epoch.isLost = true
        end(epoch)
      }
    },
  }
}
