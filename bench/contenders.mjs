// Who is measured: each takes { broker, topic, row, flags, plugin } and resolves to the figures of one run. `missing` says
// why one cannot run here.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { cache, compiled } from './brokers.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.dirname(here)
const FAST = ['-X', 'fetch.queue.backoff.ms=10']

export const CONTENDERS = {
  dfsp: {
    label: 'dfsp',
    run: ({ flags, plugin, ...at }) =>
      script('dfsp.mjs', at, ...(plugin ? ['--plugin', plugin] : []), ...flags),
  },
  yardstick: {
    label: 'yardstick',
    run: at => script('yardstick.mjs', at, '--workers', 2, '--n', at.row.n, ...FAST),
  },
  node: {
    label: 'raw client, Node',
    run: at => script('consume-node.mjs', at, '--n', at.row.n, ...FAST),
  },
  c: {
    label: 'raw client, C',
    missing: () => whyNot(() => compiled('consume.c')),
    run: async at => {
      const text = await output(compiled('consume.c'), [...FAST, at.broker.address, at.topic], at)
      return JSON.parse(text.trim().split('\n').at(-1))
    },
  },
  openmsistream: {
    label: 'OpenMSIStream',
    isPeer: true,
    missing: noPeer,
    run: at => peer(at, ''),
  },
  'openmsistream-tuned': {
    label: 'OpenMSIStream tuned',
    isPeer: true,
    missing: noPeer,
    run: at => peer(at, 'fetch.queue.backoff.ms = 10'),
  },
  'dfsp-upload': {
    label: 'dfsp',
    run: at => script('upload.mjs', at, '--who', 'dfsp', ...dataFlags(at.row)),
  },
  'openmsistream-upload': {
    label: 'OpenMSIStream',
    isPeer: true,
    missing: noPeer,
    run: at => script('upload.mjs', at, '--who', 'openmsistream', '--bin', peerBin(), ...dataFlags(at.row)),
  },
  start: { label: 'dfsp', once: true, run: at => script('start.mjs', at, '--runs', at.quick ? 5 : 15) },
  idle: { label: 'dfsp', once: true, run: at => script('idle.mjs', at, '--seconds', 30) },
  steady: {
    label: 'dfsp',
    once: true,
    run: at =>
      script('steady.mjs', at, '--seconds', at.seconds ?? at.row.seconds, ...dataFlags(at.row).slice(2)),
  },
}

export function fill({ broker, topic, row, limitMs }) {
  const { files, size, chunk, open = 1, content = 'random', codec = 'lz4' } = row.data
  const flags = { files, size, chunk, open, data: content, codec }
  return script(
    'fill-topic.mjs',
    { broker, topic, limitMs },
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
  )
}

/** A run that takes longer than its limit. */
export class TooLong extends Error {}

async function script(name, at, ...args) {
  const text = await output(
    process.execPath,
    [path.join(here, name), at.broker.address, at.topic, ...args.map(String)],
    at,
  )
  return JSON.parse(text.trim().split('\n').at(-1))
}

async function peer({ broker, topic, row, flags, limitMs }, consumer) {
  const out = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-bench-peer-'))
  try {
    const mode = flags[0] ?? 'memory'
    const { files, size } = row.data
    const args = [broker.address, topic, files, 2, mode, path.join(out, 'o'), limitMs / 1000]
    const env = { PEER_CONSUMER: consumer }
    const python = path.join(peerBin(), 'python')
    // It keeps to the limit by itself, and needs a moment to end.
    const text = await output(python, [path.join(here, 'peer.py'), ...args.map(String)], {
      broker,
      limitMs: limitMs + 20_000,
      env,
    })
    const result = JSON.parse(text.trim().split('\n').at(-1))
    if (!result.finished) throw new TooLong()
    return { ...result, MBps: +((files * size) / 1e6 / result.s).toFixed(1) }
  } finally {
    fs.rmSync(out, { recursive: true, force: true })
  }
}

/** What a program prints; it ends with this process at the latest. */
function output(program, args, { broker, limitMs, env = {} }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, BENCH_MODULES: root, BROKER_PID: String(broker.pid), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const kill = () => {
      try {
        process.kill(-child.pid, 'SIGKILL') // with what it has started
      } catch {
        // It has ended.
      }
    }
    process.once('exit', kill)
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      kill()
    }, limitMs)
    const text = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', data => {
      text.out += data
    })
    child.stderr.setEncoding('utf8').on('data', data => {
      text.err = (text.err + data).slice(-4_000)
    })
    child.on('error', reject)
    child.on('close', code => {
      clearTimeout(timer)
      process.removeListener('exit', kill)
      if (isLate) reject(new TooLong())
      else if (code === 0) resolve(text.out)
      else reject(new Error(complaint(text.err) ?? `it ended with ${code}`))
    })
  })
}

function dataFlags({ data: { files, size, chunk } }) {
  return ['--files', files, '--size', size, '--chunk', chunk]
}

function noPeer() {
  return peerBin() === undefined ? 'it is not installed: npm run setup, then npm test does' : undefined
}

function peerBin() {
  const folder = fs.existsSync(cache)
    ? fs.readdirSync(cache).find(name => name.startsWith('openmsistream-'))
    : undefined
  const bin = folder && path.join(cache, folder, 'venv/bin')
  return bin && fs.existsSync(path.join(bin, 'python')) ? bin : undefined
}

function whyNot(attempt) {
  try {
    attempt()
    return undefined
  } catch (error) {
    return error.message
  }
}

/** What a program says of its end, without its stack. */
function complaint(text) {
  const lines = text.trim().split('\n')
  return lines.findLast(line => /^\w*Error\b|^dfsp: /.test(line)) ?? (lines.at(-1) || undefined)
}
