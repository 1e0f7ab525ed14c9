/** What a walk through folders makes of names and of what is no file. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type Found, findFiles, findRoots, isOrdinary } from '../../src/files/walk.ts'

const onlyLinux = process.platform !== 'linux' && 'other systems take no such names'

function folder(t: TestContext): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-walk-'))
  t.after(() => fs.rmSync(made, { recursive: true, force: true }))
  return made
}

async function walked(root: string, wanted: (path: string) => boolean = isOrdinary): Promise<Found[]> {
  return all(findFiles(findRoots(['.'], root), wanted))
}

async function all(files: AsyncIterable<Found>): Promise<Found[]> {
  const found: Found[] = []
  for await (const each of files) found.push(each)
  return found
}

const told = (found: readonly Found[]) =>
  found.map(each => (each.kind === 'file' ? each.shown : `${each.shown} ${each.reason}`))

function write(root: string, ...names: readonly (string | Buffer)[]): void {
  for (const name of names) fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name)]), 'x')
}

test('a name that is not UTF-8 is refused, of a folder each file below it; what is not wanted is not told', {
  skip: onlyLinux,
}, async t => {
  const root = folder(t)
  const latin = Buffer.from('dir\xe4', 'latin1')
  const inside = Buffer.concat([Buffer.from(`${root}/`), latin])
  fs.mkdirSync(Buffer.concat([inside, Buffer.from('/deep')]), { recursive: true })
  write(
    root,
    'good',
    'größe',
    'real \ufffd',
    Buffer.from('bad\xff.dat', 'latin1'),
    Buffer.from('.hidden\xff', 'latin1'),
    Buffer.from('x\xff.log', 'latin1'),
    Buffer.from([0xed, 0xa0, 0x80]), // half of a surrogate pair
    Buffer.concat([latin, Buffer.from('/deep/a')]),
    Buffer.concat([latin, Buffer.from('/.b')]),
  )
  const rename = 'which no record can carry: rename'
  assert.deepEqual(told(await walked(root)).sort(), [
    `\\xed\\xa0\\x80 has a name that is not UTF-8, ${rename} it`,
    `bad\\xff.dat has a name that is not UTF-8, ${rename} it`,
    `dir\\xe4/deep/a lies in a folder with a name that is not UTF-8, ${rename} that`,
    'good',
    'größe',
    'real \ufffd',
  ])
})

test('whatever the bytes of their names, each file is found under its name or refused, once', {
  skip: onlyLinux,
}, async () => {
  const part = fc
    .uint8Array({ minLength: 1, maxLength: 6 })
    .map(bytes =>
      Buffer.from(bytes.map(byte => (byte === 0 || byte === 0x2f || byte === 0x2e ? 0x61 : byte))),
    )
  const names = fc.uniqueArray(fc.oneof(part, fc.constantFrom(Buffer.from('a'), Buffer.from('é'))), {
    maxLength: 5,
    selector: name => name.toString('hex'),
  })
  await fc.assert(
    fc.asyncProperty(names, names, async (folders, files) => {
      const root = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-walk-'))
      try {
        let count = 0
        for (const one of folders) {
          fs.mkdirSync(Buffer.concat([Buffer.from(`${root}/`), one]))
          for (const file of files) {
            write(root, Buffer.concat([one, Buffer.from('/'), file]))
            count++
          }
        }
        const found = await walked(root, () => true)
        assert.equal(found.length, count)
        for (const each of found)
          if (each.kind === 'file') assert.equal(fs.readFileSync(each.file, 'utf8'), 'x')
        const good = (name: Buffer) => Buffer.from(name.toString()).equals(name)
        assert.equal(
          found.filter(({ kind }) => kind === 'file').length,
          folders.filter(good).length * files.filter(good).length,
        )
      } finally {
        fs.rmSync(root, { recursive: true })
      }
    }),
    { numRuns: 100 },
  )
})

test('links to folders, pipes, sockets and devices are left out and told; links that lead nowhere are refused', async t => {
  const root = folder(t)
  fs.mkdirSync(path.join(root, 'sub'))
  write(root, 'a')
  fs.symlinkSync('a', path.join(root, 'link'))
  fs.symlinkSync('sub', path.join(root, 'to folder'))
  fs.symlinkSync('nowhere', path.join(root, 'dangling'))
  fs.symlinkSync('loop', path.join(root, 'loop'))
  fs.symlinkSync('/dev/null', path.join(root, 'to device'))
  spawnSync('mkfifo', [path.join(root, 'pipe')])
  const found = await walked(root)
  assert.deepEqual(told(found), [
    'a',
    'dangling does not exist',
    'link',
    'loop ELOOP: too many symbolic links encountered',
    'pipe is a pipe',
    'to device is a link to no file',
    'to folder is a link to a folder',
  ])
  assert.deepEqual(
    found.map(({ kind }) => kind),
    ['file', 'refused', 'file', 'refused', 'no-file', 'no-file', 'no-file'],
  )
})

test('an argument that is not UTF-8 is refused by itself, one that does not exist ends all', async t => {
  const root = folder(t)
  write(root, 'a')
  const roots = findRoots(['a', 'bad\ufffd'], root)
  assert.deepEqual(told(await all(findFiles(roots, isOrdinary))), [
    'a',
    'bad\ufffd has a name that is not UTF-8, which no record can carry: rename it',
  ])
  assert.throws(() => findRoots(['a', 'b'], root), { code: 'E_NOT_FOUND' })
})
