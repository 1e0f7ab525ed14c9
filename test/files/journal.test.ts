import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { journalPath, openJournal } from '../../src/files/journal.ts'
import { claimJournal } from '../../src/files/journal-claim.ts'
import { openOutputDir } from '../../src/files/output-dir.ts'

const HEADER = 16
const RECORD = 20

function newFile(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-journal-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return path.join(folder, 'journal')
}

const keyOf = (name: string | number) =>
  createHash('sha256').update(String(name)).digest().toString('latin1', 0, 16)
const keys = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => keyOf(from + i))

async function append(file: string, added: readonly string[]): Promise<void> {
  const journal = await openJournal(file)
  await Promise.all(added.map(journal.append))
  await journal.close()
}

/** Which of `asked` a process that starts now finds there, as 1 and 0. */
async function found(file: string, asked: readonly string[]): Promise<string> {
  const journal = await openJournal(file)
  await journal.close()
  return asked.map(key => (journal.has(key) ? '1' : '0')).join('')
}

type Write = (
  bytes: Buffer,
  at: number,
  length: number,
  position: number,
) => Promise<{ bytesWritten: number }>

const fileHandle = async (): Promise<FileHandle> => {
  const handle = await open(import.meta.filename)
  await handle.close()
  return Object.getPrototypeOf(handle)
}

test('what was appended is known, at once and to the next process', async t => {
  const file = newFile(t)
  const journal = await openJournal(file)
  assert.equal(journal.has(keyOf(0)), false)
  await journal.append(keyOf(0))
  assert.equal(journal.has(keyOf(0)), true)
  assert.equal(fs.statSync(file).size, HEADER + RECORD)
  await journal.append('\0'.repeat(16))
  await journal.append('\xff'.repeat(16))
  await journal.close()
  assert.equal(await found(file, [keyOf(0), '\0'.repeat(16), '\xff'.repeat(16), keyOf(1)]), '1110')
})

test('appends that come during a write share the next one, and each resolves when its own is on disk', async t => {
  const file = newFile(t)
  const journal = await openJournal(file)
  const { datasync } = await fileHandle()
  const syncs = t.mock.method(await fileHandle(), 'datasync', function (this: FileHandle) {
    return datasync.call(this)
  })
  const order: number[] = []
  await Promise.all(keys(0, 100).map((key, i) => journal.append(key).then(() => order.push(i))))
  assert.equal(syncs.mock.callCount(), 2)
  assert.deepEqual(order, [...order.keys()])
  assert.equal(order.length, 100)
  await journal.close()
  assert.equal(await found(file, keys(0, 100)), '1'.repeat(100))
})

test('fault 9: a journal torn at any length gives what was whole, and is appended to as if nothing had been', async t => {
  const file = newFile(t)
  const first = keys(0, 3)
  await append(file, first)
  const whole = fs.readFileSync(file)
  assert.equal(whole.length, HEADER + 3 * RECORD)
  for (let length = 0; length <= whole.length; length++) {
    fs.writeFileSync(file, whole.subarray(0, length))
    const left = Math.max(0, Math.floor((length - HEADER) / RECORD))
    const expected = '1'.repeat(left) + '0'.repeat(3 - left)
    await append(file, [keyOf('later')])
    assert.equal(
      await found(file, [...first, keyOf('later'), keyOf('other')]),
      `${expected}10`,
      `${length} bytes`,
    )
  }
})

test('fault 9: a tail of zeros or of other bytes is no key', async t => {
  const file = newFile(t)
  await append(file, [keyOf(0)])
  const whole = fs.readFileSync(file)
  for (const tail of [Buffer.alloc(3 * RECORD), Buffer.alloc(3 * RECORD, 0xff), Buffer.alloc(1)]) {
    fs.writeFileSync(file, Buffer.concat([whole, tail]))
    assert.equal(await found(file, [keyOf(0), '\0'.repeat(16), '\xff'.repeat(16)]), '100')
    assert.deepEqual(fs.readFileSync(file), whole)
  }
})

test('fault 9: a damaged record ends what is read, whichever bit of it is wrong', async t => {
  const file = newFile(t)
  await append(file, keys(0, 3))
  const whole = fs.readFileSync(file)
  for (let bit = 0; bit < RECORD * 8; bit++) {
    const damaged = Buffer.from(whole)
    const at = HEADER + RECORD + (bit >> 3)
    damaged[at] = (damaged[at] as number) ^ (1 << (bit & 7))
    fs.writeFileSync(file, damaged)
    assert.equal(await found(file, keys(0, 3)), '100', `bit ${bit}`)
  }
})

test('a cleared journal is empty for the next process, and takes keys again', async t => {
  const file = newFile(t)
  const journal = await openJournal(file)
  await Promise.all(keys(0, 3).map(journal.append))
  journal.clear()
  assert.equal(journal.has(keyOf(0)), false)
  await journal.append(keyOf(3))
  await journal.close()
  assert.equal(fs.statSync(file).size, HEADER + RECORD)
  assert.equal(await found(file, keys(0, 4)), '0001')
  const again = await openJournal(file)
  again.clear()
  await again.close()
  assert.equal(fs.statSync(file).size, HEADER)
})

test('clearing while a key is on its way to the disk loses nothing', async t => {
  const file = newFile(t)
  const journal = await openJournal(file)
  await journal.append(keyOf(0))
  const underWay = journal.append(keyOf(1))
  journal.clear()
  await underWay
  await journal.close()
  assert.equal(await found(file, keys(0, 2)), '11')
})

test('the newest keys are kept, and the file does not grow for ever', async t => {
  const file = newFile(t)
  const journal = await openJournal(file, undefined, 10)
  for (const key of keys(0, 95)) {
    await journal.append(key)
    assert.ok(fs.statSync(file).size <= HEADER + 21 * RECORD)
  }
  assert.equal(keys(80, 95).map(journal.has).lastIndexOf(false), 4)
  await journal.close()
  assert.equal(await found(file, keys(85, 95)), '1'.repeat(10))
  assert.equal(fs.existsSync(`${file}.new`), false)
})

test('fault 60: a full disk fails the append with its code; the next one writes over what is half there', async t => {
  const file = newFile(t)
  const journal = await openJournal(file)
  await journal.append(keyOf(0))
  const prototype = await fileHandle()
  const write: Write = prototype.write
  let room = 30
  const full = t.mock.method(
    prototype,
    'write',
    async function (this: FileHandle, bytes: Buffer, at: number, length: number, position: number) {
      if (room === 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
      const part = Math.min(room, length)
      room -= part
      return write.call(this, bytes, at, part, position)
    },
  )
  const failed = await Promise.allSettled(keys(1, 4).map(journal.append))
  assert.deepEqual(
    failed.map(it => (it.status === 'rejected' ? it.reason.code : it.status)),
    ['fulfilled', 'ENOSPC', 'ENOSPC'],
  )
  assert.equal(journal.has(keyOf(2)), false)
  full.mock.restore()
  await journal.append(keyOf(4))
  await journal.close()
  assert.equal(await found(file, keys(0, 5)), '11001')
})

test('fault 60: a write that the system cuts short leaves a journal that is read up to there', t => {
  const file = newFile(t)
  // A limit of 512 bytes for any file: 24 records, and a half one. Node ignores the signal and gets EFBIG.
  const program = `
    const { openJournal } = await import(${JSON.stringify(import.meta.resolve('../../src/files/journal.ts'))})
    const journal = await openJournal(${JSON.stringify(file)})
    for (let i = 0; ; i++) {
      try {
        await journal.append(String(i).padStart(16))
      } catch ({ code }) {
        console.log(i, code)
        journal.clear()
        await journal.append('after clearing..')
        await journal.close()
        break
      }
      if (i === 23) (await import('node:fs')).copyFileSync(${JSON.stringify(file)}, ${JSON.stringify(`${file}.23`)})
    }`
  const { stdout, stderr } = spawnSync(
    'sh',
    ['-c', 'ulimit -f 1 && exec "$0" --import tsx --input-type=module -e "$1"', process.execPath, program],
    { encoding: 'utf8', env: { ...process.env, TSX_DISABLE_CACHE: '1' } },
  )
  assert.equal(stdout, '24 EFBIG\n', stderr)
  assert.equal(fs.statSync(`${file}.23`).size, HEADER + 24 * RECORD)
  assert.equal(fs.readFileSync(file, 'latin1').slice(HEADER, HEADER + 16), 'after clearing..')
})

/** What `openJournal` says of a file that is none of its own, and what it sets aside. */
async function setAside(file: string): Promise<{ told: string; aside: string }> {
  const told: string[] = []
  const journal = await openJournal(file, text => told.push(text))
  await journal.append(keyOf('later'))
  await journal.close()
  assert.equal(await found(file, [keyOf(0), keyOf('later')]), '01', 'a new one is begun')
  const others = fs.readdirSync(path.dirname(file)).filter(name => name !== path.basename(file))
  assert.equal(others.length, 1, others.join())
  const [aside] = others as [string]
  assert.ok(told.length === 1 && told[0]?.includes(aside), told.join())
  return { told: told[0] as string, aside: path.join(path.dirname(file), aside) }
}

test('what is no journal is set aside whole, with the reason, and a new one is begun', async t => {
  for (const content of ['notes of mine\n', 'dfsp-journal v2\n0123', 'x', '\0'.repeat(99)]) {
    const file = newFile(t)
    fs.writeFileSync(file, content, { mode: 0o600 })
    const { told, aside } = await setAside(file)
    assert.match(told, /it begins with "/)
    assert.equal(fs.readFileSync(aside, 'utf8'), content)
  }
})

test('a journal that others wrote is not believed: by its rights, its owner, a link of either kind', async t => {
  const real = newFile(t)
  await append(real, [keyOf(0)])
  const bytes = fs.readFileSync(real)

  const written = newFile(t)
  fs.writeFileSync(written, bytes, { mode: 0o644 })
  assert.match((await setAside(written)).told, /its rights are 644, not 600/)

  const linked = newFile(t)
  fs.symlinkSync(real, linked)
  assert.match((await setAside(linked)).told, /it is a symbolic link/)

  const second = newFile(t)
  fs.linkSync(real, second)
  assert.match((await setAside(second)).told, /hard link/)
  assert.deepEqual(fs.readFileSync(real), bytes)

  const folder = newFile(t)
  fs.mkdirSync(path.join(folder, 'x'), { recursive: true })
  assert.match((await setAside(folder)).told, /no ordinary file/)

  const pipe = newFile(t)
  spawnSync('mkfifo', [pipe])
  assert.match((await setAside(pipe)).told, /no ordinary file/)

  if (process.getuid?.() !== 0) return
  const owned = newFile(t)
  fs.writeFileSync(owned, bytes, { mode: 0o600 })
  fs.chownSync(owned, 12_345, 12_345)
  assert.match((await setAside(owned)).told, /belongs to user 12345, not 0/)
})

test('a link in the place of the shortened journal is replaced, not written through', async t => {
  const file = newFile(t)
  const victim = `${newFile(t)}-victim`
  fs.writeFileSync(victim, 'mine')
  const journal = await openJournal(file, undefined, 10)
  fs.symlinkSync(victim, `${file}.new`)
  for (const key of keys(0, 30)) await journal.append(key)
  await journal.close()
  assert.equal(fs.readFileSync(victim, 'utf8'), 'mine')
  assert.equal(await found(file, keys(25, 30)), '11111')
})

test('a journal that cannot be opened says where and why', async t => {
  const file = path.join(newFile(t), 'below', 'journal')
  await assert.rejects(openJournal(file), (error: { code: string; message: string; facts: string[] }) => {
    assert.equal(error.code, 'E_OUTPUT')
    assert.ok(error.message.includes(file))
    assert.match(String(error.facts), /ENOENT/)
    return true
  })
})

test('topic and group have a journal of their own in the output folder', () => {
  const paths = [
    ['out', 'topic', 'group'],
    ['out', 'topic', 'other'],
    ['out', 'other', 'group'],
    ['out', 'topicg', 'roup'],
  ].map(([dir, topic, group]) => journalPath(dir as string, topic as string, group as string))
  assert.equal(new Set(paths).size, 4)
  for (const one of paths) assert.match(one, /^out[\\/]\.dfsp-journal-[0-9a-f]{16}$/)
})

test('members of a group that have names have a journal each, and no other one of their topic has theirs', () => {
  const names = [undefined, 'a', 'b'].map(member => journalPath('/out', 'xrd', 'g', member))
  assert.equal(new Set(names).size, 3)
})

test('of two processes without names in one folder the second is refused, until the first is gone', t => {
  const root = path.dirname(newFile(t))
  const [first, second] = [openOutputDir(root), openOutputDir(path.join(root, 'b'))]
  const own = path.join(first.path, '.dfsp-tmp')
  const other = path.join(own, path.basename(second.tmpDir))
  fs.mkdirSync(other)
  const journal = journalPath(root, 'xrd', 'g')
  claimJournal(journal, first.tmpDir)
  assert.throws(() => claimJournal(journal, other), {
    code: 'E_OUTPUT',
    message: `cannot have the journal ${journal} alone`,
    facts: [`process ${path.basename(first.tmpDir)} has it, of the same group and topic`],
    next: /--output-dir of its own, or a --member/,
  })
  // Another group or topic is another journal.
  claimJournal(journalPath(root, 'xrd', 'h'), other)
  first.close()
  claimJournal(journal, other)
  assert.equal(fs.readlinkSync(`${journal}.owner`), path.basename(other))
  second.close()
})

test('what stands in the place of the claim and is none takes the journal from nobody', t => {
  const root = path.dirname(newFile(t))
  const output = openOutputDir(root)
  const journal = journalPath(root, 'xrd', 'g')
  fs.writeFileSync(`${journal}.owner`, 'x')
  claimJournal(journal, output.tmpDir)
  assert.equal(fs.readlinkSync(`${journal}.owner`), path.basename(output.tmpDir))
  output.close()
})
