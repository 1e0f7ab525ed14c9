/** A record batch byte by byte, as no client sends it. https://kafka.apache.org/documentation/#recordbatch */
import { openWire, text } from '../../src/kafka/ask/wire.ts'

const PRODUCE = { api: 0, version: 3 }

/** Sends one batch that says it is compressed with `codec` (0 to 7): the mock cluster takes any. */
export async function produceWithCodec(
  brokers: string,
  topic: string,
  partition: number,
  codec: number,
): Promise<void> {
  const batch = Buffer.concat([int64(0), sized(batchBody(codec))])
  const topics = [int32(1), text(topic), int32(1), int32(partition), sized(batch)]
  const [noTransaction, acks, timeout] = [int16(-1), int16(-1), int32(5_000)]
  const wire = await openWire({ 'bootstrap.servers': brokers })
  await wire.ask(PRODUCE.api, PRODUCE.version, Buffer.concat([noTransaction, acks, timeout, ...topics]))
  wire.close()
}

function batchBody(codec: number): Buffer {
  const now = int64(Date.now())
  const noProducer = [int64(-1), int16(-1), int32(-1)]
  const header = [int32(0), Buffer.of(2), int32(0), int16(codec), int32(0), now, now, ...noProducer, int32(1)]
  return Buffer.concat([...header, Buffer.from('no such compression')])
}

function sized(bytes: Buffer): Buffer {
  return Buffer.concat([int32(bytes.length), bytes])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}
