import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { OwnFolder } from '../../src/base/held-folder.ts'
import { PAGE_BYTES } from '../../src/core/page-bytes.ts'
import type { Source } from '../../src/core/source.ts'
import { type Arena, arena } from '../../src/files/arena.ts'
import { type Store, store } from '../../src/files/store.ts'

interface Place {
  readonly memory: Arena
  readonly files: Store
  readonly tmpDir: string
}

function place(t: TestContext): Place {
  const tmpDir = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-store-'))
  t.after(() => fs.rmSync(tmpDir, { recursive: true, force: true }))
  const memory = arena(() => {})
  return { memory, files: store(memory, new OwnFolder(tmpDir, tmpDir)), tmpDir }
}

/** The content, as a plugin thread would read it. */
function read(source: Source, memory: Arena): Buffer {
  if (source.kind === 'disk') return fs.readFileSync(source.path).subarray(0, source.size)
  if (source.kind === 'spool')
    return Buffer.concat(
      source.pages.map(page => {
        const bytes = Buffer.alloc(PAGE_BYTES)
        fs.readSync(source.fd, bytes, 0, PAGE_BYTES, page * PAGE_BYTES)
        return bytes
      }),
    ).subarray(0, source.size)
  return Buffer.concat(source.pages.map(page => memory.page(page))).subarray(0, source.size)
}

interface Chunk {
  readonly offset: number
  readonly data: Buffer
}

/** A content cut at `cuts`, its chunks in some order. */
const cutContent = fc
  .record({
    size: fc.integer({ min: 1, max: 3 * PAGE_BYTES }),
    cuts: fc.array(fc.nat({ max: 3 * PAGE_BYTES }), { maxLength: 8 }),
    seed: fc.integer({ min: 1, max: 250 }),
  })
  .chain(({ size, cuts, seed }) => {
    const content = Buffer.from(Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8) * seed) & 0xff))
    const edges = [...new Set([0, ...cuts.filter(cut => cut < size), size])].sort((a, b) => a - b)
    const chunks = edges.slice(1).map((end, i): Chunk => {
      const offset = edges[i] as number
      return { offset, data: content.subarray(offset, end) }
    })
    return fc.record({
      content: fc.constant(content),
      chunks: fc.shuffledSubarray(chunks, { minLength: chunks.length }),
      spillAfter: fc.nat({ max: chunks.length }),
    })
  })

for (const where of ['memory', 'spool', 'disk'] as const)
  test(`chunks written in any order make the content in ${where}`, t => {
    const { memory, files } = place(t)
    fc.assert(
      fc.property(cutContent, ({ content, chunks }) => {
        const file = files.open(where)
        for (const { offset, data } of chunks) file.write(offset, data)
        const source = file.source(content.length)
        assert.equal(source.kind, where)
        assert.ok(read(source, memory).equals(content))
        file.release()
      }),
      { numRuns: 40 },
    )
    assert.equal(files.memoryBytes, 0)
  })

test('fault 62: a file is moved to disk between any two chunks and loses nothing', t => {
  const { memory, files, tmpDir } = place(t)
  fc.assert(
    fc.property(cutContent, ({ content, chunks, spillAfter }) => {
      const file = files.open('memory')
      for (const [i, { offset, data }] of chunks.entries()) {
        if (i === spillAfter) file.spill()
        file.write(offset, data)
      }
      file.spill()
      assert.equal(file.place, 'spool')
      assert.equal(files.memoryBytes, 0)
      assert.ok(read(file.source(content.length), memory).equals(content))
      file.release()
    }),
    { numRuns: 40 },
  )
  assert.equal(fs.statSync(path.join(tmpDir, 'spool')).size, 0)
})

test('a chunk that comes again overwrites what was there', t => {
  const { memory, files } = place(t)
  for (const where of ['memory', 'disk'] as const) {
    const file = files.open(where)
    file.write(0, Buffer.from('good'))
    file.write(4, Buffer.from('BAD!'))
    file.write(4, Buffer.from('fine'))
    assert.equal(read(file.source(8), memory).toString(), 'goodfine')
  }
})

test('fault 36: a file that was handed on as whole takes a good copy of a chunk', t => {
  const { memory, files } = place(t)
  const file = files.open('disk')
  file.write(0, Buffer.from('goodBAD!'))
  file.source(8)
  file.write(4, Buffer.from('fine'))
  assert.equal(read(file.source(8), memory).toString(), 'goodfine')
})

test('memory is counted by pages, and given back', t => {
  const { files } = place(t)
  const [a, b] = [files.open('memory'), files.open('memory')]
  a.write(0, Buffer.alloc(1))
  a.write(10 * PAGE_BYTES, Buffer.alloc(1))
  b.write(0, Buffer.alloc(PAGE_BYTES + 1))
  assert.equal(files.memoryBytes, 4 * PAGE_BYTES)
  a.release()
  assert.equal(files.memoryBytes, 2 * PAGE_BYTES)
  a.release()
  b.release()
  assert.equal(files.memoryBytes, 0)
})

test('fault 43: a hostile byte offset takes no more memory than its data', t => {
  const { files } = place(t)
  const file = files.open('memory')
  file.write(2 ** 44 - 5, Buffer.alloc(5))
  assert.equal(files.memoryBytes, PAGE_BYTES)
})

test('memory that was used before shines through nowhere', t => {
  const { memory, files } = place(t)
  const first = files.open('memory')
  first.write(0, Buffer.alloc(3 * PAGE_BYTES, 0xee))
  first.release()
  const second = files.open('memory')
  second.write(PAGE_BYTES + 7, Buffer.alloc(2 * PAGE_BYTES - 7, 1))
  second.write(0, Buffer.alloc(PAGE_BYTES + 7, 2))
  assert.equal(read(second.source(3 * PAGE_BYTES), memory).includes(0xee), false)
})

test('fault 41: a file of zero bytes is a source of zero bytes in memory and on disk', t => {
  const { memory, files } = place(t)
  for (const where of ['memory', 'disk'] as const) {
    const file = files.open(where)
    file.write(0, Buffer.alloc(0))
    assert.equal(read(file.source(0), memory).length, 0)
    file.release()
  }
})

test('fault 61: hundreds of files assemble on disk at once with few open handles', t => {
  const { memory, files, tmpDir } = place(t)
  const all = Array.from({ length: 600 }, () => files.open('disk'))
  for (let round = 0; round < 3; round++)
    for (const [i, file] of all.entries()) file.write(round * 5, Buffer.from(`${i}`.padStart(5)))
  assert.ok(openHandlesIn(tmpDir) <= 128, `${openHandlesIn(tmpDir)} handles`)
  for (const [i, file] of all.entries())
    assert.equal(read(file.source(15), memory).toString(), `${i}`.padStart(5).repeat(3))
  assert.equal(openHandlesIn(tmpDir), 0)
  for (const file of all) file.release()
  assert.deepEqual(fs.readdirSync(tmpDir), [])
})

test('a temporary file that was renamed away is not missed on release', t => {
  const { files, tmpDir } = place(t)
  const file = files.open('disk')
  file.write(0, Buffer.from('whole'))
  const source = file.source(5) as Extract<Source, { kind: 'disk' }>
  const target = path.join(tmpDir, 'final')
  fs.renameSync(source.path, target)
  file.release()
  assert.equal(fs.readFileSync(target, 'utf8'), 'whole')
})

test('fault 60: an error of the disk reaches the caller with its code', t => {
  const { files, tmpDir } = place(t)
  fs.rmSync(tmpDir, { recursive: true })
  assert.throws(() => files.open('disk').write(0, Buffer.from('x')), { code: 'ENOENT' })
})

test('fault 61: a folder that was removed is made anew by the next probe, and never through a link in its place', t => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-store-'))
  t.after(() => fs.rmSync(root, { recursive: true, force: true }))
  const [own, outside] = [path.join(root, 'out/tmp'), path.join(root, 'outside')]
  for (const each of [path.dirname(own), outside]) fs.mkdirSync(each)
  const memory = arena(() => {})
  const files = store(memory, new OwnFolder(path.dirname(own), own))
  files.open('disk').write(0, Buffer.from('x'))
  fs.rmSync(own, { recursive: true })
  assert.throws(() => files.open('disk').write(0, Buffer.from('x')), { code: 'ENOENT' })
  fs.symlinkSync(outside, own)
  assert.throws(() => files.probe(), /out\/tmp is a symbolic link, which is not followed/)
  fs.unlinkSync(own)
  files.probe()
  const file = files.open('disk')
  file.write(0, Buffer.from('again'))
  assert.equal(read(file.source(5), memory).toString(), 'again')
  assert.deepEqual(fs.readdirSync(outside), [])
})

function openHandlesIn(folder: string): number {
  return fs.readdirSync('/proc/self/fd').filter(fd => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder + path.sep)
    } catch {
      return false // the handle that listed the folder
    }
  }).length
}

test('what is released in the spool is used again, and an empty one takes no disk', t => {
  const { files, memory, tmpDir } = place(t)
  const size = () => fs.statSync(path.join(tmpDir, 'spool')).size
  const [a, b] = [files.open('spool'), files.open('spool')]
  a.write(0, Buffer.alloc(PAGE_BYTES, 'a'))
  b.write(0, Buffer.alloc(PAGE_BYTES, 'b'))
  a.release()
  const c = files.open('memory')
  c.write(0, Buffer.alloc(PAGE_BYTES, 'c'))
  c.spill()
  assert.equal(size(), 2 * PAGE_BYTES)
  assert.ok(read(b.source(PAGE_BYTES), memory).equals(Buffer.alloc(PAGE_BYTES, 'b')))
  assert.ok(read(c.source(PAGE_BYTES), memory).equals(Buffer.alloc(PAGE_BYTES, 'c')))
  b.release()
  c.release()
  assert.equal(size(), 0)
  assert.equal(memory.usedBytes, 0)
})
