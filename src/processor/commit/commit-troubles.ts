/** Why what is finished is not committed: told while it lasts, and kept for who asks. */
import { RECORD_CHARS } from '../../core/offsets/commit-record.ts'
import { troubles } from '../../core/troubles.ts'
import type { CommitError } from '../../kafka/consumer/committer.ts'
import type { ProcessorDeps } from '../processor-deps.ts'

export interface Uncommitted {
  readonly reason: string
  /** Of the last attempt. */
  readonly error: unknown
  readonly forMs: number
}

export interface CommitTroubles {
  failed(error: unknown): void
  committed(): void
  /** See `CommitDeps.onFill`. */
  filled(fill: number, recordChars: number): void
  /** Tells again what lasts, when it is time. */
  again(): void
  readonly uncommitted: Uncommitted | undefined
}

export interface CommitTroublesDeps extends Pick<ProcessorDeps, 'report' | 'now'> {
  unfinishedFiles(): number
}

/** Longer than a rebalance lasts as a rule. */
const REBALANCE_MS = 10_000

export function commitTroubles(deps: CommitTroublesDeps): CommitTroubles {
  const { report, now } = deps
  const trouble = troubles(text => report({ type: 'problem', text }), now)
  let overfull = false
  let chars = RECORD_CHARS
  let failure: { error: unknown; readonly since: number } | undefined

  function tooManyText(): string {
    if (chars === RECORD_CHARS)
      return `commits wait: unfinished files (${deps.unfinishedFiles()}) and held records that are no chunks are together too many for a commit record`
    return `commits wait: the broker takes no commit record of more than ${chars} to ${2 * chars} characters, and what is unfinished needs more: raise its offset.metadata.max.bytes`
  }

  return {
    failed(error) {
      failure ??= { error, since: now() }
      failure.error = error
      if ((error as CommitError).isRebalancing && now() - failure.since < REBALANCE_MS) return
      trouble.tell(`offset commit failed, nothing is lost: ${(error as Error).message}`)
    },
    committed() {
      failure = undefined
    },
    filled(fill, recordChars) {
      chars = recordChars
      if (overfull === fill > 1) return
      overfull = fill > 1
      if (overfull) {
        trouble.tell(`${tooManyText()}; what is finished meanwhile is run again after a kill`, true)
      } else {
        trouble.over()
        report({ type: 'info', text: 'commits go on: the commit record has room again' })
      }
    },
    again: trouble.again,
    get uncommitted() {
      if (overfull) return { reason: tooManyText(), error: undefined, forMs: 0 }
      if (failure === undefined) return undefined
      const { error, since } = failure
      return { reason: (error as Error).message, error, forMs: now() - since }
    },
  }
}
