import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import {
  download,
  noOpenMSIStream,
  uploadDataFile,
  uploadFolder,
  watchAndUpload,
} from '../support/openmsistream.ts'
import { createTopic, endOffsets } from '../support/topics.ts'

const skip = noBroker || noOpenMSIStream
const files = new Map([
  ['a.csv', Buffer.from('1,2\n')],
  ['sub/Größe.bin', Buffer.alloc(5000, 'x')],
])

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dfsp-peer-'))
  for (const [path, content] of files) {
    await mkdir(join(folder, 'in', path, '..'), { recursive: true })
    await writeFile(join(folder, 'in', path), content)
  }
})
after(() => rm(folder, { recursive: true }))

test('what OpenMSIStream uploads by library, program and watch comes back through it', { skip }, async () => {
  const topic = uniqueName('peer')
  await createTopic(broker, topic, 3)
  const target = { brokers: broker, topic, chunkSize: 1024 }
  const total = async () => (await endOffsets(broker, topic)).reduce((a, b) => a + b)

  assert.deepEqual(await uploadFolder(join(folder, 'in'), target), { files: 2, chunks: 6 })
  assert.equal(await total(), 6)
  await watchAndUpload(join(folder, 'in'), target)
  assert.equal(await total(), 12)
  await uploadDataFile(join(folder, 'in', 'a.csv'), target)
  assert.equal(await total(), 13)

  await download(target, join(folder, 'out'), files)
  assert.deepEqual(await readFile(join(folder, 'out', 'a.csv')), files.get('a.csv'))
})
