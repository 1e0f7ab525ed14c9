/** Signals: the first asks to stop in order, the second ends the process at once. */

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

const SIGNALS: Readonly<Record<StopSignal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }

export const signalNumber = (signal: StopSignal): number => SIGNALS[signal]

/** Calls `stop` at the first signal; returns how to stop listening. */
export function onStopSignal(stop: (signal: StopSignal) => void): () => void {
  const names = Object.keys(SIGNALS) as StopSignal[]
  let stopping = false
  const listener = (signal: NodeJS.Signals) => {
    if (!stopping) {
      stopping = true
      stop(signal as StopSignal)
      return
    }
    // Died of the signal is what a shell and systemd see as 128 + its number.
    for (const name of names) process.removeListener(name, listener)
    process.kill(process.pid, signal)
  }
  for (const name of names) process.on(name, listener)
  return () => {
    for (const name of names) process.removeListener(name, listener)
  }
}
