/**
 * What asks to stop: a signal, or that nobody reads stdout any more. The first asks to stop in order; a second SIGINT or
 * SIGTERM ends the process at once. A closing terminal sends SIGHUP more than once, so a further SIGHUP insists on nothing.
 */

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGPIPE'

const NUMBERS: Readonly<Record<StopSignal, number>> = { SIGHUP: 1, SIGINT: 2, SIGPIPE: 13, SIGTERM: 15 }
const HEARD: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGINT', 'SIGTERM']

export const signalNumber = (signal: StopSignal): number => NUMBERS[signal]

const lastActs = new Set<() => void>()
const works = new Set<(signal: StopSignal) => void>()
let hasWorked = false
let isReaderGone = false
let isAsked = false

/** Whether anything has asked this process to stop. */
export const wasAskedToStop = (): boolean => isAsked

/** Calls `stop` at the first signal; returns how to stop listening. */
export function onSignal(stop: (signal: StopSignal) => void): () => void {
  let isStopping = false
  const listener = (signal: NodeJS.Signals) => {
    isAsked = true
    if (!isStopping) {
      isStopping = true
      stop(signal as StopSignal)
      return
    }
    if (signal === 'SIGHUP') return
    // Died of the signal is what a shell and systemd see as 128 + its number.
    for (const name of HEARD) process.removeListener(name, listener)
    for (const act of lastActs) act()
    process.kill(process.pid, signal)
  }
  for (const name of HEARD) process.on(name, listener)
  return () => {
    for (const name of HEARD) process.removeListener(name, listener)
  }
}

/**
 * The same for work that is to be finished in order, whoever reads of it: `stop` is also called, with SIGPIPE, when the
 * reader of stdout goes away or has gone. Only the first reason is told.
 */
export function onStopSignal(stop: (signal: StopSignal) => void): () => void {
  let isStopping = false
  const first = (signal: StopSignal) => {
    if (!isStopping) stop(signal)
    isStopping = true
  }
  willWork()
  works.add(first)
  const end = onSignal(first)
  if (isReaderGone) queueMicrotask(() => works.has(first) && first('SIGPIPE'))
  return () => {
    works.delete(first)
    end()
  }
}

/** A signal that nothing listens to, before the work begins or after it has ended, ends the process at once: it says so. */
export function tellUnheard(tell: (text: string) => void): void {
  for (const name of HEARD) {
    const listener = () => {
      if (process.listenerCount(name) > 1) return
      if (!isAsked) tell(`${name}: stopped at once`)
      process.removeListener(name, listener)
      process.kill(process.pid, name)
    }
    process.on(name, listener)
  }
}

/** Calls `act` when a second signal is about to end the process at once; returns how to forget it. It must not wait. */
export function beforeTheEnd(act: () => void): () => void {
  lastActs.add(act)
  return () => void lastActs.delete(act)
}

/** What was begun is to be finished in order, also before it listens. */
export function willWork(): void {
  hasWorked = true
}

/** Whether there is or was any such work. */
export const hasWork = (): boolean => hasWorked

/** Nobody reads stdout any more: stops what works. False where nothing has worked in this process. */
export function readerGone(): boolean {
  isReaderGone = true
  if (hasWorked) isAsked = true
  for (const stop of works) stop('SIGPIPE')
  return hasWorked
}

/** What a command says when it is asked to stop. */
export function stoppingText(signal: StopSignal): string {
  return signal === 'SIGPIPE'
    ? 'nobody reads stdout any more: finishing what runs, then stopping'
    : `${signal}: finishing what runs, then stopping (again to stop at once)`
}
