// What Node can reach end to end, with no safety at all: consume, decode, copy into a pooled SharedArrayBuffer,
// one SHA-512 per whole file in worker threads. A yardstick for dfsp, not a design.
//   node yardstick.mjs BOOTSTRAP TOPIC [--workers 1] [--n 16] [--hash worker|incremental|none] [-X name=value ...]
// --workers 0 hashes on the main thread; --hash incremental hashes each chunk there as it comes (in-order files only: counts a
// file as done without checking). Clock from the first message to the last verified file. BROKER_PID adds the broker's CPU.
import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { args, cpuOf, now, peakRss, requireFrom } from './lib.mjs'

const o = args(),
  [bootstrap, topic] = o._
const nWorkers = Number(o.workers ?? 1),
  n = Number(o.n ?? 16),
  hash = o.hash ?? 'worker'
const { KafkaConsumer } = requireFrom('@confluentinc/kafka-javascript')
const consumer = new KafkaConsumer(
  { 'bootstrap.servers': bootstrap, 'group.id': `limit-${process.pid}`, 'enable.auto.commit': false, ...o.X },
  { 'auto.offset.reset': 'earliest' },
)
const md = await new Promise((ok, no) => consumer.connect({}, (e, m) => (e ? no(e) : ok(m))))
const parts = md.topics.find(t => t.name === topic).partitions.map(p => p.id)
let total = 0
for (const p of parts)
  total += await new Promise((ok, no) =>
    consumer.queryWatermarkOffsets(topic, p, 5000, (e, w) => (e ? no(e) : ok(w.highOffset - w.lowOffset))),
  )

const workers = await Promise.all(
  Array.from(
    { length: nWorkers },
    () =>
      new Promise(ok => {
        const w = new Worker(
          `const {parentPort:p}=require('worker_threads'),c=require('crypto');
    p.on('message',m=>p.postMessage({id:m.id,ok:c.createHash('sha512').update(Buffer.from(m.sab,0,m.len)).digest('latin1')===m.want}))`,
          { eval: true },
        )
        w.busy = 0
        w.on('message', m => {
          w.busy--
          finish(m.id, m.ok)
        })
        w.once('online', () => ok(w))
      }),
  ),
)
const files = new Map(),
  byId = new Map(),
  pool = new Map()
let ids = 0,
  msgs = 0,
  bytes = 0,
  done = 0,
  bad = 0,
  inFlight = 0,
  peak = 0,
  t0,
  c0,
  b0,
  resolve
const end = new Promise(ok => {
  resolve = ok
})
function finish(id, ok) {
  const f = byId.get(id)
  byId.delete(id)
  if (!ok) bad++
  let list = pool.get(f.sab.byteLength)
  if (!list) {
    list = []
    pool.set(f.sab.byteLength, list)
  }
  list.push(f.sab)
  inFlight -= f.sab.byteLength
  done++
  if (msgs === total && files.size === 0 && byId.size === 0) resolve()
}
function onMessage(b) {
  if (msgs++ === 0) {
    t0 = now()
    c0 = process.cpuUsage()
    b0 = cpuOf(process.env.BROKER_PID)
  }
  let p = 1,
    l = 0
  const bin = () => {
    const t = b[p]
    if (t === 0xc4) {
      l = b[p + 1]
      p += 2
    } else if (t === 0xc5) {
      l = b.readUInt16BE(p + 1)
      p += 3
    } else {
      l = b.readUInt32BE(p + 1)
      p += 5
    }
  }
  const uint = () => {
    const t = b[p++]
    if (t < 128) return t
    if (t === 0xcc) return b[p++]
    if (t === 0xcd) {
      p += 2
      return b.readUInt16BE(p - 2)
    }
    p += 4
    return b.readUInt32BE(p - 4)
  }
  const str = () => {
    const t = b[p++]
    const len = t === 0xd9 ? b[p++] : t & 31
    p += len
    return b.utf8Slice(p - len, p)
  }
  const name = str()
  bin()
  const want = b.latin1Slice(p, p + l)
  p += l
  bin()
  p += l
  const offset = uint()
  uint()
  const n = uint()
  const dir = str()
  str()
  bin()
  const key = `${dir}/${name}`
  let f = files.get(key)
  if (!f) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(4096, n * (offset && n > 1 ? Math.max(l, 16384) : l)))) // guesses the chunk size
    const list = pool.get(size)
    f = {
      id: ids++,
      sab: list?.pop() ?? new SharedArrayBuffer(size),
      got: 0,
      len: 0,
      n,
      want,
      h: hash === 'incremental' ? createHash('sha512') : null,
    }
    f.view = Buffer.from(f.sab)
    files.set(key, f)
    inFlight += size
    if (inFlight > peak) peak = inFlight
  }
  if (f.view.length < offset + l) {
    const bigger = new SharedArrayBuffer(2 ** Math.ceil(Math.log2(Math.max(offset + l, n * l))))
    f.view.copy(Buffer.from(bigger))
    inFlight += bigger.byteLength - f.sab.byteLength
    f.sab = bigger
    f.view = Buffer.from(bigger)
  }
  b.copy(f.view, offset, p, p + l)
  f.got++
  f.len += l
  bytes += l
  f.h?.update(f.view.subarray(offset, offset + l))
  if (f.got === n) {
    files.delete(key)
    byId.set(f.id, f)
    if (hash === 'none' || f.h) {
      f.h?.digest()
      finish(f.id, true)
    } else if (!nWorkers)
      finish(f.id, createHash('sha512').update(f.view.subarray(0, f.len)).digest('latin1') === f.want)
    else {
      const w = workers.reduce((a, x) => (x.busy < a.busy ? x : a))
      w.busy++
      w.postMessage({ id: f.id, sab: f.sab, len: f.len, want: f.want })
    }
  }
}
consumer.setDefaultConsumeTimeout(50)
consumer.assign(parts.map(partition => ({ topic, partition, offset: 0 })))
const next = () =>
  consumer.consume(n, (e, ms) => {
    if (!e) for (const m of ms) onMessage(m.value)
    if (msgs < total) setImmediate(next)
  })
next()
await end
const s = now() - t0,
  c = process.cpuUsage(c0)
console.log(
  JSON.stringify({
    who: 'limit',
    hash,
    workers: nWorkers,
    n,
    X: o.X,
    topic,
    files: done,
    bad,
    msgs,
    s: +s.toFixed(3),
    MBps: Math.round(bytes / 1e6 / s),
    files_per_s: Math.round(done / s),
    cpu_s: +((c.user + c.system) / 1e6).toFixed(2),
    broker_cpu_s: +(cpuOf(process.env.BROKER_PID) - b0).toFixed(2),
    rss_MB: peakRss(),
    peak_inflight_MB: Math.round(peak / 1e6),
  }),
)
process.exit(bad ? 1 : 0)
