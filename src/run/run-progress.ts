/** How far a run is: its goal, its figures while it runs, its summary. */
import type { Values } from '../config/options/options.ts'
import { reachedEnd } from '../core/run-end.ts'
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import type { FileConsumer } from '../kafka/consumer/consumer.ts'
import type { Processor } from '../processor/processor.ts'
import { type Counts, finishedFiles, triedFiles } from '../processor/processor-deps.ts'
import type { OpenFile } from '../processor/table/open-file.ts'
import type { RunStats, RunSummary } from '../report/events.ts'

export interface RunProgress {
  /**
   * Takes the ends of the partitions that were assigned as what there is to read, unless the goals were given: once, or where
   * partitions are shared, of each when it comes for the first time.
   */
  aim(partitions: readonly AssignedPartition[]): void
  /** What could not be read when it aimed last. */
  readonly open: readonly string[]
  endSeen(partition: number): void
  /** All was read up to the goal. */
  isRead(work: Processor): boolean
  /** Calls `reached` when a finite run is over. */
  check(work: Processor, reached: () => void): void
  /** 0 to 1, of a run until the end. */
  fraction(work: Processor): number | undefined
  lag(work: Processor): number | undefined
  /** Up to when all that had been sent was read, in milliseconds since the epoch; undefined before the goal is reached. */
  readUpTo(work: Processor): number | undefined
}

/** What a run has to reach, and how far it is. */
export function runProgress(
  options: Pick<Values, 'untilEnd' | 'maxFiles' | 'shared'> & {
    readonly goals?: ReadonlyMap<number, number>
  },
  consumer: FileConsumer,
): RunProgress {
  let goals: Map<number, number> | undefined
  const starts = new Map<number, number>()
  /** Where partitions are shared: from when on all was read of those that are owned. */
  let readSince: number | undefined
  /** When the goals were taken, if they are the ends: milliseconds since the epoch. */
  let aimedAt: number | undefined
  /** From when on nothing more was read, as only what runs was left to wait for. */
  let stoppedAt: number | undefined
  const seen = new Set<number>()
  let open: readonly string[] = []
  /** A partition that was short of its goal when it was looked at last: asked first, as this is asked for each file. */
  let behind = -1
  const isAiming = options.untilEnd || options.maxFiles !== undefined
  const position = (work: Processor, p: number) =>
    work.ledger.epoch(p) === undefined ? 0 : work.ledger.position(p)
  function isRead(work: Processor): boolean {
    if (!options.shared) return isOwnRead(work)
    if (!isOwnRead(work)) readSince = undefined
    else readSince ??= performance.now()
    // What another process has is its own to read, but if that was killed it comes here once its session is over.
    return readSince !== undefined && performance.now() - readSince >= consumer.sessionMs
  }
  function isOwnRead(work: Processor): boolean {
    if (!goals) return false
    const isShort = (p: number, goal: number) =>
      work.ledger.epoch(p) === undefined
        ? !options.shared
        : !reachedEnd([{ position: position(work, p), goal, endSeen: seen.has(p) }])
    if (behind >= 0 && isShort(behind, goals.get(behind) ?? 0)) return false
    for (const [p, goal] of goals) {
      behind = p
      if (isShort(p, goal)) return false
    }
    return true
  }

  return {
    aim(partitions) {
      open = partitions.flatMap(partition => partition.open ?? [])
      // What was seen before is read again from the committed offsets on.
      for (const { partition } of partitions) seen.delete(partition)
      if (!isAiming || (goals && !options.shared)) return
      if (options.goals === undefined) aimedAt ??= Date.now()
      goals ??= new Map(options.goals)
      for (const { partition, start, end } of partitions) {
        if (starts.has(partition)) continue
        starts.set(partition, start)
        if (options.goals === undefined) goals.set(partition, end)
      }
    },
    get open() {
      return open
    },
    endSeen(partition) {
      if (goals) seen.add(partition)
    },
    isRead,
    check(work, reached) {
      const { maxFiles } = options
      if (maxFiles !== undefined && finishedFiles(work.counts) >= maxFiles) return reached()
      // Files that are held do not count, but nothing waits for others to come in their place.
      if (!options.untilEnd && triedFiles(work.counts) < (maxFiles ?? Number.POSITIVE_INFINITY)) return
      if (!isRead(work)) return
      if (work.quiet) return reached()
      // The rest of what another process had may still come.
      if (options.shared) return
      stoppedAt ??= Date.now()
      consumer.pauseForGood()
    },
    readUpTo(work) {
      const wall = Date.now() - (performance.now() - work.readUntil)
      const upTo = Math.max(
        Math.min(wall, stoppedAt ?? wall),
        aimedAt === undefined || !isRead(work) ? Number.NEGATIVE_INFINITY : aimedAt,
      )
      return Number.isFinite(upTo) ? upTo : undefined
    },
    fraction(work) {
      if (!goals || !options.untilEnd) return undefined
      let have = 0
      let want = 0
      for (const [p, goal] of goals) {
        const start = starts.get(p) ?? 0
        want += goal - start
        have += Math.min(goal, Math.max(start, position(work, p))) - start
      }
      return want === 0 ? 1 : have / want
    },
    lag(work) {
      const partitions = work.ledger.partitions()
      if (partitions.length === 0) return undefined
      let lag = 0
      for (const p of partitions) lag += Math.max(0, consumer.knownEnd(p) - position(work, p))
      return lag
    },
  }
}

export function statsOf(
  work: Processor,
  progress: RunProgress,
  { health }: Pick<FileConsumer, 'health'>,
  sharing: RunStats['sharing'],
  started: number,
): RunStats {
  const { assembling, queued, running } = work.unfinished()
  const now = performance.now()
  return {
    done: work.counts.done,
    failed: work.counts.failed + work.counts.mismatched,
    assembling: assembling.length,
    largest: largestOf(assembling),
    queued,
    running: [...running].map(([file, since]) => ({ path: file.path, ms: Math.round(now - since) })),
    doneBytes: work.counts.doneBytes,
    receivedBytes: work.counts.receivedBytes,
    memoryBytes: work.memoryBytes,
    lag: progress.lag(work),
    progress: progress.fraction(work),
    flow: work.flow,
    broker: health.away === undefined ? 'ok' : 'away',
    sharing,
    seconds: (now - started) / 1_000,
  }
}

function largestOf(files: readonly OpenFile[]): RunStats['largest'] {
  let largest: OpenFile | undefined
  for (const file of files)
    if (largest === undefined || file.assembly.total > largest.assembly.total) largest = file
  return largest && { path: largest.path, chunks: largest.assembly.count, total: largest.assembly.total }
}

const NAMED_INCOMPLETE = 20

export type SummaryCounts = Pick<
  Counts,
  'done' | 'failed' | 'mismatched' | 'skipped' | 'deadLettered' | 'undecodable' | 'doneBytes'
>

/** Of a run that processed nothing. */
export const NOTHING_COUNTED: SummaryCounts = {
  done: 0,
  failed: 0,
  mismatched: 0,
  skipped: 0,
  deadLettered: 0,
  undecodable: 0,
  doneBytes: 0,
}

export function summaryOf(
  { done, failed, mismatched, skipped, deadLettered, undecodable, doneBytes }: SummaryCounts,
  assembling: readonly OpenFile[],
  started: number,
  exit: number,
): RunSummary {
  return {
    done,
    failed,
    mismatched,
    skipped,
    deadLettered,
    undecodable,
    incomplete: assembling.length,
    bytes: doneBytes,
    seconds: Math.round(performance.now() - started) / 1_000,
    exit,
    incompleteFiles: assembling.slice(0, NAMED_INCOMPLETE).map(file => file.path),
  }
}
