import { fork } from 'node:child_process'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

export type Exit = { code: number | null; signal: NodeJS.Signals | null }

/** A running command that ends with this process at the latest. */
export type Guarded = {
  /** Of the command; it leads a process group of its own. */
  pid: number
  /** The command's stdin, with `input: true`. */
  input: Writable | null
  exited: Promise<Exit>
  /** Waits for the end, for which this process stays alive. */
  join(): Promise<Exit>
  /** Sends a signal to the command and waits for the end. */
  stop(signal: NodeJS.Signals): Promise<Exit>
}

export type GuardOptions = {
  /** File descriptor for stdout and stderr, or this process's own. */
  output: number | 'inherit'
  input?: boolean
  env?: NodeJS.ProcessEnv
  /** A folder to remove if this process dies first. */
  removeOnDeath?: string
}

type Report = { pid: number } | { error: string } | Exit

/** Starts a command that dies with this process, even if this one is killed. */
export function startGuarded(
  command: string,
  args: readonly string[],
  { output, input = false, env = process.env, removeOnDeath = '' }: GuardOptions,
): Promise<Guarded> {
  const guard = fork(fileURLToPath(import.meta.resolve('./guard.mjs')), [removeOnDeath, command, ...args], {
    env,
    execArgv: [],
    // Out of this process's group: whoever kills the group must not kill the guard.
    detached: true,
    stdio: [input ? 'pipe' : 'ignore', output, output, 'ipc'],
  })
  return new Promise((resolve, reject) => {
    let ended: (exit: Exit) => void
    const exited = new Promise<Exit>(done => {
      ended = done
    })
    function join(): Promise<Exit> {
      guard.channel?.ref()
      return exited
    }
    guard.on('message', (report: Report) => {
      if ('error' in report) reject(new Error(`cannot start ${command}: ${report.error}`))
      else if ('pid' in report) {
        const { pid } = report
        // From here on this process may end while the command runs; the guard sees to the rest.
        guard.unref()
        guard.channel?.unref()
        resolve({
          pid,
          input: guard.stdin,
          exited,
          join,
          stop(signal) {
            process.kill(pid, signal)
            return join()
          },
        })
      } else ended(report)
    })
    guard.once('error', reject)
  })
}
