/** When to commit: at most once a second while files are in work, soon when idle, one request at a time. */
import type { Ledger } from '../core/ledger.ts'
import type { OffsetCommit } from '../kafka/committer.ts'

export interface CommitDeps {
  readonly ledger: Ledger
  commit(offsets: readonly OffsetCommit[]): Promise<void>
  /** Whether no file is queued or running. */
  isIdle(): boolean
  now(): number
  /** Calls `then` after `ms`; the returned function cancels. */
  after(ms: number, then: () => void): () => void
  onFailed(error: unknown): void
  onCommitted(): void
}

export interface Commits {
  /** Something was resolved: commit when it is time. */
  soon(): void
  /** Commits what there is now and awaits the answer; false when the broker refused. */
  now(): Promise<boolean>
  /** Nothing is dirty and no request is in flight. */
  readonly settled: boolean
  /** No more commits by itself. */
  stop(): void
}

const BUSY_MS = 1_000
const IDLE_MS = 200

export function commits(deps: CommitDeps): Commits {
  let inFlight: Promise<boolean> | undefined
  let planned: { readonly at: number; readonly cancel: () => void } | undefined
  let last = Number.NEGATIVE_INFINITY
  let stopped = false

  async function request(): Promise<boolean> {
    const cut = deps.ledger.cut()
    if (cut.length === 0) return true
    try {
      await deps.commit(cut.map(part => ({ partition: part.partition, offset: part.base })))
      deps.ledger.committed(cut)
      return true
    } catch (error) {
      deps.onFailed(error)
      return false
    } finally {
      last = deps.now()
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

  function soon(): void {
    if (stopped || inFlight !== undefined || deps.ledger.cut().length === 0) return
    const at = last + (deps.isIdle() ? IDLE_MS : BUSY_MS)
    if (planned && planned.at <= at) return
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
      return inFlight === undefined && deps.ledger.cut().length === 0
    },
    stop() {
      stopped = true
      planned?.cancel()
      planned = undefined
    },
  }
}
