/**
 * Programs that a thread waits for: `execFileSync` and the like keep it from being ended until they end. Linux tells
 * which thread started a program; elsewhere none is found.
 */
import fs from 'node:fs'

/** The system's number of the calling thread; undefined where there is none to be had. */
export function systemThread(): number | undefined {
  try {
    return Number(fs.readlinkSync('/proc/thread-self').split('/').at(-1))
  } catch {
    return undefined
  }
}

/** Sends a signal to the programs that a thread of this process has started, and to what these have started. */
export function signalPrograms(thread: number, signal: NodeJS.Signals): void {
  for (const pid of startedBy(`/proc/self/task/${thread}`)) {
    try {
      process.kill(pid, signal)
    } catch {
      // it has just ended
    }
  }
}

function startedBy(task: string): number[] {
  return children(task).flatMap(pid => [...tasks(pid).flatMap(startedBy), pid])
}

function children(task: string): number[] {
  try {
    return fs.readFileSync(`${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function tasks(pid: number): string[] {
  try {
    return fs.readdirSync(`/proc/${pid}/task`).map(tid => `/proc/${pid}/task/${tid}`)
  } catch {
    return []
  }
}
