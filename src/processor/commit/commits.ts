/**
 * When to commit: soon when idle; while files are in work as often as it costs the broker little, since what is finished
 * and not committed runs again after a kill. One request at a time.
 */
import { sameMetadata } from '../../core/offsets/commit-record.ts'
import type { Ledger } from '../../core/offsets/ledger.ts'
import type { CommittedOffset } from '../../kafka/consumer/assignment.ts'
import type { CommitError, OffsetCommit } from '../../kafka/consumer/committer.ts'
import {
  allOrNothing,
  asMuchAsFits,
  type CommitRequest,
  type ContentOf,
  learnedLimits,
} from './commit-request.ts'

export interface CommitDeps {
  readonly ledger: Ledger
  /** Each partition is committed by itself: all its files lie in it alone. */
  readonly shared: boolean
  /** What the commit is to say of a partition beside its offset; `isFirst` of those in one request. */
  readonly content: ContentOf
  /** Rejects with a `CommitError`. */
  commit(offsets: readonly OffsetCommit[]): Promise<void>
  /** What the broker has committed of the owned partitions. */
  committedNow(): Promise<ReadonlyMap<number, CommittedOffset | undefined>>
  /** Whether no file is queued or running. */
  isIdle(): boolean
  now(): number
  /** Calls `then` after `ms`; the returned function cancels. */
  after(ms: number, then: () => void): () => void
  onFailed(error: unknown): void
  /** `isSettled`: nothing is left to commit that could be. */
  onCommitted(isSettled: boolean): void
  /**
   * How full the fullest record is, or all together, 0 to 1; above 1 it does not fit, and nothing was committed. And how
   * many characters a record may have, as far as the broker has shown.
   */
  onFill(fill: number, recordChars: number): void
  /** See `storedBytes`. */
  readonly partitionBytes: number
}

export interface Commits {
  /** Something was resolved: commit when it is time. */
  soon(): void
  /** Commits what there is now and awaits the answer; false when the broker refused or a record does not fit. */
  now(): Promise<boolean>
  /** As `now`; while the group is being rebalanced again and again, for `ms`. */
  within(ms: number): Promise<boolean>
  /** No request is in flight, and nothing is left to commit that could be. */
  readonly settled: boolean
  /** How full the fullest record was that was made last, see `onFill`; 0 after partitions were taken away. */
  readonly fill: number
  /** Partitions were taken away. */
  revoked(): void
  /** No more commits by itself. */
  stop(): void
}

const IDLE_MS = 200
const LONGEST_MS = 1_000
/** At most 20 KB a second to the offsets topic, which the broker compacts. */
const CHARS_PER_MS = 20
const LONGEST_RETRY_MS = 2_000
/** Of a partition in the broker's batch of a commit, beside the names. */
const PARTITION_BYTES = 60

/** Bytes that the broker stores of each partition beside the commit record. */
export function storedBytes(topic: string, group: string): number {
  return PARTITION_BYTES + Buffer.byteLength(topic) + Buffer.byteLength(group)
}

export function commits(deps: CommitDeps): Commits {
  const { ledger } = deps
  const limits = learnedLimits(deps.partitionBytes)
  let inFlight: Promise<boolean> | undefined
  let planned: { readonly at: number; readonly cancel: () => void } | undefined
  let last = Number.NEGATIVE_INFINITY
  let fill = 0
  let overfull = false
  let chars = 0 // of the last request's records
  let failures = 0
  /** The last request was refused for that. */
  let isRebalancing = false
  let stopped = false

  /** Of what is due now. */
  function nextRequest(): CommitRequest | undefined {
    const cut = ledger.cut()
    if (cut.length === 0) return undefined
    const made = (deps.shared ? asMuchAsFits : allOrNothing)(cut, deps.content, limits)
    fill = made.fill
    overfull = fill > 1
    chars = overfull ? LONGEST_MS * CHARS_PER_MS : made.chars
    deps.onFill(fill, limits.recordChars)
    return made
  }

  /** Whether anything went, or nothing had to. */
  async function request(): Promise<boolean> {
    let isSent = false
    isRebalancing = false
    try {
      for (;;) {
        const made = nextRequest()
        if (made === undefined) return true
        const { cut, offsets } = made
        if (offsets.length === 0) return isSent
        try {
          await deps.commit(offsets)
        } catch (error) {
          if (limits.lower((error as CommitError).tooLong, offsets)) continue
          if (!(await wasApplied(offsets))) throw error
        }
        ledger.committed(cut)
        failures = 0
        isSent = true
        if (!made.isRest) return true
      }
    } catch (error) {
      isRebalancing = (error as CommitError).isRebalancing ?? false
      if (!isRebalancing) {
        failures++
        chars = LONGEST_MS * CHARS_PER_MS
      }
      deps.onFailed(error)
      return false
    } finally {
      last = deps.now()
    }
  }

  /** Whether only the answer was lost. */
  async function wasApplied(offsets: readonly OffsetCommit[]): Promise<boolean> {
    try {
      const found = await deps.committedNow()
      return offsets.every(({ partition, offset, metadata }) => {
        const there = found.get(partition)
        return there?.offset === offset && sameMetadata(metadata, there.metadata)
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
    if (ok) deps.onCommitted(ledger.isClean)
    // What was resolved meanwhile, or what the broker refused.
    soon()
    return ok && !overfull
  }

  async function within(ms: number): Promise<boolean> {
    const until = deps.now() + ms
    for (;;) {
      const isCommitted = await commitNow()
      if (isCommitted || !isRebalancing || deps.now() >= until) return isCommitted
      await new Promise<void>(resolve => deps.after(IDLE_MS, resolve))
    }
  }

  function isSettled(): boolean {
    return inFlight === undefined && (overfull || ledger.isClean)
  }

  function pauseMs(): number {
    if (failures > 0) return Math.min(LONGEST_RETRY_MS, LONGEST_MS * 2 ** (failures - 1))
    return deps.isIdle() ? IDLE_MS : Math.min(LONGEST_MS, Math.max(IDLE_MS, chars / CHARS_PER_MS))
  }

  function soon(): void {
    if (stopped || inFlight !== undefined) return
    const at = last + pauseMs()
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
    within,
    get settled() {
      return isSettled()
    },
    get fill() {
      return fill
    },
    revoked() {
      fill = 0
    },
    stop() {
      stopped = true
      planned?.cancel()
      planned = undefined
    },
  }
}
