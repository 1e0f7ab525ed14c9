import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DfspError } from '../../src/base/errors.ts'
import { decodeChunk } from '../../src/core/chunks/chunk-codec.ts'
import type { FoundFile } from '../../src/files/walk.ts'
import type { AcknowledgedProducer, RecordToSend } from '../../src/kafka/producer.ts'
import type { FileOutcome } from '../../src/report/commands/upload-report.ts'
import { fileSender } from '../../src/upload/file-sender.ts'

const folder = mkdtempSync(join(tmpdir(), 'dfsp-sender-'))
after(() => rmSync(folder, { recursive: true }))

const KIB = 1024
const OPTIONS = { topic: 't', chunkSize: KIB, partitionBy: 'path', subdir: '' } as const

function file(name: string, size: number): FoundFile {
  const path = join(folder, name)
  writeFileSync(path, Buffer.alloc(size, name))
  return { kind: 'file', file: path, shown: name, subdir: '', name }
}

/** A producer that keeps what it is given and answers at once, unless `answer` does so. */
function stand(answer: (record: RecordToSend, n: number) => Promise<void> | undefined = () => undefined) {
  const records: RecordToSend[] = []
  const producer = {
    async send(record: RecordToSend) {
      const offset = records.push(record) - 1
      await answer(record, offset)
      return { partition: record.partition ?? 0, offset }
    },
  } as unknown as AcknowledgedProducer
  return { producer, records }
}

test('all chunks of a file go to the partition of its path, in OpenMSIStream’s form', async () => {
  const { producer, records } = stand()
  const outcomes: FileOutcome[] = []
  const sender = fileSender(producer, [0, 1, 2], { ...OPTIONS, subdir: 'run7' }, o => outcomes.push(o))
  await sender.send(file('a.csv', 2 * KIB + 5))
  await sender.drained()

  assert.deepEqual(
    records.map(r => r.key),
    ['run7_a.csv_chunk_1_of_3', 'run7_a.csv_chunk_2_of_3', 'run7_a.csv_chunk_3_of_3'],
  )
  assert.equal(new Set(records.map(r => r.partition)).size, 1)
  const chunk = decodeChunk(records[2]?.value)
  assert.ok(chunk.kind === 'chunk')
  assert.deepEqual([chunk.offset, chunk.data.length, chunk.subdir], [2 * KIB, 5, 'run7'])
  const [outcome] = outcomes
  assert.ok(outcome?.result === 'ok')
  assert.deepEqual(Object.values(outcome.partitions), [[0, 2]])
})

test('no more than 32 MiB wait for the broker’s answer', async () => {
  const answers: (() => void)[] = []
  const { producer, records } = stand(() => new Promise(resolve => answers.push(resolve)))
  const sender = fileSender(producer, [0], { ...OPTIONS, chunkSize: 1024 * KIB }, () => {})
  const sent = sender.send(file('big.raw', 40 * 1024 * KIB))
  assert.equal(sender.reading, 'big.raw (digest)')
  while (records.length < 31) await new Promise(resolve => setImmediate(resolve))
  assert.equal(sender.reading, 'big.raw')
  for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
  assert.equal(records.length, 31)
  const answering = setInterval(() => answers.splice(0).forEach(answer => void answer()), 1)
  await sent
  await sender.drained()
  clearInterval(answering)
  assert.equal(records.length, 40)
  assert.equal(sender.ackedBytes, 40 * 1024 * KIB)
  assert.equal(sender.reading, undefined)
})

test('a file that is written to while it is sent is reported, and is not whole', async () => {
  const found = file('growing.csv', 5 * KIB)
  const { producer } = stand((_, n) => {
    if (n === 0) appendFileSync(found.file, 'more')
    return undefined
  })
  const outcomes: FileOutcome[] = []
  const sender = fileSender(producer, [0], OPTIONS, o => outcomes.push(o))
  await sender.send(found)
  await sender.drained()
  assert.deepEqual(outcomes, [
    {
      path: 'growing.csv',
      result: 'failed',
      error: 'changed while it was sent; 5 of 5 chunks are on the topic: upload it again',
    },
  ])
})

test('a file that becomes shorter while it is sent is reported', async () => {
  const found = file('cut.csv', 5 * KIB)
  const { producer } = stand((_, n) => {
    if (n === 0) truncateSync(found.file, KIB)
    return undefined
  })
  const outcomes: FileOutcome[] = []
  const sender = fileSender(producer, [0], OPTIONS, o => outcomes.push(o))
  await sender.send(found)
  await sender.drained()
  assert.ok(outcomes[0]?.result === 'failed')
  assert.match(outcomes[0].error, /^became shorter while it was read; [1-4] of 5 chunks/)
})

test('after an answer that is an error nothing more is handed over', async () => {
  const { producer, records } = stand(async (_, n) => {
    if (n === 1) throw new DfspError('E_ACL', 'WRITE on topic t is not allowed')
  })
  const outcomes: FileOutcome[] = []
  const sender = fileSender(producer, [0], OPTIONS, o => outcomes.push(o))
  await sender.send(file('many.csv', 500 * KIB))
  await sender.drained()
  assert.equal(sender.error?.code, 'E_ACL')
  assert.ok(records.length < 500)
  assert.ok(outcomes[0]?.result === 'failed')
  assert.match(outcomes[0].error, /^the broker did not take all of it; \d+ of 500 chunks/)
})

test('a stop ends between two chunks', async () => {
  const { producer, records } = stand((_, n) => {
    if (n === 2) sender.stop()
    return undefined
  })
  const outcomes: FileOutcome[] = []
  const sender = fileSender(producer, [0], OPTIONS, o => outcomes.push(o))
  await sender.send(file('long.csv', 500 * KIB))
  await sender.drained()
  assert.equal(records.length, 3)
  assert.ok(outcomes[0]?.result === 'failed')
  assert.match(outcomes[0].error, /^stopped before its end; 3 of 500 chunks/)
})

test('a name that readers refuse is not sent', async () => {
  const { producer, records } = stand()
  const outcomes: FileOutcome[] = []
  const sender = fileSender(producer, [0], OPTIONS, o => outcomes.push(o))
  await sender.send(file('a\\b.csv', 5))
  assert.equal(records.length, 0)
  assert.ok(outcomes[0]?.result === 'failed')
  assert.match(outcomes[0].error, /contains "\\", which readers refuse/)
})
