// A steady load on `dfsp run`: does its memory grow? Prints a JSON line.
//   node steady.mjs BOOTSTRAP TOPIC --seconds 3600 --size BYTES --chunk BYTES [--rate 10]     rate in MB/s
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { args, cpuOf, median } from './lib.mjs'
import { startRun } from './long-run.mjs'

const o = args()
const [bootstrap, topic] = o._
const seconds = Number(o.seconds)
const rate = Number(o.rate ?? 10)
const files = Math.round((seconds * rate * 1e6) / Number(o.size))
const run = await startRun(bootstrap, topic)
const cpuFrom = cpuOf(run.pid)
const filler = spawn(
  process.execPath,
  [
    fileURLToPath(new URL('./fill-topic.mjs', import.meta.url)),
    ...[
      bootstrap,
      topic,
      '--files',
      String(files),
      '--size',
      o.size,
      '--chunk',
      o.chunk,
      '--rate',
      String(rate),
    ],
  ],
  { stdio: 'ignore' },
)
const filled = new Promise(resolve => filler.once('close', resolve))
const samples = []
const sample = setInterval(() => samples.push(rssOf(run.pid)), 1000)
await filled
clearInterval(sample)
const cpu = cpuOf(run.pid) - cpuFrom
await run.end()
const summary = run.lines.map(line => JSON.parse(line)).find(({ type }) => type === 'summary')
const around = share => {
  const at = Math.round(share * (samples.length - 1))
  return median(samples.slice(Math.max(0, at - 15), at + 15))
}
// The start: after a tenth of the time pools and caches are full.
const [start, middle, end] = [around(0.1), around(0.5), around(1)]
console.log(
  JSON.stringify({
    who: 'steady',
    s: seconds,
    files: summary.done,
    lost: files - summary.done,
    MBps: +((summary.done * Number(o.size)) / 1e6 / seconds).toFixed(1),
    cpu_s: +cpu.toFixed(1),
    rss_MB: Math.max(...samples),
    rss_start_MB: start,
    rss_middle_MB: middle,
    rss_end_MB: end,
    growth_MB: end - start,
  }),
)

function rssOf(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024)
}
