/**
 * How many tasks a thread may have: one, and where tasks end so fast that the way there and back would count, as many more
 * as are over in a moment. Not one that is slower than it was: what waits for it is taken back.
 */
import type { Thread } from './thread.ts'

export interface TasksAhead {
  /** A task took so long. */
  took(ms: number): void
  /** Further tasks that a thread may be given. */
  free(thread: Thread): number
}

/** Milliseconds of work that a thread is given ahead of time, and the most tasks that may be. */
const AHEAD_MS = 20
const MOST_AHEAD = 32
/** The most tasks that a thread ever has. */
export const MOST_TASKS = MOST_AHEAD + 1
/** A thread that has not answered for so long is slower than it was. */
export const LATE_MS = 50
/** Of the mean time that tasks take, the share of the last one. */
const LAST_SHARE = 1 / 8

export function tasksAhead(): TasksAhead {
  let meanMs = Number.POSITIVE_INFINITY
  return {
    took(ms) {
      meanMs = meanMs === Number.POSITIVE_INFINITY ? ms : meanMs + (ms - meanMs) * LAST_SHARE
    },
    free({ state, version, assigned, heardAt }) {
      if ((state !== 'idle' && state !== 'busy') || version.isOutdated) return 0
      const isLate = assigned.length > 0 && performance.now() - heardAt >= LATE_MS
      const ahead = isLate ? 0 : Math.min(MOST_AHEAD, Math.floor(AHEAD_MS / meanMs))
      return Math.max(0, 1 + ahead - assigned.length)
    },
  }
}
