/** The run as `RunView` shows it, and the few things that only this view counts. */
import type { CommittedOffset } from '../kafka/consumer/assignment.ts'
import type { OffsetCommit } from '../kafka/consumer/committer.ts'
import type { FileConsumer } from '../kafka/consumer/consumer.ts'
import type { Processor } from '../processor/processor.ts'
import { attemptsBegun, type FileState } from '../processor/table/open-file.ts'
import type { RunStats } from '../report/events.ts'
import type { FileView, FileViewState, PartitionView, RunView } from '../report/monitor/run-view.ts'
import { partitionEnds } from './partition-ends.ts'
import type { PartitionOwners } from './partition-owners.ts'

export interface RunTally {
  /** The consumer's commit, counted. */
  commit(offsets: readonly OffsetCommit[]): Promise<void>
  read(records: number): void
  assigned(
    partitions: readonly { readonly partition: number; readonly committed?: number | undefined }[],
  ): void
  view(work: Processor, stats: () => RunStats): RunView
}

const SHOWN: Readonly<Record<FileState, FileViewState | undefined>> = {
  assembling: 'assembling',
  evicted: 'assembling',
  queued: 'queued',
  waiting: 'queued',
  running: 'running',
  parked: 'held',
  held: 'held',
  leaving: undefined,
  closed: undefined,
}

/** Reading comes round ten times a second; a rebalance may hold it for some seconds. */
const DEAD_MS = 30_000

/** `owners`: where the topic is shared. */
export function runTally(
  consumer: FileConsumer,
  memoryLimit: number,
  owners: PartitionOwners | undefined,
): RunTally {
  const committed = new Map<number, CommittedOffset['offset'] | undefined>()
  let records = 0
  let commits = 0
  let failedCommits = 0
  let ledgerChars = 0
  const ends = partitionEnds(consumer)

  function partitions(work: Processor): PartitionView[] {
    const { ledger } = work
    const all = ledger.partitions()
    const shown = owners === undefined ? all : consumer.reading().filter(partition => all.includes(partition))
    return [...shown]
      .sort((a, b) => a - b)
      .map(partition => {
        const position = ledger.position(partition)
        const end = Math.max(position, ends.of(partition))
        return { partition, committed: committed.get(partition), position, end }
      })
  }

  function notConsuming(): string | undefined {
    const { away, isJoined, silentMs } = consumer.health
    if (away !== undefined) return `the broker is away: ${away}`
    if (!isJoined) return 'the group is not joined: its partitions are not owned by this process'
    if (silentMs > DEAD_MS) return `nothing was asked of the client for ${Math.round(silentMs / 1_000)} s`
    return undefined
  }

  return {
    async commit(offsets) {
      try {
        await consumer.commit(offsets)
      } catch (error) {
        failedCommits++
        throw error
      }
      commits++
      ledgerChars = 0
      for (const { partition, offset, metadata = '' } of offsets) {
        committed.set(partition, offset)
        ledgerChars = Math.max(ledgerChars, metadata.length)
      }
    },
    read(count) {
      records += count
    },
    assigned(list) {
      for (const { partition, committed: offset } of list) committed.set(partition, offset)
    },
    view: (work, stats) => ({
      stats: () => {
        const now = stats()
        if (now.lag === undefined) return now
        const lag = partitions(work).reduce((sum, { end, position }) => sum + end - position, 0)
        return { ...now, lag }
      },
      notReady: () =>
        notConsuming() ?? (work.blocked === undefined ? undefined : `paused: ${work.blocked.reason}`),
      notConsuming,
      partitions: () => partitions(work),
      sharing: () => owners?.view(),
      files: () => filesOf(work),
      fileCounts() {
        const { count } = work.files
        return {
          assembling: count('assembling') + count('evicted'),
          queued: count('queued') + count('waiting'),
          running: count('running'),
          held: count('held') + count('parked'),
        }
      },
      counts: () => ({
        ...work.counts,
        records,
        commits,
        failedCommits,
        ledgerChars,
        memoryLimit,
      }),
      async refresh() {
        await Promise.all([ends.refresh(), owners?.refresh()])
      },
    }),
  }
}

function* filesOf(work: Processor): Iterable<FileView> {
  const now = performance.now()
  const { running } = work.unfinished()
  for (const file of work.files.byKey.values()) {
    const since = running.get(file)
    yield {
      path: file.path,
      state: SHOWN[file.state] ?? 'held',
      chunks: (file.seen ?? file.assembly).count,
      total: file.assembly.total,
      attempts: attemptsBegun(file),
      openMs: now - file.openedAt,
      idleMs: now - file.lastProgress,
      runningMs: since === undefined ? undefined : now - since,
      error: file.heldFor?.error,
      againMs: Number.isFinite(file.againAt) ? Math.max(0, file.againAt - now) : undefined,
    }
  }
}
