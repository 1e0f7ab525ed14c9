import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { DfspError } from '../../../src/base/errors.ts'
import { findConfigFile, readConfigFile } from '../../../src/config/file/config-file.ts'

let root = ''
before(() => {
  root = mkdtempSync(join(tmpdir(), 'dfsp-config-'))
})
after(() => rmSync(root, { recursive: true }))

function put(path: string, content: string | Buffer = ''): string {
  const full = join(root, path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, content)
  return full
}

function fails(code: string, expected: RegExp, act: () => unknown): void {
  assert.throws(act, isError(code, expected))
}

function isError(code: string, expected: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof DfspError)
    assert.equal(error.code, code)
    assert.match([error.message, ...error.facts].join('\n'), expected)
    return true
  }
}

test('without a name: the working directory, then the XDG folder, then none', () => {
  const place = { cwd: join(root, 'one'), env: { XDG_CONFIG_HOME: join(root, 'xdg') } }
  assert.equal(findConfigFile(undefined, place), undefined)
  const own = put('xdg/dfsp/dfsp.config')
  assert.equal(findConfigFile(undefined, place), own)
  const near = put('one/dfsp.config')
  assert.equal(findConfigFile(undefined, place), near)
})

test('what stands in a standard place and is no file does not count as absent', () => {
  const place = { cwd: join(root, 'odd'), env: { XDG_CONFIG_HOME: join(root, 'xdg2') } }
  put('xdg2/dfsp/dfsp.config')
  const near = join(root, 'odd/dfsp.config')
  mkdirSync(near, { recursive: true })
  fails('E_CONFIG', /dfsp.config is a folder/, () => findConfigFile(undefined, place))
  rmSync(near, { recursive: true })
  symlinkSync('gone', near)
  fails('E_CONFIG', /dfsp.config is a symbolic link that leads nowhere/, () =>
    findConfigFile(undefined, place),
  )
})

test('a pipe or a device that is named is a config file, a folder of that name is passed over', () => {
  const place = { cwd: join(root, 'named'), env: {} }
  assert.equal(findConfigFile('/dev/null', place), '/dev/null')
  mkdirSync(join(root, 'named/lab'), { recursive: true })
  const lab = put('named/lab.config')
  assert.equal(findConfigFile('lab', place), lab)
})

test("a name is looked for in OpenMSIStream's folder last", () => {
  const theirs = put('theirs/lab.config')
  const place = {
    cwd: join(root, 'two'),
    env: { HOME: join(root, 'home'), OPENMSISTREAM_CONFIG_FILE_DIR: join(root, 'theirs') },
  }
  assert.equal(findConfigFile('lab', place), theirs)
  const own = put('home/.config/dfsp/lab.config')
  assert.equal(findConfigFile('lab', place), own)
})

test('a file that was asked for and is not there is an error that says where it was looked for', () => {
  const place = { cwd: root, env: { HOME: join(root, 'home') } }
  fails('E_NOT_FOUND', /no config file "a\/b.config"\nlooked for a\/b.config$/, () =>
    findConfigFile('a/b.config', place),
  )
})

test('every problem of the text comes with file and line', async () => {
  const path = put('bad/dfsp.config', '[a]\nk = 1\nk = 2\nodd\n')
  const problems = /dfsp.config:3: \[a] k is already in line 2\ndfsp.config:4: neither/
  await assert.rejects(readConfigFile(path, dirname(path)), isError('E_CONFIG', problems))
})

test('a file that is not UTF-8 is refused', async () => {
  const path = put('latin1.config', Buffer.from([0x5b, 0x61, 0x5d, 0xe9]))
  const refused = /latin1.config is not UTF-8 text/
  await assert.rejects(readConfigFile(path, root), isError('E_CONFIG', refused))
})

test('a named pipe is read to its end, once something writes to it', async () => {
  const path = join(root, 'pipe')
  execFileSync('mkfifo', [path])
  const read = readConfigFile(path, root)
  const script = 'exec > "$1"; echo "[dfsp]"; sleep 0.2; echo "topic = xrd"; echo odd'
  const writer = once(spawn('sh', ['-c', script, 'sh', path]), 'close')
  await assert.rejects(read, isError('E_CONFIG', /pipe:3: neither/))
  await writer
})
