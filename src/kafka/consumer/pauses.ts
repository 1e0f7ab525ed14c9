/**
 * Pauses in reading. What is paused in the client loses what it has prefetched and comes back up to a second late, so
 * a short pause only asks for nothing; the client hears of one that lasts, and must still be polled: a member that does
 * not poll is taken for dead.
 */

export interface Pauses {
  /** Nothing is wanted. */
  readonly isPaused: boolean
  /** The client has paused all partitions. */
  readonly isStopped: boolean
  pause(): void
  /** A pause that is to last: the client pauses at once and is still polled, which brings in its answers to commits. */
  pauseForGood(): void
  resume(): void
  /** Resolves when the pause is over or the client has paused; undefined: at once. */
  wait(): Promise<void> | undefined
  /** Ends a wait. */
  release(): void
}

export interface PausesDeps {
  /** Pauses the client. */
  stop(): void
  /** Resumes it. */
  start(): void
  after(ms: number, then: () => void): () => void
}

const SHORT_MS = 500

export function pauses(deps: PausesDeps): Pauses {
  let isPaused = false
  let isStopped = false
  let wake = () => {}
  function stop(): void {
    if (!isStopped) deps.stop()
    isStopped = true
  }
  return {
    get isPaused() {
      return isPaused
    },
    get isStopped() {
      return isStopped
    },
    pause() {
      isPaused = true
    },
    pauseForGood() {
      isPaused = true
      stop()
      wake()
    },
    resume() {
      isPaused = false
      wake()
      if (isStopped) deps.start()
      isStopped = false
    },
    wait() {
      if (!isPaused || isStopped) return
      return new Promise(resolve => {
        const cancel = deps.after(SHORT_MS, () => {
          stop()
          resolve()
        })
        wake = () => {
          cancel()
          resolve()
        }
      })
    },
    release: () => wake(),
  }
}
