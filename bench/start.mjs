// Start-up, each figure a multiple of `node -e 0` beside it; prints a JSON line.
//   node start.mjs BOOTSTRAP TOPIC [--runs 15]
// `ready`: until `dfsp run` says "joining group". Interleaved; the first round is a warm-up.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { args, median } from './lib.mjs'

const o = args()
const [bootstrap, topic] = o._
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-bench-start-'))
fs.writeFileSync(
  path.join(work, 'plot.ts'),
  'export default async function plot(file: { name: string }): Promise<null> {\n  return null\n}\n',
)
fs.writeFileSync(path.join(work, 'plot.mjs'), 'export default () => null\n')
const bin = process.env.DFSP_BIN ?? fileURLToPath(new URL('../bin/dfsp.js', import.meta.url))
let groups = 0

const MEASURED = {
  node: () => elapsed(['-e', '0']),
  version: () => elapsed([bin, '--version']),
  help: () => elapsed([bin, '--help']),
  ready_ts: () => elapsed(run('./plot.ts'), 'joining group'),
  ready_js: () => elapsed(run('./plot.mjs'), 'joining group'),
}
const times = Object.fromEntries(Object.keys(MEASURED).map(name => [name, []]))
for (let i = 0; i <= Number(o.runs ?? 15); i++)
  for (const [name, measure] of Object.entries(MEASURED)) {
    const ms = await measure()
    if (i > 0) times[name].push(ms)
  }
fs.rmSync(work, { recursive: true })
const ms = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, Math.round(median(all))]))
const multiples = Object.entries(times).map(([name, all]) => [
  name,
  +(median(all) / median(times.node)).toFixed(2),
])
console.log(JSON.stringify({ who: 'start', ms, ...Object.fromEntries(multiples) }))

function run(plugin) {
  const names = ['-b', bootstrap, '-t', topic, '-g', `bench-${process.pid}-${groups++}`]
  return [bin, 'run', '-p', plugin, ...names]
}

/** Milliseconds until it ends, or until it says `word`, and is ended then. */
function elapsed(argv, word) {
  return new Promise(resolve => {
    const from = performance.now()
    const child = spawn(process.execPath, argv, { cwd: work, stdio: ['ignore', 'ignore', 'pipe'] })
    let ms
    let said = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      said += text
      if (word === undefined || ms !== undefined || !said.includes(word)) return
      ms = performance.now() - from
      child.kill('SIGKILL')
    })
    child.on('close', () => {
      if (word !== undefined && ms === undefined) throw new Error(`it did not say "${word}": ${said}`)
      resolve(ms ?? performance.now() - from)
    })
  })
}
