/** What one call of dfsp costs, seen from outside: CPU, memory, and how long its event loop is held at most. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { startCli } from '../support/cli.ts'

export interface Cost {
  /** Of the whole process, all its threads. */
  readonly cpuSeconds: number
  /** The longest that /livez took to answer; 0 without a port. */
  readonly heldMs: number
  /** The longest that a server without work took meanwhile, for the same question: what the machine itself is late. */
  readonly lateMs: number
  readonly rssBytes: number
  readonly seconds: number
  readonly code: number | null
  readonly stderr: string
}

const EVERY_MS = 20
const TICKS_PER_SECOND = 100
const MOST_MS = 300_000

export async function measured(args: readonly string[], port?: number): Promise<Cost> {
  const started = performance.now()
  const cli = startCli(args, { timeoutMs: MOST_MS })
  const pid = cli.child.pid as number
  let isOver = false
  const ended = cli.done.finally(() => {
    isOver = true
  })
  let cpuSeconds = 0
  let rssBytes = 0
  async function watch(): Promise<void> {
    while (!isOver) {
      try {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
        const [user = 0, system = 0] = stat
          .slice(stat.lastIndexOf(')') + 2)
          .split(' ')
          .slice(11, 13)
          .map(Number)
        cpuSeconds = Math.max(cpuSeconds, (user + system) / TICKS_PER_SECOND)
        const peak = /VmHWM:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0
        rssBytes = Math.max(rssBytes, Number(peak) * 1024)
      } catch {
        // It has ended.
      }
      await delay(EVERY_MS)
    }
  }
  async function longest(on: number): Promise<number> {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    let isUp = false
    let ms = 0
    while (!isOver) {
      const asked = performance.now()
      // Before the first answer it is still starting.
      if (await answers(on, agent)) {
        if (isUp) ms = Math.max(ms, performance.now() - asked)
        isUp = true
      }
      await delay(EVERY_MS)
    }
    agent.destroy()
    return ms
  }
  const [{ code, stderr }, heldMs, lateMs] = await Promise.all([
    ended,
    port === undefined ? 0 : longest(port),
    port === undefined ? 0 : longest(await idlePort()),
    watch(),
  ])
  const seconds = (performance.now() - started) / 1_000
  return { cpuSeconds, heldMs, lateMs, rssBytes, seconds, code, stderr }
}

let idle: Promise<number> | undefined

/** The port of a server in a process of its own that has nothing else to do. */
function idlePort(): Promise<number> {
  idle ??= new Promise(resolve => {
    const program = `const server = require('http').createServer((_, answer) => answer.end('ok'))
      server.listen(0, '127.0.0.1', () => console.log(server.address().port))
      process.stdin.on('end', () => process.exit()).resume()`
    const child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] })
    child.unref()
    for (const pipe of [child.stdin, child.stdout] as unknown as Socket[]) pipe.unref()
    child.stdout.once('data', text => resolve(Number(text)))
  })
  return idle
}

function answers(port: number, agent: http.Agent): Promise<boolean> {
  return new Promise(resolve => {
    http
      .get({ host: '127.0.0.1', port, path: '/livez', agent }, response => {
        response.resume()
        response.once('end', () => resolve(true))
        response.once('error', () => resolve(false))
      })
      .once('error', () => resolve(false))
  })
}
