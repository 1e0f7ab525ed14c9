// dfsp itself over a filled topic, with a plugin that does nothing; offsets are committed.
//   node dfsp.mjs BOOTSTRAP TOPIC [dfsp flags ...]
// Clock from the moment its partitions are assigned (it says "reading") to the last finished file. Prints a JSON line.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { cpuOf, now, peakRss } from './lib.mjs'

const [bootstrap, topic, ...flags] = process.argv.slice(2)
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-bench-'))
fs.writeFileSync(path.join(work, 'nothing.mjs'), 'export default () => null\n')
const bin = process.env.DFSP_BIN ?? fileURLToPath(new URL('../bin/dfsp.js', import.meta.url))
const args = [
  'run',
  '-p',
  './nothing.mjs',
  '-b',
  bootstrap,
  '-t',
  topic,
  '-g',
  path.basename(work),
  '--until-end',
  '--json',
]
const child = spawn(process.execPath, [bin, ...args, '--stats', '0s', ...flags], {
  cwd: work,
  stdio: ['ignore', 'pipe', 'pipe'],
})
let from,
  last,
  cpuFrom,
  cpuLast,
  rss,
  rest = '',
  files = 0,
  bytes = 0,
  summary,
  errors = ''
child.stderr.setEncoding('utf8').on('data', text => {
  errors += text
  if (from === undefined && text.includes('reading')) [from, cpuFrom] = [now(), cpuOf(child.pid)]
})
const sample = setInterval(() => look(), 50)
function look() {
  try {
    ;[cpuLast, rss] = [cpuOf(child.pid), peakRss(child.pid)]
  } catch {
    // It has just ended.
  }
}
child.stdout.setEncoding('utf8').on('data', text => {
  const lines = (rest + text).split('\n')
  rest = lines.pop()
  for (const line of lines) {
    const event = JSON.parse(line)
    if (event.type === 'summary') summary = event
    if (event.type !== 'file') continue
    files++
    bytes += event.bytes
    last = now()
  }
  look()
})
child.on('close', code => {
  clearInterval(sample)
  fs.rmSync(work, { recursive: true })
  if (code !== 0) {
    console.error(errors)
    process.exit(1)
  }
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
      rss_MB: rss,
    }),
  )
})
