// dfsp itself over a filled topic; offsets are committed.
//   node dfsp.mjs BOOTSTRAP TOPIC [--plugin nothing|works] [dfsp flags ...]
// As a service runs it: plain log lines. Clock from the moment its partitions are assigned (it says "reading") to the
// return of the plugin's last call.
// BROKER_PID adds the broker's CPU. Prints a JSON line.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { cpuOf, now, peakRss } from './lib.mjs'

/** What each thread says at its end: files, bytes, and when it had the last one. */
const COUNTED = (work = '') => `
let files = 0, bytes = 0, last = 0
export default file => {
  ${work}
  files++
  bytes += file.size
  last = performance.now()
  return null
}
export const teardown = () => console.log('counted', JSON.stringify({ files, bytes, last: performance.timeOrigin + last }))
`
const PLUGINS = {
  nothing: COUNTED(),
  works: COUNTED('for (const end = performance.now() + 5; performance.now() < end; );'),
}
const [bootstrap, topic, ...rest] = process.argv.slice(2)
const [plugin, flags] = rest[0] === '--plugin' ? [rest[1], rest.slice(2)] : ['nothing', rest]
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-bench-'))
fs.writeFileSync(path.join(work, 'plugin.mjs'), PLUGINS[plugin])
const delayFile = path.join(work, 'loop-delay.json')
const bin = process.env.DFSP_BIN ?? fileURLToPath(new URL('../bin/dfsp.js', import.meta.url))
const preload = new URL('./loop-delay.mjs', import.meta.url).href
const args = ['run', '-p', './plugin.mjs', '-b', bootstrap, '-t', topic, '-g', path.basename(work)]
const child = spawn(
  process.execPath,
  ['--import', preload, bin, ...args, '--until-end', '--stats', '0s', ...flags],
  { cwd: work, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, BENCH_LOOP_DELAY: delayFile } },
)
let from, cpuFrom, cpuLast, brokerFrom, brokerLast, rss
let errors = ''
child.stderr.setEncoding('utf8').on('data', text => {
  errors += text
  if (from === undefined && text.includes('reading')) {
    from = now()
    cpuFrom = cpuOf(child.pid)
    brokerFrom = cpuOf(process.env.BROKER_PID)
  }
})
const sample = setInterval(look, 50)
function look() {
  try {
    const seen = peakRss(child.pid)
    cpuLast = cpuOf(child.pid)
    brokerLast = cpuOf(process.env.BROKER_PID)
    rss = seen
  } catch {
    // It has just ended.
  }
}
child.on('close', code => {
  clearInterval(sample)
  const delay = fs.existsSync(delayFile) ? JSON.parse(fs.readFileSync(delayFile, 'utf8')) : undefined
  fs.rmSync(work, { recursive: true })
  if (code !== 0) {
    console.error(errors)
    process.exit(1)
  }
  const { files, bytes, last, bad } = counted()
  const s = last - from
  console.log(
    JSON.stringify({
      who: 'dfsp',
      topic,
      files,
      bad,
      s: +s.toFixed(3),
      MBps: Math.round(bytes / 1e6 / s),
      files_per_s: Math.round(files / s),
      cpu_s: +(cpuLast - cpuFrom).toFixed(2),
      broker_cpu_s: +(brokerLast - brokerFrom).toFixed(2),
      rss_MB: rss,
      ...(delay && { loop_p99_ms: +delay.p99.toFixed(1), loop_max_ms: +delay.max.toFixed(1) }),
    }),
  )
})

function counted() {
  const threads = [...errors.matchAll(/counted (\{.*?\})/g)].map(([, json]) => JSON.parse(json))
  const sum = name => threads.reduce((all, thread) => all + thread[name], 0)
  const [, failed, mismatched] = /failed=(\d+) mismatched=(\d+)/.exec(errors)
  const last = (Math.max(...threads.map(thread => thread.last)) - performance.timeOrigin) / 1000
  return { files: sum('files'), bytes: sum('bytes'), last, bad: Number(failed) + Number(mismatched) }
}
