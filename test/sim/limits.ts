/**
 * What a history may take. One that never comes back, or fills the memory, ends its process, and says which it was: a thread
 * of its own looks, since in the one that runs it nothing else would get its turn.
 */
import { Worker } from 'node:worker_threads'

/** Steps of the clock; a thousandth is usual. */
export const MOST_STEPS_AT_ALL = 400_000
/** Processor time, in milliseconds, however busy the machine is. */
const MOST_MS = 60_000
/** Of the whole process. */
const MOST_BYTES = 1.5 * 2 ** 30
const LOOK_EVERY_MS = 500

/** Count of histories that began, and the seed of the one that runs, or NaN. */
const now = new Float64Array(new SharedArrayBuffer(16))

/** As text, so that it begins without a loader. */
const LOOK = `
const { now, mostMs, mostBytes, everyMs } = require('node:worker_threads').workerData
const busyMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 }
let count = 0
let since = 0
setInterval(() => {
  if (now[0] !== count) { count = now[0]; since = busyMs() }
  if (Number.isNaN(now[1])) return
  const ms = busyMs() - since
  const bytes = process.memoryUsage.rss()
  if (ms < mostMs && bytes < mostBytes) return
  const what = ms < mostMs ? Math.round(bytes / 2 ** 20) + ' MB' : Math.round(ms / 1000) + ' s'
  require('node:fs').writeSync(2, 'seed ' + now[1] + ': takes more than it may: ' + what + '\\n')
  process.kill(process.pid, 'SIGKILL')
}, everyMs)
`

let isLookedAt = false

export async function withinLimits<T>(seed: number, history: () => Promise<T>): Promise<T> {
  if (!isLookedAt) look()
  now[1] = seed
  now[0] = (now[0] as number) + 1
  try {
    return await history()
  } finally {
    now[1] = Number.NaN
  }
}

function look(): void {
  isLookedAt = true
  const workerData = { now, mostMs: MOST_MS, mostBytes: MOST_BYTES, everyMs: LOOK_EVERY_MS }
  new Worker(LOOK, { eval: true, workerData, execArgv: [] }).unref()
}
