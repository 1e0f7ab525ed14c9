import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openSource, ShorterError } from '../../src/files/source-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'dfsp-source-'))
after(() => rmSync(folder, { recursive: true }))

const MIB = 1024 * 1024

function made(name: string, content: Buffer): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}

for (const size of [0, 1, MIB, MIB + 1, 5 * MIB + 7]) {
  test(`the digest of ${size} bytes is that of the content`, async () => {
    const content = randomBytes(size)
    const source = await openSource(made('digest', content))
    assert.deepEqual(await source.sha512(), createHash('sha512').update(content).digest())
    assert.equal(source.size, size)
    await source.close()
  })
}

test('a piece is read wherever it lies', async () => {
  const content = randomBytes(1000)
  const source = await openSource(made('pieces', content))
  assert.deepEqual(Buffer.from(await source.read(990, 10)), content.subarray(990))
  assert.deepEqual(Buffer.from(await source.read(0, 3)), content.subarray(0, 3))
  await source.close()
})

test('the time is in seconds, as Python tells it', async () => {
  const file = made('time', Buffer.from('x'))
  utimesSync(file, 1_700_000_000.25, 1_700_000_000.25)
  const source = await openSource(file)
  assert.equal(source.mtime, 1_700_000_000.25)
  await source.close()
})

test('a file that was written to has changed', async () => {
  const file = made('growing', Buffer.from('x'))
  const source = await openSource(file)
  assert.equal(await source.changed(), false)
  appendFileSync(file, 'y')
  assert.equal(await source.changed(), true)
  await source.close()
})

test('reading beyond the new end of a file that was cut is an error', async () => {
  const file = made('cut', randomBytes(3 * MIB))
  const source = await openSource(file)
  truncateSync(file, MIB)
  await assert.rejects(source.sha512(), ShorterError)
  await assert.rejects(source.read(MIB, 10), ShorterError)
  await source.close()
})

test('a digest can be given up', async () => {
  const source = await openSource(made('stopped', randomBytes(3 * MIB)))
  await assert.rejects(source.sha512(AbortSignal.abort(new Error('stopped'))), /^Error: stopped$/)
  await source.close()
})
