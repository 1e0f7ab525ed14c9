/** Work that Ctrl-C ends, also while an answer is waited for that may never come. */
import { exitStatus } from '../run/outcome.ts'
import { onSignal, type StopSignal } from '../run/shutdown.ts'

export interface Stoppable {
  /** Aborted by the first signal that asks the process to stop. */
  readonly signal: AbortSignal
  /** 0, or 128 + n after a signal. */
  readonly exit: number
  /** The answer; rejects once stopped. */
  unlessStopped<T>(answer: Promise<T>): Promise<T>
  /** Stops listening. */
  end(): void
}

/** `listen`: `onStopSignal` where the call stops in order, and keeps its exit status, also when nobody reads stdout any more. */
export function stoppable(listen: (stop: (signal: StopSignal) => void) => () => void = onSignal): Stoppable {
  const stop = new AbortController()
  let exit = 0
  const end = listen(signal => {
    exit = exitStatus({ signal })
    stop.abort(new Error(signal))
  })
  const stopped = new Promise<never>((_, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason as Error))
  })
  stopped.catch(() => {})
  return {
    signal: stop.signal,
    get exit() {
      return exit
    },
    unlessStopped: answer => Promise.race([answer, stopped]),
    end,
  }
}
