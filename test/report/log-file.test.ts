import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { OwnFolder } from '../../src/base/held-folder.ts'
import { openLogFile } from '../../src/report/log-file.ts'
import { until } from '../support/until.ts'

function folder(t: TestContext): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-log-file-'))
  t.after(() => fs.rmSync(made, { recursive: true, force: true }))
  return made
}

test('it is rotated by size, the newest lines are in the file itself, and five files are kept', async t => {
  const file = path.join(folder(t), 'LOGS', 'plot.log')
  for (let i = 0; i < 70; i++) {
    const log = openLogFile({ file, onError: assert.fail, mostBytes: 100 })
    log.write(`line ${String(i).padStart(4, '0')}\n`)
    await log.close()
  }
  const names = fs.readdirSync(path.dirname(file)).sort()
  assert.deepEqual(names, ['plot.log', 'plot1.log', 'plot2.log', 'plot3.log', 'plot4.log'])
  const lines = ['plot4.log', 'plot3.log', 'plot2.log', 'plot1.log', 'plot.log'].flatMap(name =>
    fs
      .readFileSync(path.join(path.dirname(file), name), 'utf8')
      .trimEnd()
      .split('\n'),
  )
  assert.equal(lines.at(-1), 'line 0069')
  assert.deepEqual(lines, [...lines].sort())
  for (const name of names) assert.ok(fs.statSync(path.join(path.dirname(file), name)).size <= 100, name)
})

for (const [how, rotate] of [
  [
    'copies and truncates',
    (file: string) => {
      fs.copyFileSync(file, `${file}.1`)
      fs.truncateSync(file)
    },
  ],
  ['moves it away', (file: string) => fs.renameSync(file, `${file}.1`)],
] as const)
  test(`another program that ${how}, as logrotate does, takes no line, and the size counts from then on`, async t => {
    const file = path.join(folder(t), 'plot.log')
    const log = openLogFile({ file, onError: assert.fail, mostBytes: 100 })
    const write = async (line: string) => {
      log.write(line)
      await until(() => fs.existsSync(file) && fs.readFileSync(file, 'utf8').endsWith(line))
    }
    await write(`1 ${'x'.repeat(60)}\n`)
    rotate(file)
    await write(`2 ${'x'.repeat(60)}\n`)
    await write(`3 ${'x'.repeat(10)}\n`)
    await log.close()
    assert.deepEqual(fs.readdirSync(path.dirname(file)).sort(), ['plot.log', 'plot.log.1'])
    assert.match(fs.readFileSync(`${file}.1`, 'utf8'), /^1 x+\n$/)
    assert.match(fs.readFileSync(file, 'utf8'), /^2 x+\n3 x+\n$/)
  })

test('a full disk is told once, and closing ends', { skip: !fs.existsSync('/dev/full') }, async () => {
  const errors: Error[] = []
  const log = openLogFile({ file: '/dev/full', onError: error => errors.push(error) })
  for (let i = 0; i < 5; i++) {
    log.write('line\n')
    await new Promise(setImmediate)
  }
  await log.close()
  assert.equal(errors.length, 1)
  assert.match(errors[0]?.message ?? '', /ENOSPC/)
})

test('what can be written again is, on a line of its own', async t => {
  const file = path.join(folder(t), 'plot.log')
  fs.mkdirSync(file)
  let onError = () => {}
  const told = new Promise<void>(resolve => {
    onError = resolve
  })
  const log = openLogFile({ file, onError: () => onError() })
  log.write('lost\n')
  await told
  fs.rmdirSync(file)
  log.write('kept\n')
  await log.close()
  assert.equal(fs.readFileSync(file, 'utf8').trim(), 'kept')
})

test('what is no file, such as /dev/null, is not renamed', async () => {
  const log = openLogFile({ file: '/dev/null', onError: assert.fail, mostBytes: 10 })
  for (let i = 0; i < 5; i++) {
    log.write('a line of some length\n')
    await new Promise(setImmediate)
  }
  await log.close()
  assert.ok(fs.statSync('/dev/null').isCharacterDevice())
})

const IN_PLACE: Readonly<Record<string, (at: string, victim: string) => void>> = {
  'a hard link to another file': (at, victim) => fs.linkSync(victim, at),
  'a symbolic link': (at, victim) => fs.symlinkSync(victim, at),
  'a pipe': at => execFileSync('mkfifo', [at]),
  'a folder': at => fs.mkdirSync(at),
}

for (const [what, put] of Object.entries(IN_PLACE))
  test(`in a folder of its own ${what} in its place is told, and not written; what comes after is`, async t => {
    const root = folder(t)
    const victim = path.join(root, 'victim')
    fs.writeFileSync(victim, 'mine\n')
    const own = { folder: new OwnFolder(root, path.join(root, 'LOGS')), name: 'plot.log' }
    fs.mkdirSync(own.folder.path)
    const at = path.join(own.folder.path, own.name)
    put(at, victim)
    const errors: string[] = []
    let onError = () => {}
    const told = new Promise<void>(resolve => {
      onError = resolve
    })
    const log = openLogFile({
      file: own,
      onError({ message }) {
        errors.push(message)
        onError()
      },
    })
    log.write('line\n')
    await told
    assert.deepEqual(errors, [`${at} is ${what}, a file is needed there: remove it`])
    fs.rmSync(at, { recursive: true })
    log.write('kept\n')
    await log.close()
    assert.equal(fs.readFileSync(at, 'utf8').trim(), 'kept')
    assert.equal(fs.readFileSync(victim, 'utf8'), 'mine\n')
  })

test('a pipe that the user names holds nothing up while nobody reads it, and takes more than it holds at once', async t => {
  const file = path.join(folder(t), 'pipe')
  execFileSync('mkfifo', [file])
  const errors: Error[] = []
  const unread = openLogFile({ file, onError: error => errors.push(error) })
  unread.write('lost\n')
  await unread.close()
  assert.match(String(errors[0]), /pipe is a pipe or socket that nobody reads/)
  // Open both ways it is never at its end, and open at once.
  const reader = spawn('sh', ['-c', 'exec 3<>"$1"; echo ready; exec cat <&3', 'sh', file])
  t.after(() => reader.kill())
  let read = ''
  reader.stdout.setEncoding('utf8').on('data', text => {
    read += text
  })
  await until(() => read === 'ready\n')
  const line = `${'x'.repeat(300_000)}\n`
  const log = openLogFile({ file, onError: assert.fail })
  log.write(line)
  await log.close()
  await until(() => read.length >= line.length + 'ready\n'.length)
  assert.equal(read, `ready\n${line}`)
})

test('of lines that come faster than they are written the last ones are kept, and the others counted', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-log-'))
  const file = path.join(folder, 'much.log')
  const log = openLogFile({ file, onError: assert.fail, mostBytes: 2 ** 30 })
  const line = `${'x'.repeat(999)}\n`
  const lines = 20_000
  for (let i = 0; i < lines; i++) log.write(line)
  log.write('the end\n')
  await log.close()
  const written = fs.readFileSync(file, 'utf8').split('\n')
  const [, left] = /^\((\d+) lines are left out/.exec(written[0] ?? '') ?? []
  assert.equal(written.at(-2), 'the end')
  assert.equal(Number(left) + written.length - 3, lines)
  fs.rmSync(folder, { recursive: true })
})
