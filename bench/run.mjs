// `npm run bench`: dfsp beside the yardstick (the same steps without any safety) and OpenMSIStream, on one memory-only
// broker, interleaved. Prints a table of medians with their spread and ratios; writes bench/results.json (ignored by git).
//   npm run bench [-- --quick]
// Needs a C compiler and librdkafka's sources as `npm ci` built them; OpenMSIStream where `npm test` has installed it.
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from './lib.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.dirname(here)
const quick = process.argv.includes('--quick')
const RUNS = quick ? 2 : 5
const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'dfsp-test')
const python = findPython()
const FAST = ['-X', 'fetch.queue.backoff.ms=10']

const ROWS = [
  {
    name: '512 KiB chunks, 1 GB = 100 x 10 MB',
    topic: 'f512k',
    files: 100,
    size: 10_000_000,
    chunk: 524_288,
    n: 8,
    peer: true,
  },
  {
    name: '16 KiB chunks, 100 MB = 10 x 10 MB',
    topic: 'f16k',
    files: 10,
    size: 10_000_000,
    chunk: 16_384,
    n: 256,
    peer: true,
  },
  {
    name: '100 KB files in one chunk, 100 MB',
    topic: 'small',
    files: 1000,
    size: 100_000,
    chunk: 524_288,
    n: 64,
    peer: false,
  },
]

const broker = await startBroker()
const results = []
try {
  for (const row of ROWS) {
    say(`\n${row.name}`)
    script('fill-topic.mjs', row.topic, '--files', row.files, '--size', row.size, '--chunk', row.chunk)
    const contenders = [
      ['yardstick', () => script('yardstick.mjs', row.topic, '--workers', 2, '--n', row.n, ...FAST)],
      ['dfsp', () => script('dfsp.mjs', row.topic)],
    ]
    if (row.peer && python) {
      contenders.push(
        ['OpenMSIStream', () => peer(row, '')],
        ['OpenMSIStream tuned', () => peer(row, 'fetch.queue.backoff.ms = 10')],
      )
    }
    const runs = Object.fromEntries(contenders.map(([who]) => [who, []]))
    for (let i = 0; i <= RUNS; i++) {
      for (const [who, run] of contenders) {
        const result = run()
        if (i > 0) runs[who].push(result) // the first is a warm-up
      }
    }
    results.push({ ...row, runs })
    table(runs)
  }
} finally {
  broker.kill()
}
fs.writeFileSync(path.join(here, 'results.json'), JSON.stringify(results, null, 2))

function table(runs) {
  const rate = who => median(runs[who].map(r => r.MBps))
  const dfsp = rate('dfsp')
  say('                        MB/s   (min-max)       CPU s   peak RSS MB   dfsp is')
  for (const who of Object.keys(runs)) {
    const all = runs[who].map(r => r.MBps)
    const figures = [String(rate(who)).padStart(6), `(${Math.min(...all)}-${Math.max(...all)})`.padEnd(14)]
    figures.push(
      median(runs[who].map(r => r.cpu_s))
        .toFixed(2)
        .padStart(6),
      String(median(runs[who].map(r => r.rss_MB))).padStart(9),
    )
    say(
      `  ${who.padEnd(20)} ${figures.join('  ')}     ${who === 'dfsp' ? '' : `${(dfsp / rate(who)).toFixed(2)} x`}`,
    )
  }
}

function script(name, topic, ...args) {
  const options = { encoding: 'utf8', env: { ...process.env, BENCH_MODULES: root }, maxBuffer: 1 << 26 }
  const out = execFileSync(
    process.execPath,
    [path.join(here, name), broker.address, topic, ...args.map(String)],
    options,
  )
  return JSON.parse(out.trim().split('\n').at(-1))
}

function peer(row, consumer) {
  const out = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-bench-peer-'))
  try {
    const args = [
      path.join(here, 'peer.py'),
      broker.address,
      row.topic,
      row.files,
      2,
      'memory',
      path.join(out, 'o'),
    ]
    const env = { ...process.env, PEER_CONSUMER: consumer }
    const text = execFileSync(python, args.map(String), {
      encoding: 'utf8',
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 26,
    })
    const result = JSON.parse(text.trim().split('\n').at(-1))
    return { ...result, MBps: Math.round((row.files * row.size) / 1e6 / result.s) }
  } finally {
    fs.rmSync(out, { recursive: true })
  }
}

async function startBroker() {
  const sources = path.join(root, 'node_modules/@confluentinc/kafka-javascript/deps/librdkafka')
  const program = path.join(cache, 'memory-broker')
  fs.mkdirSync(cache, { recursive: true })
  const code = path.join(here, 'memory-broker.c')
  if (!fs.existsSync(program) || fs.statSync(program).mtimeMs < fs.statSync(code).mtimeMs) {
    say('compiling the memory-only broker')
    const args = [
      '-O2',
      `-I${sources}`,
      `-I${sources}/src`,
      code,
      `${sources}/src/librdkafka.a`,
      '-o',
      program,
    ]
    execFileSync('cc', [...args, ...'-lm -ldl -lpthread -lrt -lz -lssl -lcrypto'.split(' ')], {
      stdio: 'inherit',
    })
  }
  const child = spawn(program, ['-r', '0', ...ROWS.map(row => `${row.topic}:8`)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  process.on('exit', () => child.kill())
  const address = await new Promise(resolve =>
    child.stdout.setEncoding('utf8').once('data', text => resolve(text.trim())),
  )
  process.env.BROKER_PID = String(child.pid)
  return { address, kill: () => child.kill() }
}

function findPython() {
  const folder = fs.existsSync(cache)
    ? fs.readdirSync(cache).find(name => name.startsWith('openmsistream-'))
    : undefined
  const found = folder && path.join(cache, folder, 'venv/bin/python')
  if (found && fs.existsSync(found)) return found
  say('OpenMSIStream is not installed (npm run setup, then npm test installs it): its rows are left out')
  return undefined
}

function say(text) {
  console.log(text)
}
