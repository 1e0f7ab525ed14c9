// dfsp itself over a filled topic; offsets are committed.
//   node dfsp.mjs BOOTSTRAP TOPIC [--plugin nothing|works] [dfsp flags ...]
// Clock from the moment its partitions are assigned (it says "reading") to its word of the last finished file.
// BROKER_PID adds the broker's CPU. Prints a JSON line.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { cpuOf, now, peakRss } from './lib.mjs'

const PLUGINS = {
  nothing: 'export default () => null\n',
  works: `export default () => {
  const end = performance.now() + 5
  while (performance.now() < end);
  return null
}
`,
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
  ['--import', preload, bin, ...args, '--until-end', '--json', '--stats', '0s', ...flags],
  { cwd: work, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, BENCH_LOOP_DELAY: delayFile } },
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
// What it says is read at the end: to read it costs time that the two processes do not have.
const said = []
child.stdout.on('data', data => {
  said.push({ at: now(), data })
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
  const { files, bytes, last, summary } = counted()
  const s = last - from
  console.log(
    JSON.stringify({
      who: 'dfsp',
      topic,
      files,
      bad: summary.failed + summary.mismatched,
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
  const all = { files: 0, bytes: 0, last: 0, summary: undefined }
  let part = Buffer.alloc(0)
  for (const { at, data } of said) {
    const text = Buffer.concat([part, data])
    const end = text.lastIndexOf(10) + 1
    part = text.subarray(end)
    for (const line of text.toString('utf8', 0, end).split('\n')) {
      if (line === '') continue
      const event = JSON.parse(line)
      if (event.type === 'summary') all.summary = event
      if (event.type !== 'file') continue
      all.files++
      all.bytes += event.bytes
      all.last = at
    }
  }
  return all
}
