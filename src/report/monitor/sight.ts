/** Who looks at a run from outside: web server and metrics file, each only where it was asked for. */

import type { HostPort } from '../../core/host-port.ts'
import type { Onlooker } from '../onlooker.ts'
import { openHttp } from './http.ts'
import { metrics } from './metrics.ts'
import { openMetricsFile } from './metrics-file.ts'
import type { RunView } from './run-view.ts'
import { type RunIdentity, SAMPLE_MS, statusBoard } from './status.ts'

export interface SightOptions {
  readonly identity: RunIdentity
  readonly http: HostPort | undefined
  /** Absolute path. */
  readonly metricsFile: string | undefined
  /** How often the file is written; 0 = at the end only. */
  readonly everyMs: number
  onProblem(text: string): void
  onInfo(text: string): void
}

/** Throws a DfspError where the port is taken or the file cannot be written. */
export async function openSight(options: SightOptions): Promise<Onlooker> {
  const { identity, http, metricsFile, everyMs } = options
  const now = () => Date.now()
  const file = metricsFile === undefined ? undefined : openMetricsFile(metricsFile)
  const { topic, group, member } = identity
  const figures = metrics({
    topic,
    group,
    member,
    process: http !== undefined,
    lastSuccess: file?.lastSuccess,
    now,
  })
  const board = statusBoard(identity, now)
  const server = http && (await openHttp(http, { metrics: figures, board }))
  if (server) options.onInfo(`status page: ${server.url}`)
  let view: RunView | undefined
  let writing: Promise<void> = Promise.resolve()

  function write({ isLast = false } = {}): void {
    writing = writing.then(async () => {
      try {
        if (!isLast) await view?.refresh()
        file?.write(await figures.text('own'))
      } catch (error) {
        options.onProblem(`the metrics file cannot be written: ${(error as Error).message}`)
      }
    })
  }

  const timers = [
    ...(server ? [setInterval(board.sample, SAMPLE_MS)] : []),
    ...(file && everyMs > 0 ? [setInterval(() => write(), everyMs)] : []),
  ]
  for (const timer of timers) timer.unref()
  return {
    report(event) {
      figures.report(event)
      board.report(event)
      if (event.type === 'summary' && file) write({ isLast: true })
    },
    attach(given) {
      view = given
      figures.attach(given)
      board.attach(given)
    },
    async close() {
      for (const timer of timers) clearInterval(timer)
      await writing
      await server?.close()
    },
  }
}
