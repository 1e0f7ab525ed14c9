/**
 * The circuit breaker: tells a broken environment from broken files. When many different files fail one after the
 * other, the output cannot be written, or the plugin says so, nothing is started and nothing given up until one attempt succeeds.
 *
 * - `closed`: all goes its way.
 * - `open`: no file is started before `retryAt`.
 * - `probing`: one file is being tried; if it succeeds the breaker closes, if not it opens again.
 */
export type BreakerState = 'closed' | 'open' | 'probing'

export interface Breaker {
  readonly state: BreakerState
  /** Why it is not closed. */
  readonly reason: string | undefined
  /** Attempts that failed since it opened. */
  readonly probes: number
  /** It is the environment and not the files: more of them would tell nothing. */
  readonly isCertain: boolean
  /** Whether a file may be started now; where it is open and the time has come, for one file. */
  mayStart(now: number): boolean
  /**
   * An attempt failed, `first` when it was the file's first one ever. True when it counts for nothing, because the
   * breaker is open or opens by it: the file is to be tried again as if it had not been.
   */
  failed(first: boolean, reason: string, now: number): boolean
  /** The environment is broken: opens at once. Where it is not `certain`, a probe that fails asks for other files. */
  trip(reason: string, certain: boolean, now: number): void
  /** An attempt succeeded; true when that closed it. */
  succeeded(): boolean
  /** What was tried says nothing of the environment: the next one may be tried at once. */
  undecided(): void
  /** Forgets all, as at the beginning. */
  reset(): void
}

export const PROBE_EVERY_MS = 10_000

/** Opens after `limit` different files failed in a row; 0 = only by `trip`. */
export function breaker(limit: number): Breaker {
  let state: BreakerState = 'closed'
  let reason: string | undefined
  let retryAt = 0
  let probes = 0
  let row = 0
  let isCertain = false
  const open = (why: string, now: number) => {
    if (state !== 'closed') probes++
    state = 'open'
    reason = why
    retryAt = now + PROBE_EVERY_MS
  }
  const close = () => {
    state = 'closed'
    reason = undefined
    probes = 0
    row = 0
    isCertain = false
  }
  return {
    get state() {
      return state
    },
    get reason() {
      return reason
    },
    get isCertain() {
      return isCertain
    },
    get probes() {
      return probes
    },
    mayStart(now) {
      if (state === 'closed') return true
      if (state === 'probing' || now < retryAt) return false
      state = 'probing'
      return true
    },
    failed(first, why, now) {
      if (state !== 'closed') {
        if (state === 'probing') {
          open(why, now)
          // What opened it did not show again: this may be a broken file.
          isCertain = false
        }
        return true
      }
      if (limit === 0 || !first) return false
      row++
      if (row < limit) return false
      open(`${row} different files failed one after the other, the last one with: ${why}`, now)
      return true
    },
    trip(why, certain, now) {
      const isProbe = state === 'probing'
      // What was running when it opened is no probe.
      if (state === 'open') reason = why
      else open(why, now)
      isCertain = certain || !isProbe
    },
    succeeded() {
      const closes = state !== 'closed'
      close()
      return closes
    },
    undecided() {
      if (state !== 'probing') return
      state = 'open'
      retryAt = Number.NEGATIVE_INFINITY
    },
    reset: close,
  }
}
