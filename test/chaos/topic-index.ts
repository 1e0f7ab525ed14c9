/** Which file each record of a topic belongs to, found without dfsp's own code. */
import { createHash } from 'node:crypto'
import kafka from '@confluentinc/kafka-javascript'
import { decode } from '@msgpack/msgpack'
import { answer, endOffsets } from '../support/topics.ts'

const TIMEOUT_MS = 120_000

export type TopicIndex = {
  /** By partition: the path of each record, at the record's offset. */
  owners: readonly (readonly string[])[]
  /** The number by which a commit record names a file: 40 bits of its digest. */
  hashes: ReadonlyMap<string, number>
}

export async function readTopicIndex(brokers: string, topic: string): Promise<TopicIndex> {
  const ends = await endOffsets(brokers, topic)
  const owners: string[][] = ends.map(() => [])
  const names = new Map<string, string>() // one string per path, however many chunks it has
  const hashes = new Map<string, number>()
  const consumer = new kafka.KafkaConsumer(
    { 'bootstrap.servers': brokers, 'group.id': 'chaos-reader', 'enable.auto.commit': false },
    { 'auto.offset.reset': 'earliest' },
  )
  await answer(done => consumer.connect({ timeout: TIMEOUT_MS }, done))
  try {
    consumer.setDefaultConsumeTimeout(100)
    consumer.assign(ends.map((_, partition) => ({ topic, partition, offset: 0 })))
    let left = ends.reduce((a, b) => a + b, 0)
    const deadline = performance.now() + TIMEOUT_MS
    while (left > 0) {
      if (performance.now() > deadline) throw new Error(`${left} records of ${topic} could not be read`)
      const batch = await answer<kafka.Message[]>(done => consumer.consume(500, done))
      for (const { partition, offset, value } of batch) {
        if (offset >= (ends[partition] as number)) continue
        const { path, id } = fileOf(value as Buffer)
        const known = names.get(path) ?? path
        if (!hashes.has(known)) hashes.set(known, createHash('sha256').update(id).digest().readUIntBE(0, 5))
        names.set(known, known)
        ;(owners[partition] as string[])[offset] = known
        left--
      }
    }
    return { owners, hashes }
  } finally {
    await answer(done => consumer.disconnect(done))
  }
}

function fileOf(value: Buffer): { path: string; id: string } {
  const fields = decode(value) as unknown[]
  const [name, subdir] = [fields[0], fields[6]].map(text)
  const path = subdir === '' ? String(name) : `${subdir}/${name}`
  const sha512 = Buffer.from(fields[1] as Uint8Array).toString('hex')
  return { path, id: `${path}\0${fields[5]}\0${sha512}` }
}

function text(field: unknown): string {
  return typeof field === 'string' ? field : Buffer.from(field as Uint8Array).toString()
}
