/** Runs the program as a user does: `bin/dfsp.js` in a process of its own, on the built `dist/`. */

import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const PROGRAM = fileURLToPath(import.meta.resolve('../../bin/dfsp.js'))
/** The last bound of a program that hangs: a machine under load takes ten times as long as a quiet one. */
const TIMEOUT_MS = 180_000

/** The variables of this process that could change what dfsp does are not passed on. */
export const CLEAN = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(DFSP_|NODE_OPTIONS$|NODE_TEST_|OPENMSISTREAM_)/.test(name),
  ),
)

export type CliOptions = {
  cwd?: string
  /** Added to this process's environment; undefined removes a variable. */
  env?: Readonly<Record<string, string | undefined>>
  /** Written to stdin, which is then closed. Without it stdin is empty. */
  stdin?: string
  /** Kills the program and fails, showing its output. */
  timeoutMs?: number
  /** Another program, such as an installed dfsp. */
  program?: string
}

export type CliResult = { code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }

export type Cli = {
  child: ChildProcess
  /** Output so far. */
  stdout(): string
  stderr(): string
  /** Resolves when stdout or stderr matches; rejects with the output when the program ends or time is up first. */
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>
  kill(signal?: NodeJS.Signals): void
  /** The end of the program. */
  done: Promise<CliResult>
}

/** Starts `dfsp ARGS`. */
export function startCli(args: readonly string[], options: CliOptions = {}): Cli {
  const { cwd, env = {}, stdin, timeoutMs = TIMEOUT_MS, program = PROGRAM } = options
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...CLEAN, ...env },
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text
      child.emit('output')
    })
  // A program that ends without reading its stdin is no fault of the test.
  child.stdin?.on('error', () => {})
  child.stdin?.end(stdin)

  let closed = false
  child.once('close', () => {
    closed = true
  })
  const shown = () => `dfsp ${args.join(' ')}\n--- stdout\n${output.stdout}\n--- stderr\n${output.stderr}`
  const done = new Promise<CliResult>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`still running after ${timeoutMs} ms, killed: ${shown()}`))
    }, timeoutMs)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, ...output })
    })
  })
  // Whoever waits for `done` hears of it; a test that only waits for a pattern must not die of it.
  done.catch(() => {})
  // A test that failed half way leaves no process behind.
  const onExit = () => child.kill('SIGKILL')
  process.once('exit', onExit)
  child.once('close', () => process.removeListener('exit', onExit))

  return {
    child,
    done,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    kill(signal = 'SIGTERM') {
      child.kill(signal)
    },
    waitFor(pattern, patience = timeoutMs) {
      return new Promise((resolve, reject) => {
        const settle = () => {
          clearTimeout(timer)
          child.off('output', look).off('close', ended)
        }
        const look = () => {
          const match = pattern.exec(output.stdout) ?? pattern.exec(output.stderr)
          if (!match) return
          settle()
          resolve(match)
        }
        const ended = () => {
          settle()
          reject(new Error(`ended without ${pattern}: ${shown()}`))
        }
        const timer = setTimeout(() => {
          settle()
          reject(new Error(`no ${pattern} after ${patience} ms: ${shown()}`))
        }, patience)
        child.on('output', look).once('close', ended)
        look()
        if (closed) ended()
      })
    },
  }
}

/** Runs `dfsp ARGS` to its end. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).done
}
