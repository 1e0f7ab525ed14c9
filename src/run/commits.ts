/**
 * When to commit: soon when idle; while files are in work as often as it costs the broker little, since what is finished
 * and not committed runs again after a kill. One request at a time.
 */
import { encodeCommitRecord, type RecordContent } from '../core/commit-record.ts'
import type { Ledger, PartitionCut } from '../core/ledger.ts'
import type { CommittedOffset } from '../kafka/assignment.ts'
import type { OffsetCommit } from '../kafka/committer.ts'

export interface CommitDeps {
  readonly ledger: Ledger
  /** What the commit is to say of a partition beside its offset. */
  content(cut: PartitionCut, isFirst: boolean): RecordContent
  commit(offsets: readonly OffsetCommit[]): Promise<void>
  /** What the broker has committed of the owned partitions. */
  committedNow(): Promise<ReadonlyMap<number, CommittedOffset | undefined>>
  /** Whether no file is queued or running. */
  isIdle(): boolean
  now(): number
  /** Calls `then` after `ms`; the returned function cancels. */
  after(ms: number, then: () => void): () => void
  onFailed(error: unknown): void
  onCommitted(): void
  /** How full the fullest record is, 0 to 1; above 1 it does not fit, and nothing was committed. */
  onFill(fill: number): void
}

export interface Commits {
  /** Something was resolved: commit when it is time. */
  soon(): void
  /** Commits what there is now and awaits the answer; false when the broker refused or a record does not fit. */
  now(): Promise<boolean>
  /** No request is in flight, and nothing is left to commit that could be. */
  readonly settled: boolean
  /** No more commits by itself. */
  stop(): void
}

const IDLE_MS = 200
const LONGEST_MS = 1_000
/** At most 20 KB a second to the offsets topic, which the broker compacts. */
const CHARS_PER_MS = 20
const TOO_FULL = 2

export function commits(deps: CommitDeps): Commits {
  const { ledger } = deps
  let inFlight: Promise<boolean> | undefined
  let planned: { readonly at: number; readonly cancel: () => void } | undefined
  let last = Number.NEGATIVE_INFINITY
  let overfull = false
  let chars = 0 // of the last request's records
  let stopped = false

  /** All dirty partitions, or none where one of them does not fit: a file is recorded in all its partitions or not. */
  function encoded(cut: readonly PartitionCut[]): OffsetCommit[] | undefined {
    const offsets: OffsetCommit[] = []
    let fill = 0
    chars = 0
    for (const part of cut) {
      const record = encodeCommitRecord(deps.content(part, part === cut[0]))
      fill = Math.max(fill, record?.fill ?? TOO_FULL)
      if (record === undefined) continue
      chars += record.text.length
      offsets.push({ partition: part.partition, offset: part.base, metadata: record.text })
    }
    overfull = fill > 1
    if (overfull) chars = LONGEST_MS * CHARS_PER_MS
    deps.onFill(fill)
    return overfull ? undefined : offsets
  }

  async function request(): Promise<boolean> {
    const cut = ledger.cut()
    if (cut.length === 0) return true
    try {
      const offsets = encoded(cut)
      if (offsets === undefined) return false
      try {
        await deps.commit(offsets)
      } catch (error) {
        if (!(await wasApplied(offsets))) throw error
      }
      ledger.committed(cut)
      return true
    } catch (error) {
      deps.onFailed(error)
      chars = LONGEST_MS * CHARS_PER_MS
      return false
    } finally {
      last = deps.now()
    }
  }

  /** Whether only the answer was lost. */
  async function wasApplied(offsets: readonly OffsetCommit[]): Promise<boolean> {
    try {
      const found = await deps.committedNow()
      return offsets.every(({ partition, offset, metadata = '' }) => {
        const there = found.get(partition)
        // The client's binding cuts the last character of what another client wrote.
        const same = [metadata, metadata.slice(0, -1)].includes(there?.metadata ?? '')
        return there?.offset === offset && same
      })
    } catch {
      return false
    }
  }

  async function commitNow(): Promise<boolean> {
    while (inFlight !== undefined) await inFlight
    planned?.cancel()
    planned = undefined
    inFlight = request()
    const ok = await inFlight
    inFlight = undefined
    if (ok) deps.onCommitted()
    // What was resolved meanwhile, or what the broker refused.
    soon()
    return ok
  }

  function busyMs(): number {
    return Math.min(LONGEST_MS, Math.max(IDLE_MS, chars / CHARS_PER_MS))
  }

  function soon(): void {
    if (stopped || inFlight !== undefined) return
    const at = last + (deps.isIdle() ? IDLE_MS : busyMs())
    if ((planned && planned.at <= at) || ledger.isClean) return
    planned?.cancel()
    const cancel = deps.after(Math.max(0, at - deps.now()), () => {
      planned = undefined
      void commitNow()
    })
    planned = { at, cancel }
  }

  return {
    soon,
    now: commitNow,
    get settled() {
      return inFlight === undefined && (overfull || ledger.isClean)
    },
    stop() {
      stopped = true
      planned?.cancel()
      planned = undefined
    },
  }
}
