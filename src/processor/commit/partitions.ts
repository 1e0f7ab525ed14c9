/** The partitions that are owned: what is believed of them when they come, and what is kept of them when they go. */
import { acceptedRecord, type CommitRecord, type RecordContent } from '../../core/offsets/commit-record.ts'
import type { PartitionCut } from '../../core/offsets/ledger.ts'
import { replay } from '../../core/offsets/replay.ts'
import type { AssignedPartition } from '../../kafka/consumer/assignment.ts'
import type { OffsetCommit } from '../../kafka/consumer/committer.ts'
import type { Shared } from '../processor-deps.ts'
import type { ReadUntil } from '../reading/read-until.ts'
import { liesIn, type OpenFile } from '../table/open-file.ts'
import { commitContent, readBack } from './commit-content.ts'
import { knownAtRevoke } from './known-at-revoke.ts'

export interface Partitions {
  assign(partitions: readonly AssignedPartition[]): void
  /** Those that lie in any of the partitions. */
  filesIn(partitions: ReadonlySet<number>): OpenFile[]
  /** Notes what is known of partitions that go, while their files are still open. */
  remember(partitions: ReadonlySet<number>): void
  /** Nothing of them counts any more. */
  forget(partitions: readonly number[]): void
  /** What a commit is to say of a partition beside its offset. */
  content(cut: PartitionCut, finished: readonly string[]): RecordContent
  /** Commits, and notes what the broker may have from now on. */
  commit(offsets: readonly OffsetCommit[]): Promise<void>
  /** All was read again that lay in the log when the partitions were assigned. */
  readonly areReadAgain: boolean
}

export interface PartitionsDeps
  extends Pick<Shared, 'deps' | 'ledger' | 'files' | 'replays' | 'finished' | 'latest' | 'lastContents'> {
  readonly read: ReadUntil
}

export function partitions(s: PartitionsDeps): Partitions {
  const { deps, ledger, files, replays, finished, latest, lastContents, read } = s
  /** Where each partition ended when it was assigned. */
  const endsThen = new Map<number, number>()
  const atRevoke = knownAtRevoke(deps.settings.shared)

  function content(cut: PartitionCut, named: readonly string[]): RecordContent {
    const fileOf = (owner: number) => files.byNumber.get(owner)
    return commitContent({ cut, replay: replays.get(cut.partition), fileOf, finished: named })
  }

  function assign(
    { partition, start, committed, metadata, end, notice }: AssignedPartition,
    own: CommitRecord | undefined,
  ): void {
    if (notice !== undefined) deps.report({ type: 'problem', text: notice })
    ledger.assign(partition, start, committed)
    endsThen.set(partition, end)
    read.assign(partition)
    const record = own ?? (committed === undefined ? undefined : acceptedRecord(metadata, committed, end))
    if (record === undefined) return
    if ('refused' in record) {
      const text = `${deps.settings.topic}[${partition}]: what the last commit says of records above offset ${committed} cannot be used (${record.refused}): they are all read again`
      return deps.report({ type: 'problem', text })
    }
    for (const digest of [...record.finished].reverse()) {
      finished.add(digest)
      latest.add(digest, partition)
    }
    if (record.position > start) replays.set(partition, replay(record))
    // The broker does not know it: the next commit has to say it of all of them at once, or files would be over in one
    // partition and open in another.
    if (own !== undefined) ledger.touch(partition)
  }

  return {
    assign(assigned) {
      const own = atRevoke.take(assigned)
      for (const p of assigned) assign(p, own.get(p.partition))
    },
    filesIn: going => [...files.byKey.values()].filter(file => liesIn(file, going)),
    remember(going) {
      for (const cut of ledger.wholeCut()) {
        const record = going.has(cut.partition) ? readBack(content(cut, [])) : undefined
        if (record !== undefined) atRevoke.add(cut.partition, record)
      }
    },
    forget(gone) {
      for (const partition of gone) {
        if (ledger.epoch(partition) !== undefined) {
          lastContents.readUpTo(partition, ledger.position(partition))
          ledger.revoke(partition)
        }
        replays.delete(partition)
        endsThen.delete(partition)
        read.revoke(partition)
      }
    },
    content,
    async commit(offsets) {
      atRevoke.sent(offsets)
      await deps.commit(offsets)
      atRevoke.acknowledged(offsets)
    },
    get areReadAgain() {
      for (const [partition, end] of endsThen) if (ledger.position(partition) < end) return false
      return endsThen.size > 0
    },
  }
}
