// Fills a topic with files cut into chunks, in OpenMSIStream's format and with its message keys, which scatter
// a file's chunks over all partitions.
//   node fill-topic.mjs BOOTSTRAP TOPIC --files N --size BYTES --chunk BYTES [--open N] [--codec lz4] [--data random|csv] [--subdir a/b] [--rate MB/s] [-X name=value]
// --open N sends the first chunks of N files, then their second ones, ...: so many are in progress at once (1).
// Random data does not compress, csv (numbers as text) about halves; each file differs. Prints {msgs, MB}.
import { createHash, randomFillSync } from 'node:crypto'
import { args, encodeChunk, now, requireFrom } from './lib.mjs'

const o = args()
const [bootstrap, topic] = o._
const files = Number(o.files),
  size = Number(o.size),
  chunk = Number(o.chunk),
  subdir = o.subdir ?? ''
const { Producer } = requireFrom('@confluentinc/kafka-javascript')
const producer = new Producer({
  'bootstrap.servers': bootstrap,
  'batch.size': 2_000_000,
  'linger.ms': 100,
  'message.max.bytes': Math.max(1_000_000, chunk + 10_000),
  'compression.type': o.codec ?? 'lz4',
  'queue.buffering.max.kbytes': 262_144,
  'queue.buffering.max.messages': 1_000_000,
  dr_cb: true,
  ...o.X,
})
const GIB = 2 ** 30 // what one call takes is limited to twice as much
const sha = b => {
  const hash = createHash('sha512')
  for (let at = 0; at < b.length; at += GIB) hash.update(b.subarray(at, at + GIB))
  return hash.digest()
}
let failed = 0,
  sent = 0,
  pending = 0,
  msgs = 0
producer.on('delivery-report', e => {
  pending--
  if (e) failed++
})
producer.setPollInterval(5)
await new Promise((ok, no) => producer.connect({}, e => (e ? no(e) : ok())))
const t0 = now()
const body = Buffer.alloc(size)
for (let at = 0; at < size; at += GIB) randomFillSync(body.subarray(at, at + GIB))
if (o.data === 'csv')
  for (let at = 0; at < size; )
    at +=
      body.write(
        `${(at / 64).toFixed(3)},${Math.random().toFixed(6)},${(Math.random() * 1e4).toFixed(2)}\n`,
        at,
      ) || size
const n = Math.max(1, Math.ceil(size / chunk)),
  hashes = []
async function send(f, i) {
  body.writeUInt32BE(f, 0)
  const filename = `file_${String(f).padStart(6, '0')}.dat`,
    fileHash = hashes[f] ?? sha(body)
  hashes[f] = fileHash
  const offset = (i - 1) * chunk,
    data = body.subarray(offset, Math.min(size, offset + chunk))
  const value = encodeChunk({ filename, fileHash, chunkHash: sha(data), offset, i, n, subdir, data })
  const key = `${subdir.split('/').join('_')}_${filename}_chunk_${i}_of_${n}`
  for (;;) {
    try {
      producer.produce(topic, null, value, key)
      break
    } catch (e) {
      if (e.code !== -184) throw e // -184: the local queue is full
      await new Promise(ok => setTimeout(ok, 5))
    }
  }
  pending++
  msgs++
  if (msgs % 64 === 0) await new Promise(ok => setImmediate(ok))
  sent += data.length
  const early = o.rate === undefined ? 0 : sent / (Number(o.rate) * 1e6) - (now() - t0)
  if (early > 0) await new Promise(ok => setTimeout(ok, early * 1000))
}
const together = Number(o.open ?? 1)
for (let first = 0; first < files; first += together)
  for (let i = 1; i <= n; i++)
    for (let f = first; f < Math.min(files, first + together); f++) await send(f, i)
while (pending > 0) await new Promise(ok => setTimeout(ok, 20))
console.log(
  JSON.stringify({ topic, files, msgs, MB: (files * size) / 1e6, failed, s: +(now() - t0).toFixed(2) }),
)
process.exit(failed ? 1 : 0)
