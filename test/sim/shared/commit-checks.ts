/** What one process commits: of its own epochs only, and nothing is called over that is not. */
import { fileHash40 } from '../../../src/core/offsets/commit-record.ts'
import { type Replay, replay } from '../../../src/core/offsets/replay.ts'
import type { OffsetCommit } from '../../../src/kafka/consumer/committer.ts'
import { decodeCommitRecord } from '../../support/commit-record.ts'
import type { FileTruth } from '../truth.ts'
import type { Checked, CheckedProcess } from './checked.ts'
import type { Epoch } from './epochs.ts'

export interface CommitChecks {
  onCommitSent(offsets: readonly OffsetCommit[]): SentCommit
}

export interface SentCommit {
  /** The broker is about to store it. */
  applied(): void
  /** Its sender hears of it. */
  answered(error: string | undefined): void
}

const MOST_CHARS = 4_095

export function commitChecks(
  { broker, truth, epochs, over, violate }: Checked,
  { life }: CheckedProcess,
): CommitChecks {
  function check({ partition, offset, metadata }: OffsetCommit): Epoch | undefined {
    const where = `${partition}@${offset}`
    if (metadata !== undefined && (metadata.length > MOST_CHARS || /[^\x20-\x7e]/.test(metadata)))
      violate(`metadata of ${where} that no broker takes`)
    const epoch = epochs.of(life, partition)
    if (epoch === undefined) violate(`process ${life} commits ${where}, and does not have the partition`)
    else if (offset < epoch.start) violate(`${where} is committed in an epoch that began at ${epoch.start}`)
    const record = decodeCommitRecord(metadata)
    const said = record && replay(record)
    for (const each of over.unfinished(partition)) {
      const isSaid = each.offset < offset || (said !== undefined && isResolved(said, partition, each.offset))
      if (isSaid && !over.isOver(partition, each))
        violate(`the commit of ${where} calls ${truth.name(partition, each.offset)} at ${each.offset} over`)
    }
    for (const digest of record?.finished ?? []) {
      const f = truth.files.find(({ key }) => key === digest)
      if (f === undefined || !over.isFileOver(f)) violate(`the commit of ${where} names what is not finished`)
    }
    return epoch
  }

  function isResolved(said: Replay, partition: number, offset: number): boolean {
    if (offset >= said.end) return false
    const f = truth.fileAt(partition, offset)
    return said.isResolved(offset, f && fileHash40(f.key))
  }

  return {
    onCommitSent(offsets) {
      if (offsets.length === 0) violate('an empty commit')
      const of = offsets.map(check).filter(epoch => epoch !== undefined)
      const told = (f: FileTruth) => of.includes(epochs.runs(f).overIn as Epoch)
      const sent = truth.files.filter(f => !f.durable && told(f))
      return {
        applied() {
          for (const f of sent) f.durable = true
          for (const { partition, offset } of offsets) {
            const before = broker.partitions[partition]?.committed?.offset ?? 0
            if (offset < before) violate(`${partition}: committed ${offset} after ${before}`)
          }
        },
        answered(error) {
          for (const epoch of of) epoch.isRefused = error !== undefined
        },
      }
    },
  }
}
