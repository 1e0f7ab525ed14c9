import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export type Exit = { code: number | null; signal: NodeJS.Signals | null }

/** A running command that ends with this process at the latest. */
export type Guarded = {
  pid: number
  exited: Promise<Exit>
  /** Sends a signal and waits for the end. */
  stop(signal: NodeJS.Signals): Promise<Exit>
}

type Report = { pid: number } | { error: string } | Exit

/**
 * Starts a command that dies with this process, even if this one is killed.
 *
 * `removeOnDeath`: a folder to remove in that case. `output`: file descriptor for stdout and stderr.
 */
export function startGuarded(
  command: string,
  args: readonly string[],
  { removeOnDeath = '', output }: { removeOnDeath?: string; output: number },
): Promise<Guarded> {
  const guard = fork(fileURLToPath(import.meta.resolve('./guard.mjs')), [removeOnDeath, command, ...args], {
    execArgv: [],
    stdio: ['ignore', output, output, 'ipc'],
  })
  const { promise: exited, resolve: ended } = withResolvers<Exit>()
  return new Promise((resolve, reject) => {
    guard.on('message', (report: Report) => {
      if ('error' in report) reject(new Error(`cannot start ${command}: ${report.error}`))
      else if ('pid' in report) {
        // From here on the process may end while the command runs; the guard sees to the rest.
        guard.unref()
        guard.channel?.unref()
        resolve({
          pid: report.pid,
          exited,
          stop(signal) {
            guard.channel?.ref()
            process.kill(report.pid, signal)
            return exited
          },
        })
      } else ended(report)
    })
    guard.once('error', reject)
  })
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>(done => {
    resolve = done
  })
  return { promise, resolve }
}
