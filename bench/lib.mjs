// Helpers shared by the benchmark scripts.

import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

/** require() from the folder named by BENCH_MODULES (one that holds node_modules), else from the current folder. */
export const requireFrom = createRequire(path.join(path.resolve(process.env.BENCH_MODULES ?? '.'), 'x.js'))

export const now = () => performance.now() / 1000
/** Of an even number of values the mean of the middle two; undefined of none. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length / 2
  const middle = sorted.slice(Math.ceil(half) - 1, Math.floor(half) + 1)
  return middle.length === 2 ? (middle[0] + middle[1]) / 2 : middle[0]
}

/** Seconds of CPU that a process has used so far (Linux), NaN if unknown. */
export function cpuOf(pid) {
  try {
    const f = fs
      .readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return (Number(f[11]) + Number(f[12])) / 100
  } catch {
    return NaN
  }
}

/** Peak resident set of a process in MB (Linux). */
export const peakRss = (pid = process.pid) =>
  Math.round(Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024)

/** --name value pairs and bare words. */
export function args(argv = process.argv.slice(2)) {
  const opts = { _: [], X: {} }
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '-X') {
      const [k, v] = argv[++i].split('=')
      opts.X[k] = v
    } else if (argv[i].startsWith('--')) opts[argv[i].slice(2)] = argv[++i]
    else opts._.push(argv[i])
  }
  return opts
}

const str = s => {
  // msgpack str
  const b = Buffer.from(s)
  return b.length < 32
    ? Buffer.concat([Buffer.from([0xa0 | b.length]), b])
    : Buffer.concat([Buffer.from([0xd9, b.length]), b])
}
const bin = b => {
  // msgpack bin header only
  if (b.length < 256) return Buffer.from([0xc4, b.length])
  const h = Buffer.alloc(b.length < 65536 ? 3 : 5)
  if (h.length === 3) {
    h[0] = 0xc5
    h.writeUInt16BE(b.length, 1)
  } else {
    h[0] = 0xc6
    h.writeUInt32BE(b.length, 1)
  }
  return h
}
const uint = n => {
  // msgpack smallest unsigned
  if (n < 128) return Buffer.from([n])
  if (n < 256) return Buffer.from([0xcc, n])
  const h = Buffer.alloc(n < 65536 ? 3 : n < 2 ** 32 ? 5 : 9)
  if (h.length === 3) {
    h[0] = 0xcd
    h.writeUInt16BE(n, 1)
  } else if (h.length === 5) {
    h[0] = 0xce
    h.writeUInt32BE(n, 1)
  } else {
    h[0] = 0xcf
    h.writeBigUInt64BE(BigInt(n), 1)
  }
  return h
}
/** One chunk message in OpenMSIStream's wire format. */
export function encodeChunk({
  filename,
  fileHash,
  chunkHash,
  offset,
  i,
  n,
  subdir = '',
  append = '',
  data,
  mtime = 1.7e9,
}) {
  const f = Buffer.alloc(9)
  f[0] = 0xcb
  f.writeDoubleBE(mtime, 1)
  return Buffer.concat([
    Buffer.from([0x9a]),
    str(filename),
    bin(fileHash),
    fileHash,
    bin(chunkHash),
    chunkHash,
    uint(offset),
    uint(i),
    uint(n),
    str(subdir),
    str(append),
    bin(data),
    data,
    f,
  ])
}
