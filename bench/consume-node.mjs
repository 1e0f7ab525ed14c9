// Raw consume rate in Node: reads a whole topic once and drops the messages.
//   node consume-node.mjs BOOTSTRAP TOPIC [--n 32] [-X name=value ...]
// Clock and CPU time from assign() to the last message. BROKER_PID adds the broker's CPU. Prints a JSON line.
import { args, cpuOf, now, peakRss, requireFrom } from './lib.mjs'

const o = args()
const [bootstrap, topic] = o._
const n = Number(o.n ?? 32)
const { KafkaConsumer } = requireFrom('@confluentinc/kafka-javascript')
const properties = { 'bootstrap.servers': bootstrap, 'group.id': `bench-${process.pid}`, ...o.X }
const consumer = new KafkaConsumer(
  { ...properties, 'enable.auto.commit': false },
  { 'auto.offset.reset': 'earliest' },
)
const metadata = await new Promise((ok, no) => consumer.connect({}, (e, found) => (e ? no(e) : ok(found))))
const partitions = metadata.topics.find(t => t.name === topic).partitions.map(p => p.id)
let total = 0
for (const partition of partitions)
  total += await new Promise((ok, no) =>
    consumer.queryWatermarkOffsets(topic, partition, 5000, (e, w) =>
      e ? no(e) : ok(w.highOffset - w.lowOffset),
    ),
  )
let messages = 0
let bytes = 0
const from = now()
const cpuFrom = process.cpuUsage()
const brokerFrom = cpuOf(process.env.BROKER_PID)
consumer.setDefaultConsumeTimeout(50)
consumer.assign(partitions.map(partition => ({ topic, partition, offset: 0 })))
await new Promise(done => {
  const next = () =>
    consumer.consume(n, (e, some) => {
      if (!e) for (const { value } of some) bytes += value.length
      messages += e ? 0 : some.length
      if (messages < total) next()
      else done()
    })
  next()
})
const s = now() - from
const cpu = process.cpuUsage(cpuFrom)
console.log(
  JSON.stringify({
    who: 'node',
    n,
    topic,
    msgs: messages,
    s: +s.toFixed(3),
    MBps: Math.round(bytes / 1e6 / s),
    cpu_s: +((cpu.user + cpu.system) / 1e6).toFixed(2),
    broker_cpu_s: +(cpuOf(process.env.BROKER_PID) - brokerFrom).toFixed(2),
    rss_MB: peakRss(),
  }),
)
process.exit(0)
