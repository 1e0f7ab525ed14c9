// CPU of `dfsp run` on an empty topic; prints a JSON line.
//   node idle.mjs BOOTSTRAP TOPIC [--seconds 30]
import { args, cpuOf, peakRss } from './lib.mjs'
import { startRun } from './long-run.mjs'

const o = args()
const [bootstrap, topic] = o._
const seconds = Number(o.seconds ?? 30)
const run = await startRun(bootstrap, topic)
await new Promise(resolve => setTimeout(resolve, 2000)) // all threads are up
const from = cpuOf(run.pid)
const brokerFrom = cpuOf(process.env.BROKER_PID)
await new Promise(resolve => setTimeout(resolve, seconds * 1000))
const percent = s => +((100 * s) / seconds).toFixed(2)
const figures = {
  who: 'idle',
  s: seconds,
  cpu_percent: percent(cpuOf(run.pid) - from),
  broker_percent: percent(cpuOf(process.env.BROKER_PID) - brokerFrom),
  rss_MB: peakRss(run.pid),
}
await run.end()
console.log(JSON.stringify(figures))
