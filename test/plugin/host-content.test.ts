/** The bytes of a file on their way to the plugin: verified, ordinary, the plugin's own, on disk where asked for. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { assembly } from '../../src/core/chunks/assembly.ts'
import type { Place } from '../../src/files/store.ts'
import type { FileJob, TaskResult } from '../../src/plugin/messages.ts'
import { placeOnDisk } from '../../src/plugin/worker/content.ts'
import { faultIn, type OpenHost, openHost } from './hosts.ts'

const DONE = { kind: 'done' }
const MTIME = 1_764_000_000.25

function told(messages: readonly string[]): Record<string, unknown> {
  return JSON.parse(messages.at(-1) as string)
}

test('a file is told as it was sent', async t => {
  const { run, messages } = await openHost(t)
  const path = 'beam/7/scan.csv'
  const job = { path, mtime: MTIME, deliveryId: 'd-7', attempt: 3, topic: 'xrd' }
  assert.deepEqual(await run('tell the file', job), DONE)
  assert.deepEqual(told(messages()), {
    path,
    name: 'scan.csv',
    subdir: 'beam/7',
    size: 13,
    sha512: createHash('sha512').update('tell the file').digest('hex'),
    mtime: '2025-11-24T16:00:00.250Z',
    topic: 'xrd',
    deliveryId: 'd-7',
    attempt: 3,
    final: false,
  })
})

test('a file at the root has no sub-directory, an unknown time is null', async t => {
  const { run, messages } = await openHost(t)
  await run('tell the file', { path: 'scan.csv' })
  const { name, subdir, mtime } = told(messages())
  assert.deepEqual({ name, subdir, mtime }, { name: 'scan.csv', subdir: '', mtime: null })
})

for (const place of ['memory', 'spool', 'disk'] as const)
  test(`content in ${place} is an ordinary Buffer that fetch and WebCrypto take`, async t => {
    const { host, job, messages } = await openHost(t)
    // Over two segments of shared memory, and not a whole number of pages.
    const content = Buffer.concat([Buffer.from('tell the content\n'), randomBytes(20_000_001)])
    const sha512 = createHash('sha512').update(content).digest('hex')
    assert.deepEqual(await host.run({ kind: 'process', file: job(content, {}, place) }), DONE)
    assert.deepEqual(told(messages()), {
      isBuffer: true,
      isShared: false,
      isSame: true,
      length: content.length,
      sha512,
      response: content.length,
      webcrypto: sha512,
      stream: true,
      latin1: content.length,
    })
  })

test('fault 41: a file of zero bytes is processed, also as the very first', async t => {
  for (const mode of ['memory', 'both', 'disk'] as const) {
    const { host, job, outputDir } = await openHost(t)
    const diskPath = mode === 'memory' ? null : path.join(outputDir, 'empty')
    const file = job('', { diskPath }, mode === 'disk' ? 'disk' : 'memory')
    assert.deepEqual(await host.run({ kind: 'process', file }), DONE, mode)
    if (diskPath) assert.equal(fs.statSync(diskPath).size, 0)
  }
})

test('fault 56: what an attempt does to its bytes is not seen by the next one', async t => {
  for (const place of ['memory', 'spool', 'disk'] as const) {
    const { host, job } = await openHost(t)
    const file = job('wipe the bytes, then fail', {}, place)
    for (let attempt = 1; attempt <= 3; attempt++) {
      assert.equal(faultIn(await host.run({ kind: 'process', file: { ...file, attempt } })).message, 'wiped')
    }
  }
})

test('fault 56: bytes first asked for after the call are refused, for their memory is used again', async t => {
  const { run } = await openHost(t)
  assert.deepEqual(await run('any', { path: 'kept' }), DONE)
  assert.match(faultIn(await run('look at the kept file')).message, /after the plugin had returned/)
})

test('fault 56: a stream that is read on after the call ends with an error', async t => {
  const { run } = await openHost(t)
  const content = `stream a little\n${'a'.repeat(3_000_000)}`
  assert.deepEqual(await run(content, { path: 'long' }), DONE)
  assert.match(
    faultIn(await run('stream the rest')).message,
    /content of long was asked for after the plugin had returned/,
  )
})

test('fault 37: a content with another SHA-512 is not given to the plugin', async t => {
  for (const place of ['memory', 'spool', 'disk'] as const) {
    const { host, job, messages, outputDir } = await openHost(t)
    const diskPath = path.join(outputDir, 'result')
    const file = job('null', { sha512: '0'.repeat(128), diskPath }, place)
    assert.deepEqual(await host.run({ kind: 'process', file }), {
      kind: 'mismatch',
      actual: createHash('sha512').update('null').digest('hex'),
    })
    assert.deepEqual(messages(), ['setup'])
    assert.equal(fs.existsSync(diskPath), false)
  }
})

test('fault 36: after a mismatch the bad chunks are named, and onMismatch is told', async t => {
  for (const place of ['memory', 'spool', 'disk'] as const) {
    const { host, job, messages } = await openHost(t)
    const parts = ['aaaa', 'bbb', 'XXXX', 'd', 'YY'].map(part => Buffer.from(part))
    const right = ['aaaa', 'bbb', 'cccc', 'd', 'ee'].map(part => Buffer.from(part))
    let offset = 0
    const placed = right.map((data, i) => {
      const chunk = { index: i + 1, offset, data, chunkHash: createHash('sha512').update(data).digest() }
      offset += data.length
      return chunk
    })
    const table = assembly(right.length)
    for (const chunk of placed.reverse()) table.place(chunk)
    const file = job(Buffer.concat(parts), { sha512: createHash('sha512').update('?').digest('hex') }, place)
    const result = await host.run({ kind: 'examine', file, actual: 'abc', chunks: table.chunks() })
    assert.deepEqual(result, { kind: 'examined', badChunks: [3, 5] })
    const info = JSON.parse((messages().at(-1) as string).replace('onMismatch ', ''))
    assert.deepEqual(info, {
      path: 'a/scan.csv',
      topic: 'xrd',
      size: 14,
      expectedSha512: createHash('sha512').update('?').digest('hex'),
      actualSha512: 'abc',
      badChunks: [3, 5],
    })
  }
})

test('fault 36: the bad chunks of a file that no Buffer can hold are named', async t => {
  const { host, job } = await openHost(t)
  const file = job('good', {}, 'disk')
  const size = 5 * 2 ** 30
  assert.ok(file.source.kind === 'disk')
  fs.truncateSync(file.source.path, size) // sparse: it takes no room
  const data = Buffer.from('good')
  const chunkHash = createHash('sha512').update(data).digest()
  const table = assembly(2)
  table.place({ index: 1, offset: 0, data, chunkHash })
  table.place({ index: 2, offset: size - 4, data, chunkHash })
  const chunks = table.chunks()
  const source = { ...file.source, size }
  assert.deepEqual(await host.run({ kind: 'examine', file: { ...file, source }, actual: '', chunks }), {
    kind: 'examined',
    badChunks: [2],
  })
})

test('onUndecodable is told where the record is and how it begins', async t => {
  const { host, messages } = await openHost(t)
  const record = { topic: 'xrd', partition: 1, offset: 88, reason: 'r', size: 4, head: Buffer.from('junk') }
  assert.deepEqual(await host.run({ kind: 'onUndecodable', record }), DONE)
  assert.equal(messages().at(-1), 'onUndecodable xrd[1]@88 junk')
})

// ---- on disk

/** Runs a file that is to stand on disk at `name`. */
async function onDisk(
  open: OpenHost,
  content: string,
  name: string,
  place: Place = 'disk',
  job: Partial<FileJob> = {},
): Promise<TaskResult> {
  const file = open.job(content, { diskPath: path.join(open.outputDir, name), mtime: MTIME, ...job }, place)
  return await open.host.run({ kind: 'process', file })
}

for (const place of ['memory', 'spool', 'disk'] as const)
  test(`from ${place} the verified file stands whole on disk before the plugin is called, with its time`, async t => {
    const open = await openHost(t)
    assert.deepEqual(await onDisk(open, 'tell the file on disk', 'a/b/scan.csv', place), DONE)
    assert.deepEqual(told(open.messages()), {
      content: 'tell the file on disk',
      mtimeMs: MTIME * 1_000,
      size: 21,
    })
    assert.deepEqual(fs.readdirSync(path.join(open.outputDir, 'a/b')), ['scan.csv'])
    assert.deepEqual(leftOver(open), [])
  })

test('a file that was moved from memory to disk has its own length there, not that of its pages', async t => {
  const open = await openHost(t)
  const text = 'tell the file on disk'
  const stored = open.store.open('memory')
  stored.write(0, Buffer.from(text))
  stored.spill()
  const diskPath = path.join(open.outputDir, 'f')
  const file = open.job(text, { diskPath, source: stored.source(text.length) })
  assert.deepEqual(await open.host.run({ kind: 'process', file }), DONE)
  assert.equal(told(open.messages()).content, text)
})

test('a retry finds the file that the attempt before has put in its place', async t => {
  const open = await openHost(t)
  const file = open.job('fail at first, on disk', { diskPath: path.join(open.outputDir, 'f') }, 'disk')
  assert.equal((await open.host.run({ kind: 'process', file })).kind, 'failed')
  assert.deepEqual(await open.host.run({ kind: 'process', file: { ...file, attempt: 2 } }), DONE)
})

test('a newer content takes the place of an older one under the same path', async t => {
  const open = await openHost(t)
  await onDisk(open, 'null', 'f')
  await onDisk(open, 'null later', 'f')
  assert.equal(fs.readFileSync(path.join(open.outputDir, 'f'), 'utf8'), 'null later')
})

test('fault 56: a file that the plugin has deleted is there again for the retry where memory has it', async t => {
  const open = await openHost(t)
  const file = open.job('delete the file on disk, then fail', { diskPath: path.join(open.outputDir, 'f') })
  for (let attempt = 1; attempt <= 2; attempt++) {
    assert.equal(
      faultIn(await open.host.run({ kind: 'process', file: { ...file, attempt } })).message,
      'deleted',
    )
  }
})

test('fault 56: a file that the plugin has deleted in disk mode fails by itself alone', async t => {
  const open = await openHost(t)
  const file = open.job(
    'delete the file on disk, then fail',
    { diskPath: path.join(open.outputDir, 'f') },
    'disk',
  )
  assert.equal((await open.host.run({ kind: 'process', file })).kind, 'failed')
  const again = await open.host.run({ kind: 'process', file: { ...file, attempt: 2 } })
  assert.ok(again.kind === 'io-error', JSON.stringify(again))
  assert.equal(again.code, 'ENOENT')
  assert.deepEqual(await onDisk(open, 'null', 'g'), DONE)
})

test('fault 45: a symbolic link in the output folder leads nothing out of it', async t => {
  const open = await openHost(t)
  const outside = outsideFolder(t)
  fs.symlinkSync(outside, path.join(open.outputDir, 'link'))
  for (const place of ['memory', 'spool', 'disk'] as const) {
    const result = await onDisk(open, 'null', 'link/deep/f', place)
    assert.ok(result.kind === 'io-error', JSON.stringify(result))
    assert.match(result.message, /symbolic link that leads out/)
  }
  assert.deepEqual(fs.readdirSync(outside), [])
})

test('fault 45: a symbolic link in the place of a file is replaced, not followed', async t => {
  const open = await openHost(t)
  const victim = path.join(outsideFolder(t), 'victim')
  fs.writeFileSync(victim, 'mine')
  fs.symlinkSync(victim, path.join(open.outputDir, 'f'))
  for (const place of ['memory', 'spool', 'disk'] as const) {
    assert.deepEqual(await onDisk(open, 'null', 'f', place), DONE)
    assert.equal(fs.readFileSync(victim, 'utf8'), 'mine')
  }
})

test('a symbolic link that stays inside is followed', async t => {
  const open = await openHost(t)
  fs.mkdirSync(path.join(open.outputDir, 'real'))
  fs.symlinkSync('real', path.join(open.outputDir, 'link'))
  assert.deepEqual(await onDisk(open, 'null', 'link/f'), DONE)
  assert.equal(fs.readFileSync(path.join(open.outputDir, 'real/f'), 'utf8'), 'null')
  fs.mkdirSync(path.join(open.outputDir, 'deep/er'), { recursive: true })
  fs.symlinkSync('../deep/er', path.join(open.outputDir, 'real/second'))
  fs.symlinkSync('link/second', path.join(open.outputDir, 'third'))
  assert.deepEqual(await onDisk(open, 'null', 'link/second/new/g'), DONE)
  assert.deepEqual(await onDisk(open, 'null', 'third/new/h'), DONE)
  assert.deepEqual(fs.readdirSync(path.join(open.outputDir, 'deep/er/new')).sort(), ['g', 'h'])
})

test("a symbolic link that leads to dfsp's own files inside is not followed", async t => {
  const open = await openHost(t)
  fs.mkdirSync(path.join(open.outputDir, 'LOGS'))
  fs.symlinkSync('LOGS', path.join(open.outputDir, 'logs'))
  fs.symlinkSync('.', path.join(open.outputDir, 'top'))
  for (const at of ['logs/f', 'logs/deep/f', 'top/LOGS/f', 'top/.dfsp-journal-0']) {
    const result = await onDisk(open, 'null', at)
    assert.ok(result.kind === 'io-error' && result.code === '', JSON.stringify(result))
    assert.match(result.message, /kept for dfsp's own files/)
  }
  assert.ok(!fs.existsSync(path.join(open.outputDir, 'LOGS/f')))
  assert.ok(!fs.existsSync(path.join(open.outputDir, '.dfsp-journal-0')))
})

for (const how of ['a link', 'nothing', 'another folder'])
  test(`where ${how} takes the place of its folder while a file is written, nothing is written there`, t => {
    const [root, outside] = [outsideFolder(t), outsideFolder(t)]
    fs.mkdirSync(path.join(root, 'a/b'), { recursive: true })
    fs.writeFileSync(path.join(outside, 'f'), 'mine')
    const eachRun = (_: unknown, use: (run: Buffer) => void) => {
      use(Buffer.from('x'))
      fs.renameSync(path.join(root, 'a/b'), path.join(root, 'away'))
      if (how === 'a link') fs.symlinkSync(outside, path.join(root, 'a/b'))
      if (how === 'another folder') fs.mkdirSync(path.join(root, 'a/b'))
    }
    const file = {
      source: { kind: 'memory', pages: [0], size: 1 },
      diskPath: path.join(root, 'a/b/f'),
      mtime: 0,
    } as const
    assert.throws(
      () => placeOnDisk(file, { eachRun }, root, path.join(root, '.tmp')),
      /a\/b was moved or replaced while something was written into it/,
    )
    assert.equal(fs.readFileSync(path.join(outside, 'f'), 'utf8'), 'mine')
    assert.deepEqual(fs.readdirSync(path.join(root, 'away')), [])
  })

test('fault 61: where the file cannot be put, the error of the disk is the answer, not a failure of the plugin', async t => {
  const open = await openHost(t)
  fs.mkdirSync(path.join(open.outputDir, 'a/b'), { recursive: true })
  for (const place of ['memory', 'spool', 'disk'] as const) {
    const result = await onDisk(open, 'null', 'a', place)
    assert.ok(result.kind === 'io-error', JSON.stringify(result))
    assert.match(result.code, /EISDIR|ENOTEMPTY|EEXIST/)
  }
})

function outsideFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-outside-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Names in the folder for temporary files. */
function leftOver(open: OpenHost): string[] {
  return fs.readdirSync(path.join(open.outputDir, '.tmp')).filter(name => name !== 'spool')
}
