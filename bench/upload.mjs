// Uploads a folder with dfsp or OpenMSIStream; prints a JSON line.
//   node upload.mjs BOOTSTRAP TOPIC --who dfsp|openmsistream --files N --size BYTES --chunk BYTES [--bin FOLDER]
// Clock from the start of the first record to the last one, as the topic's end offsets show them: the same for both, and
// without the start of either program.
import { spawn } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { args, cpuOf, now, peakRss, requireFrom } from './lib.mjs'

const o = args()
const [bootstrap, topic] = o._
const files = Number(o.files)
const size = Number(o.size)
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-bench-up-'))
const folder = path.join(work, 'data')
fs.mkdirSync(folder)
const body = randomFillSync(Buffer.alloc(size))
for (let i = 0; i < files; i++) {
  body.writeUInt32BE(i, 0)
  fs.writeFileSync(path.join(folder, `file_${String(i).padStart(6, '0')}.dat`), body)
}
const expected = files * Math.ceil(size / Number(o.chunk))

const { KafkaConsumer } = requireFrom('@confluentinc/kafka-javascript')
const watcher = new KafkaConsumer({ 'bootstrap.servers': bootstrap, 'group.id': 'bench-watch' }, {})
const metadata = await new Promise((ok, no) => watcher.connect({}, (e, m) => (e ? no(e) : ok(m))))
const partitions = metadata.topics.find(t => t.name === topic).partitions.map(p => p.id)
const before = await records()

const child = o.who === 'dfsp' ? startDfsp() : startPeer()
const ended = new Promise(resolve => child.on('close', resolve))
let over = false
void ended.then(() => {
  over = true
})
let from, cpuFrom, brokerFrom, first, cpu, rss
for (let seen = 0; seen < expected && !over; ) {
  await new Promise(resolve => setTimeout(resolve, 10))
  seen = (await records()) - before
  if (seen > 0 && from === undefined) {
    from = now()
    first = seen
    cpuFrom = cpuOf(child.pid)
    brokerFrom = cpuOf(process.env.BROKER_PID)
  }
  look()
}
const s = now() - from
const brokerCpu = cpuOf(process.env.BROKER_PID) - brokerFrom
if (o.who !== 'dfsp') child.stdin.write('q\n')
await ended
fs.rmSync(work, { recursive: true })
// What was there at the first look came before the clock.
const share = (expected - first) / expected
console.log(
  JSON.stringify({
    who: o.who,
    topic,
    files,
    s: +s.toFixed(3),
    MBps: +((share * files * size) / 1e6 / s).toFixed(1),
    files_per_s: Math.round((share * files) / s),
    cpu_s: +((cpu - cpuFrom) / share).toFixed(2),
    broker_cpu_s: +(brokerCpu / share).toFixed(2),
    rss_MB: rss,
  }),
)
process.exit(0)

function look() {
  try {
    const peak = peakRss(child.pid)
    ;[cpu, rss] = [cpuOf(child.pid), peak]
  } catch {
    // It has just ended.
  }
}

async function records() {
  const ends = await Promise.all(
    partitions.map(
      p =>
        new Promise((ok, no) =>
          watcher.queryWatermarkOffsets(topic, p, 5000, (e, w) => (e ? no(e) : ok(w.highOffset))),
        ),
    ),
  )
  return ends.reduce((sum, end) => sum + end, 0)
}

function startDfsp() {
  const bin = process.env.DFSP_BIN ?? fileURLToPath(new URL('../bin/dfsp.js', import.meta.url))
  const flags = ['upload', folder, '-b', bootstrap, '-t', topic, '--chunk-size', `${o.chunk}B`]
  return spawn(process.execPath, [bin, ...flags, '--partition-by', 'key', '-q'], { stdio: 'ignore' })
}

function startPeer() {
  const config = path.join(work, 'peer.config')
  fs.writeFileSync(
    config,
    `[broker]
bootstrap.servers = ${bootstrap}

[producer]
batch.size = 2000000
linger.ms = 100
compression.type = lz4
key.serializer = StringSerializer
value.serializer = DataFileChunkSerializer
`,
  )
  const flags = ['--config', config, '--topic_name', topic, '--chunk_size', o.chunk]
  return spawn(
    path.join(o.bin, 'DataFileUploadDirectory'),
    [folder, ...flags, '--upload_existing', '--update_seconds', '-1'],
    { stdio: ['pipe', 'ignore', 'ignore'] },
  )
}
