/** What /status answers: the run as it stands, its latest failures, and how it went over the last half hour. */
import type { FileResult, RunEvent, RunSummary, SetAside } from '../events.ts'
import type { CountsView, FileView, PartitionView, RunView } from './run-view.ts'
import type { OtherMember } from './sharing.ts'

/** What does not change while a run goes on. */
export interface RunIdentity {
  readonly topic: string
  readonly group: string
  readonly plugin: string
  readonly threads: number
  readonly mode: string
  /** As the user gave them. */
  readonly brokers: string
  readonly host: string
  readonly pid: number
  readonly version: string
  /** Where the topic is shared: what this process is called among the others. */
  readonly member?: string
}

export interface FileFailure {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly path: string
  /** `retry`: another attempt comes. */
  readonly result: Exclude<FileResult, 'ok'> | 'retry'
  readonly attempt: number
  readonly error: string
  readonly setAside: SetAside | undefined
}

/** One moment: milliseconds since the epoch, and the figures as they were. */
export type HistoryPoint = readonly [
  at: number,
  receivedBytes: number,
  doneBytes: number,
  done: number,
  failed: number,
  lag: number | null,
]

export interface Status extends RunIdentity {
  readonly v: 1
  readonly type: 'status'
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly startedAt: number
  readonly ready: boolean
  /** Why it is not ready. */
  readonly reason: string | null
  readonly flow: string
  /** Records that are not read yet; null while that is unknown. */
  readonly lag: number | null
  /** 0 to 1, of a run until the end. */
  readonly progress: number | null
  readonly counts: Readonly<Record<(typeof COUNTED)[number], number>>
  readonly bytes: {
    readonly done: number
    readonly received: number
    readonly memory: number
    readonly memoryLimit: number
  }
  readonly files: Readonly<Record<'assembling' | 'queued' | 'running' | 'held', number>>
  /** Those that run longest first, at most 50. */
  readonly running: readonly { readonly path: string; readonly seconds: number; readonly attempt: number }[]
  /** Those that wait longest for a chunk first, at most 50. */
  readonly assembling: readonly {
    readonly path: string
    readonly chunks: number
    readonly total: number
    readonly idleSeconds: number
  }[]
  /** Those that are tried again first, at most 50. */
  readonly held: readonly {
    readonly path: string
    readonly attempt: number
    readonly error: string
    /** Until it is tried again by itself; null = at the next start. */
    readonly againInSeconds: number | null
  }[]
  readonly partitions: readonly PartitionView[]
  /** Where the topic is shared: who has how many of its partitions. */
  readonly shared?: {
    readonly partitions: number
    /** Those of this process. */
    readonly own: readonly number[]
    /** Null while that is unknown. */
    readonly others: readonly OtherMember[] | null
  }
  /** The latest first, at most 50. */
  readonly failures: readonly FileFailure[]
  readonly lastSuccessAt: number | null
  readonly history: readonly HistoryPoint[]
  /** Once the run is over. */
  readonly summary: RunSummary | null
}

export interface StatusBoard {
  report(event: RunEvent): void
  attach(view: RunView): void
  /** Notes a moment of the history; to be called every SAMPLE_MS. */
  sample(): void
  status(): Promise<Status>
  /** As `Status.reason`; undefined when all is well. */
  notReady(): string | undefined
  /** How many files are held, in words; undefined when none is. */
  held(): string | undefined
}

export const SAMPLE_MS = 5_000
const POINTS = 360
const LISTED = 50
const COUNTED = [
  'done',
  'failed',
  'mismatched',
  'skipped',
  'deadLettered',
  'undecodable',
  'duplicates',
  'records',
  'commits',
  'failedCommits',
] as const satisfies readonly (keyof CountsView)[]

export function statusBoard(identity: RunIdentity, now: () => number): StatusBoard {
  const startedAt = now()
  const history: HistoryPoint[] = [[startedAt, 0, 0, 0, 0, null]]
  const failures: FileFailure[] = []
  let lastSuccessAt: number | null = null
  let summary: RunSummary | null = null
  let view: RunView | undefined
  let waitsFor = 'connecting to the broker'

  function point(given: RunView): HistoryPoint {
    const { receivedBytes, doneBytes, done, failed, lag } = given.stats()
    return [now(), receivedBytes, doneBytes, done, failed, lag ?? null]
  }

  function notReady(): string | undefined {
    if (summary !== null) return 'the run is over'
    return view === undefined ? `starting: ${waitsFor}` : view.notReady()
  }

  /** Another attempt has ended: what the one before it came to is of no more interest. */
  function forgetRetry(path: string): void {
    const at = failures.findIndex(f => f.result === 'retry' && f.path === path)
    if (at !== -1) failures.splice(at, 1)
  }

  function failed(failure: FileFailure): void {
    failures.unshift(failure)
    if (failures.length > LISTED) failures.pop()
  }

  return {
    report(event) {
      const at = now()
      if (event.type === 'summary') summary = event.summary
      if (event.type === 'info' && event.waitsFor !== undefined) waitsFor = event.waitsFor
      if (event.type !== 'file' && event.type !== 'retry') return
      forgetRetry(event.path)
      if (event.type === 'retry') {
        const { path, attempt, error } = event
        return failed({ at, path, result: 'retry', attempt, error, setAside: undefined })
      }
      const { path, result, attempt, error = '', setAside } = event
      if (result === 'ok') lastSuccessAt = at
      else failed({ at, path, result, attempt, error, setAside })
    },
    attach(given) {
      view = given
    },
    sample() {
      if (view === undefined || summary !== null) return
      history.push(point(view))
      if (history.length > POINTS) history.shift()
    },
    notReady,
    held() {
      const { held = 0 } = view?.fileCounts() ?? {}
      return held === 0 ? undefined : `${held} ${held === 1 ? 'file is' : 'files are'} held`
    },
    async status() {
      await view?.refresh()
      const stats = view?.stats()
      const counts = view?.counts()
      const sharing = view?.sharing()
      const reason = notReady() ?? null
      return {
        v: 1,
        type: 'status',
        ...identity,
        at: now(),
        startedAt,
        ready: reason === null,
        reason,
        flow: stats?.flow ?? 'flow',
        lag: stats?.lag ?? null,
        progress: stats?.progress ?? null,
        counts: Object.fromEntries(COUNTED.map(name => [name, counts?.[name] ?? 0])) as Status['counts'],
        bytes: {
          done: counts?.doneBytes ?? 0,
          received: counts?.receivedBytes ?? 0,
          memory: stats?.memoryBytes ?? 0,
          memoryLimit: counts?.memoryLimit ?? 0,
        },
        files: view?.fileCounts() ?? { assembling: 0, queued: 0, running: 0, held: 0 },
        ...listed(view?.files() ?? []),
        partitions: view?.partitions() ?? [],
        ...(sharing && {
          shared: { partitions: sharing.total, own: sharing.own, others: sharing.others ?? null },
        }),
        failures,
        lastSuccessAt,
        history: view === undefined ? history : [...history, point(view)],
        summary,
      }
    },
  }
}

const seconds = (ms: number) => Math.round(ms / 100) / 10

function listed(open: Iterable<FileView>): Pick<Status, 'running' | 'assembling' | 'held'> {
  const files = [...open]
  return {
    running: files
      .filter(file => file.state === 'running')
      .sort((a, b) => (b.runningMs ?? 0) - (a.runningMs ?? 0))
      .slice(0, LISTED)
      .map(({ path, runningMs = 0, attempts }) => ({
        path,
        seconds: seconds(runningMs),
        attempt: attempts,
      })),
    assembling: files
      .filter(file => file.state === 'assembling')
      .sort((a, b) => b.idleMs - a.idleMs)
      .slice(0, LISTED)
      .map(({ path, chunks, total, idleMs }) => ({ path, chunks, total, idleSeconds: seconds(idleMs) })),
    held: files
      .filter(file => file.state === 'held')
      .sort((a, b) => (a.againMs ?? Number.MAX_VALUE) - (b.againMs ?? Number.MAX_VALUE))
      .slice(0, LISTED)
      .map(({ path, attempts, error = '', againMs }) => ({
        path,
        attempt: attempts,
        error,
        againInSeconds: againMs === undefined ? null : seconds(againMs),
      })),
  }
}
