import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { DfspError } from '../../src/base/errors.ts'
import { makeOutputDir, openOutputDir } from '../../src/files/output-dir.ts'
import { until } from '../support/until.ts'

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

/** Named as by a process of another container of this host. */
const elsewhere = (pid: number) => `${os.hostname()}-${pid}-00000000-0123abcd`

test('fault 8: what a process of another container left is removed once nothing has touched it for minutes', t => {
  const root = folder(t)
  const tmpRoot = path.dirname(openOutputDir(root).tmpDir)
  const [old, young] = [elsewhere(deadPid()), elsewhere(process.pid)]
  for (const name of [old, young]) fs.mkdirSync(path.join(tmpRoot, name))
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)
  fs.utimesSync(path.join(tmpRoot, old), minutesAgo(3), minutesAgo(3))
  fs.utimesSync(path.join(tmpRoot, young), minutesAgo(1), minutesAgo(1))
  const { removedStale } = openOutputDir(root)
  assert.ok(removedStale.includes(old))
  assert.ok(!removedStale.includes(young))
})

test('the folder for temporary files is touched for as long as its process lives', async t => {
  const output = openOutputDir(folder(t), 10)
  const before = fs.statSync(output.tmpDir).mtimeMs
  await until(() => fs.statSync(output.tmpDir).mtimeMs > before)
  output.close()
})

const noSpaces =
  spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0
    ? false
    : 'this user may make no space of process ids'

test('fault 8: two containers of one host name and process id leave each other’s temporary files alone', {
  skip: noSpaces,
}, async t => {
  const root = folder(t)
  const program = `
    import { openOutputDir } from ${JSON.stringify(import.meta.resolve('../../src/files/output-dir.ts'))}
    import { writeFileSync } from 'node:fs'
    const output = openOutputDir(${JSON.stringify(root)})
    writeFileSync(output.tmpDir + '/mine', '')
    console.log(process.pid, output.tmpDir, output.removedStale.length)
    process.stdin.resume().on('end', () => output.close())`
  const args = [
    '--pid',
    '--fork',
    '--mount-proc',
    process.execPath,
    '--import',
    'tsx',
    '--input-type=module',
    '-e',
    program,
  ]
  const begin = async () => {
    const child = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const [pid, tmpDir = '', removed] = String(line).trim().split(' ')
    return { child, pid, tmpDir, removed }
  }
  const one = await begin()
  const other = await begin()
  assert.deepEqual([one.pid, other.pid, one.removed, other.removed], ['1', '1', '0', '0'])
  assert.notEqual(one.tmpDir, other.tmpDir)
  for (const { tmpDir } of [one, other]) assert.deepEqual(fs.readdirSync(tmpDir), ['mine'])
  one.child.stdin.end()
  await once(one.child, 'close')
  assert.deepEqual(fs.readdirSync(path.dirname(other.tmpDir)), [path.basename(other.tmpDir)])
  other.child.stdin.end()
  await once(other.child, 'close')
})

test('a link in the place of the folder for temporary files is an error and never followed', t => {
  const [root, target] = [folder(t), folder(t)]
  const dead = path.join(target, `${os.hostname()}-${deadPid()}`)
  fs.mkdirSync(dead)
  fs.writeFileSync(path.join(dead, 'mine'), 'x')
  fs.symlinkSync(target, path.join(root, '.dfsp-tmp'))
  assert.throws(() => openOutputDir(root), {
    code: 'E_OUTPUT',
    facts: [`${path.join(root, '.dfsp-tmp')} is a symbolic link, which is not followed: remove it`],
  })
  assert.deepEqual(fs.readdirSync(target), [path.basename(dead)])
  assert.deepEqual(fs.readdirSync(dead), ['mine'])
})

test('links in what a dead process left are removed, not what they lead to', t => {
  const [root, target] = [folder(t), folder(t)]
  fs.writeFileSync(path.join(target, 'mine'), 'x')
  const tmpRoot = path.dirname(openOutputDir(root).tmpDir)
  const [dead, linked] = [deadPid(), deadPid()].map(pid => path.join(tmpRoot, `${os.hostname()}-${pid}`)) as [
    string,
    string,
  ]
  fs.mkdirSync(path.join(dead, 'attempt-1'), { recursive: true })
  fs.symlinkSync(target, path.join(dead, 'attempt-1', 'link'))
  fs.symlinkSync(target, linked)
  openOutputDir(root).close()
  assert.deepEqual(fs.readdirSync(target), ['mine'])
  for (const gone of [dead, linked]) assert.ok(!fs.lstatSync(gone, { throwIfNoEntry: false }))
})

test('at the end nothing is removed through a link that came in the place of the folder', t => {
  const [root, target] = [folder(t), folder(t)]
  const output = openOutputDir(root)
  const own = path.join(target, path.basename(output.tmpDir))
  fs.mkdirSync(own)
  fs.writeFileSync(path.join(own, 'mine'), 'x')
  fs.renameSync(path.join(root, '.dfsp-tmp'), path.join(root, 'away'))
  fs.symlinkSync(target, path.join(root, '.dfsp-tmp'))
  output.close()
  assert.deepEqual(fs.readdirSync(own), ['mine'])
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
