import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { DfspError } from '../../src/errors.ts'
import { makeOutputDir, openOutputDir } from '../../src/files/output-dir.ts'

function folder(t: TestContext): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-out-'))
  t.after(() => fs.rmSync(made, { recursive: true, force: true }))
  return made
}

/** The process id of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid
}

test('the folder and one for temporary files are made, the latter inside and removed at the end', t => {
  const root = path.join(folder(t), 'a', 'b')
  const output = openOutputDir(root)
  assert.equal(output.path, root)
  assert.ok(output.tmpDir.startsWith(root + path.sep))
  assert.ok(fs.statSync(output.tmpDir).isDirectory())
  fs.writeFileSync(path.join(output.tmpDir, 'left over'), 'x')
  fs.writeFileSync(path.join(root, 'result'), 'x')
  output.close()
  assert.deepEqual(fs.readdirSync(root), ['result'])
})

test('fault 8: temporary files of a dead process are removed at start, those of a living one are not', t => {
  const root = folder(t)
  const tmpRoot = path.dirname(openOutputDir(root).tmpDir)
  const dead = `${os.hostname()}-${deadPid()}`
  const others = [`${os.hostname()}-${process.ppid}`, 'another-host-1', `${os.hostname()}-x`]
  for (const name of [dead, ...others]) {
    fs.mkdirSync(path.join(tmpRoot, name))
    fs.writeFileSync(path.join(tmpRoot, name, 'file-1'), 'half')
  }
  const output = openOutputDir(root)
  assert.ok(output.removedStale.includes(dead))
  for (const name of others) assert.ok(!output.removedStale.includes(name))
  assert.deepEqual(fs.readdirSync(tmpRoot).sort(), [path.basename(output.tmpDir), ...others].sort())
  output.close()
  assert.deepEqual(fs.readdirSync(tmpRoot).sort(), others.sort())
})

test('what an earlier process with the same id left behind is removed', t => {
  const root = folder(t)
  const first = openOutputDir(root)
  fs.writeFileSync(path.join(first.tmpDir, 'file-1'), 'half')
  const second = openOutputDir(root)
  assert.deepEqual(second.removedStale, [path.basename(first.tmpDir)])
  assert.deepEqual(fs.readdirSync(second.tmpDir), [])
})

test('fault 61: a folder that cannot be made is an error that names it and says what to do', t => {
  const file = path.join(folder(t), 'file')
  fs.writeFileSync(file, '')
  fs.chmodSync(file, 0o700)
  for (const wanted of [file, path.join(file, 'below', 'it')])
    for (const open of [openOutputDir, makeOutputDir]) assertUnwritable(() => open(wanted), wanted, file)
})

function assertUnwritable(open: () => unknown, wanted: string, file: string): void {
  assert.throws(open, (error: DfspError) => {
    assert.ok(error instanceof DfspError)
    assert.equal(error.code, 'E_OUTPUT')
    assert.equal(error.exitCode, 73)
    assert.equal(error.message, `cannot write to the output directory ${wanted}`)
    assert.deepEqual(error.facts, [`${file} is not a directory`])
    assert.match(error.next ?? '', /--output-dir/)
    return true
  })
}

test('fault 61: a place that takes no folders is the same error, at once', t => {
  if (process.platform !== 'linux') return t.skip('needs /proc')
  assert.throws(() => openOutputDir('/proc/nowhere/out'), { code: 'E_OUTPUT' })
})

test('fault 61: a folder without the right to write is the same error', t => {
  if (process.getuid?.() === 0) return t.skip('root may write anywhere')
  const root = folder(t)
  fs.chmodSync(root, 0o500)
  assert.throws(() => openOutputDir(root), { code: 'E_OUTPUT' })
})
