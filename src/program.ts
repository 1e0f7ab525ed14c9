/** One call of the program: arguments in, errors told, and the process ends with the exit status. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { DfspError } from './base/errors.ts'
import { withoutLogins } from './config/secrets.ts'
import { unendingThreads } from './plugin/host/unending.ts'
import { errorJson, errorText } from './report/error-text.ts'
import { hasWork, readerGone, tellUnheard, wasAskedToStop } from './run/shutdown.ts'

/** Resolves to the exit status. */
async function runProgram(argv: readonly string[]): Promise<number> {
  if (argv[0] === '--version' || argv[0] === '-V') {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    process.stdout.write(`${version}\n`)
    return 0
  }
  try {
    const { runCommandLine } = await import('./cli/parser.ts')
    const { stdout, stderr, env } = process
    return await runCommandLine(argv, { stdout, stderr, env, cwd: workingDirectory() })
  } catch (thrown) {
    const error = outOfFiles(thrown) ?? thrown
    const debug = argv.includes('--debug') || process.env.DFSP_DEBUG === '1'
    if (argv.includes('--json'))
      process.stdout.write(`${withoutLogins(errorJson(error))}
`)
    process.stderr.write(withoutLogins(errorText(error, { debug })))
    return error instanceof DfspError ? error.exitCode : 1
  }
}

/** Modules are loaded when they are needed: any of them may be the file that is one too many. */
function outOfFiles(error: unknown): DfspError | undefined {
  for (const cause of [error, (error as Error | undefined)?.cause]) {
    if (!(cause instanceof Error) || !/\bE[MN]FILE\b/.test(cause.message)) continue
    return new DfspError('E_OPEN_FILES', 'no further file can be opened', {
      facts: [cause.message],
      next: 'ulimit -n 1024, or LimitNOFILE=1024 in a systemd unit',
      cause: error,
    })
  }
  return undefined
}

function workingDirectory(): string {
  try {
    return process.cwd()
  } catch (cause) {
    throw new DfspError('E_NOT_FOUND', 'the working directory does not exist any more', {
      next: 'cd to one that does',
      cause,
    })
  }
}

/** Runs `dfsp ARGV` and ends the process with its status, whatever is still open. */
export async function runAsProcess(argv: readonly string[]): Promise<never> {
  const { stdout, stderr } = process
  let status: number | undefined
  stderr.on('error', () => {}) // a log that cannot be written ends nothing; the console tells it where it can
  stdout.on('error', error => {
    const { code } = error as NodeJS.ErrnoException
    const isUnread = code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED'
    if (isUnread ? readerGone() : hasWork()) return // the work goes on, or stops in order
    // `dfsp ls | head`: whoever reads has enough. Else what was found is lost, and so the command has failed.
    const exit = isUnread || (code === 'EIO' && stdout.isTTY) ? 0 : cannotShow(error)
    if (status === undefined) process.exit(exit)
    status ||= exit
  })
  tellUnheard(text => stderr.write(`${text}\n`))
  letGoOfClosedTerminals()
  status = await runProgram(argv)
  // A client's or thread's open handle must not keep the process; what is in the pipes must get out.
  await flushed(wasAskedToStop() ? STOPPED_FLUSH_MS : undefined)
  if (unendingThreads() > 0) endAtOnce(status)
  return process.exit(status)
}

/**
 * To end, Node waits for its threads, and one of them will not. With `execve` (Node 22.15) another program takes this
 * one's place and ends with the status.
 */
function endAtOnce(status: number): void {
  const { execve } = process as { execve?: (file: string, args: string[]) => void }
  process.removeAllListeners('warning') // that it is experimental
  try {
    execve?.call(process, '/bin/sh', ['sh', '-c', `exit ${status}`])
  } catch {
    // no shell
  }
  writeSync(2, `dfsp: a thread of the plugin cannot be ended: killed instead of ending with ${status}\n`)
  process.kill(process.pid, 'SIGKILL')
}

/** After a stop a reader that stands still is not waited for any longer. */
const STOPPED_FLUSH_MS = 2_000

async function flushed(mostMs: number | undefined): Promise<void> {
  const streams = [process.stdout, process.stderr]
  const all = Promise.all(streams.map(stream => new Promise<void>(done => stream.write('', () => done()))))
  if (mostMs === undefined) await all
  else await Promise.race([all, new Promise(resolve => setTimeout(resolve, mostMs))])
}

/** Says so and returns the exit status. */
function cannotShow(cause: Error): number {
  const error = new DfspError('E_OUTPUT', `stdout cannot be written: ${cause.message}`, { cause })
  process.stderr.write(`dfsp: ${error.message} [${error.code}]\n`)
  return error.exitCode
}

/** Node gives terminals back as they were when it ends, and aborts where one is closed by then. */
function letGoOfClosedTerminals(): void {
  const terminals = [0, 1, 2].filter(isatty)
  process.on('exit', () => {
    for (const fd of terminals.filter(each => !isatty(each)))
      try {
        closeSync(fd)
        openSync('/dev/null', 'r+') // gets the number that is free now
      } catch {
        // it is closed, which is as good
      }
  })
}
