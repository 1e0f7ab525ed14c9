/** One `dfsp run` of the chaos run: a process whose log is kept in a file. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(import.meta.resolve('../../bin/dfsp.js'))

export type MemberEnd = { code: number | null; signal: NodeJS.Signals | null }

export type Member = {
  pid: number
  log: string
  /** Milliseconds since it began, or how long it lived. */
  age(): number
  readonly ended: MemberEnd | undefined
  /** Resolves when it has ended, with how. */
  readonly exited: Promise<MemberEnd>
  kill(signal: NodeJS.Signals): void
  /** Resolves with the end, or with undefined when there is none within `ms`. */
  end(ms: number): Promise<MemberEnd | undefined>
  /** Resolves to true once its log matches, to false when it ended or `ms` went by before. */
  says(pattern: RegExp, ms: number): Promise<boolean>
}

export function startMember(args: readonly string[], env: NodeJS.ProcessEnv, log: string): Member {
  const output = fs.openSync(log, 'w')
  const child = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: ['ignore', output, output] })
  fs.closeSync(output)
  const began = performance.now()
  let ended: MemberEnd | undefined
  let lived: number | undefined
  const orphan = () => child.kill('SIGKILL')
  process.once('exit', orphan)
  const exited = new Promise<MemberEnd>(resolve => {
    child.once('exit', (code, signal) => {
      process.off('exit', orphan)
      lived = performance.now() - began
      ended = { code, signal }
      resolve(ended)
    })
  })
  return {
    pid: child.pid as number,
    log,
    age: () => Math.round(lived ?? performance.now() - began),
    get ended() {
      return ended
    },
    exited,
    kill: signal => void child.kill(signal),
    end: ms => Promise.race([exited, pause(ms).then(() => undefined)]),
    async says(pattern, ms) {
      const deadline = performance.now() + ms
      for (;;) {
        if (pattern.test(fs.readFileSync(log, 'utf8'))) return true
        if (ended || performance.now() > deadline) return false
        await pause(20)
      }
    },
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
