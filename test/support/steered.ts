/** The test's side of test/fixtures/steered.mjs. */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve as resolvePath } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Cli, type CliResult, startCli } from './cli.ts'

const PLUGIN = fileURLToPath(import.meta.resolve('../fixtures/steered.mjs'))

export type Order = 'fail' | 'wait' | 'ok'

export type Place = {
  /** The output folder, below `folder` where it is a name: another one is another host. */
  out?: string
  /** DFSP_FAULT: see src/base/fault-point.ts. */
  fault?: string
  env?: Readonly<Record<string, string>>
  timeoutMs?: number
  command?: 'run' | 'retry' | 'replay'
}

export type Steered = {
  folder: string
  order(orders: Readonly<Record<string, Order>>): void
  /** Paths in the order in which the plugin was called, or returned null, since the last `forget`. */
  started(): string[]
  ended(): string[]
  /** Delivery ids by path, in order of the calls. */
  deliveries(path: string): string[]
  /** The attempt that the plugin was told, by path, in order of the calls. */
  attempts(path: string): number[]
  forget(): void
  /** Resolves when `path` was started (or ended). */
  until(what: 'start' | 'end', path: string): Promise<void>
  start(args: readonly string[], place?: Place): Cli
  run(args: readonly string[], place?: Place): Promise<CliResult>
  end(): void
}

export function steered(): Steered {
  const folder = fs.mkdtempSync(join(tmpdir(), 'dfsp-steered-'))
  const ran = join(folder, 'ran')
  const lines = (what: string) =>
    fs
      .readFileSync(ran, 'utf8')
      .split('\n')
      .filter(line => line.startsWith(`${what} `))
      .map(line => line.split(' ').slice(1) as [string, string, string?])
  const order = (orders: Readonly<Record<string, Order>>) => {
    // Renamed into place: the plugin never reads half of it.
    fs.writeFileSync(join(folder, 'orders.new'), JSON.stringify(orders))
    fs.renameSync(join(folder, 'orders.new'), join(folder, 'orders.json'))
  }
  const forget = () => fs.writeFileSync(ran, '')
  const start = (
    args: readonly string[],
    { out = 'out', fault, env, timeoutMs, command = 'run' }: Place = {},
  ) =>
    startCli([command, '-p', PLUGIN, '-o', resolvePath(folder, out), ...args], {
      cwd: folder,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      env: { ...env, STEER: folder, DFSP_FAULT: fault },
    })
  order({})
  forget()
  return {
    folder,
    order,
    forget,
    started: () => lines('start').map(([path]) => path),
    ended: () => lines('end').map(([path]) => path),
    deliveries: path =>
      lines('start')
        .filter(([p]) => p === path)
        .map(([, id]) => id),
    attempts: path =>
      lines('start')
        .filter(([p]) => p === path)
        .map(([, , attempt]) => Number(attempt)),
    until: (what, path) =>
      new Promise(resolve => {
        const look = () => {
          if (!lines(what).some(([p]) => p === path)) return
          watcher.close()
          clearInterval(poll)
          resolve()
        }
        const watcher = fs.watch(ran, look)
        const poll = setInterval(look, 200) // inotify may be used up
        look()
      }),
    start,
    run: (args, place) => start(args, place).done,
    end: () => fs.rmSync(folder, { recursive: true, force: true }),
  }
}
