import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import savePlugin from '../../plugins/save.ts'
import { fileFrom } from '../../src/testing.ts'
import { runCli } from '../support/cli.ts'
import { makeTree, readTree, removeTree } from '../support/trees.ts'

const FILES = {
  'in/a.csv': '1',
  'in/deep/er/größe;.csv': 'ü',
  'in/deep/empty': '',
  // Of several pieces.
  'in/large.csv': Array.from({ length: 400_000 }, (_, i) => i).join('\n'),
}

let folder: string
before(() => {
  folder = makeTree(FILES)
})
after(() => removeTree(folder))

const save = (...args: string[]) => runCli(['try', 'save', 'in', ...args], { cwd: folder })

describe('save', { concurrency: 4 }, () => {
  for (const mode of ['memory', 'disk', 'both'])
    test(`writes every file with its content and time in --mode ${mode}, and nothing else`, async () => {
      const out = join(folder, `out-${mode}`)
      const result = await save('--mode', mode, '-o', out)
      assert.equal(result.code, 0, result.stderr)
      assert.deepEqual(readTree(join(out, 'in')), readTree(join(folder, 'in')))
      assert.deepEqual(readdirSync(out), ['in'])
    })

  test('replaces what is there, or keeps it with --existing keep', async () => {
    const out = makeTree({ 'in/a.csv': 'old' })
    await save('-o', out, '--existing', 'keep')
    assert.equal(readFileSync(join(out, 'in/a.csv'), 'utf8'), 'old')
    await save('-o', out)
    assert.equal(readFileSync(join(out, 'in/a.csv'), 'utf8'), '1')
    removeTree(out)
  })

  test('does not follow a link out of the output directory', async () => {
    const [out, outside] = [makeTree(), makeTree()]
    mkdirSync(join(out, 'in'))
    symlinkSync(outside, join(out, 'in/deep'))
    const result = await save('-o', out)
    assert.equal(result.code, 3)
    assert.match(result.stdout, /^FAIL in\/deep\/empty .*symbolic link that leads out of/m)
    assert.deepEqual(readdirSync(outside), [])
    removeTree(out)
    removeTree(outside)
  })

  test('replaces a link in the place of a file, not what it points to', async () => {
    const [out, outside] = [makeTree(), makeTree({ victim: 'untouched' })]
    mkdirSync(join(out, 'in'))
    symlinkSync(join(outside, 'victim'), join(out, 'in/a.csv'))
    assert.equal((await save('-o', out)).code, 0)
    assert.equal(readFileSync(join(outside, 'victim'), 'utf8'), 'untouched')
    assert.equal(readFileSync(join(out, 'in/a.csv'), 'utf8'), '1')
    removeTree(out)
    removeTree(outside)
  })

  test('a file in the way of a folder fails the files below it alone', async () => {
    const out = makeTree()
    mkdirSync(join(out, 'in'))
    writeFileSync(join(out, 'in/deep'), 'a file')
    const result = await save('-o', out)
    assert.equal(result.code, 3)
    assert.match(result.stdout, /^ok {3}in\/a\.csv/m)
    assert.match(result.stdout, /^FAIL in\/deep\/empty .*in\/deep is a file/m)
    removeTree(out)
  })

  test("a link inside the output directory is followed, but not to dfsp's own files", async () => {
    const out = makeTree({ 'real/x': '', 'LOGS/x.log': 'mine' })
    symlinkSync('real', join(out, 'in'))
    assert.equal((await save('-o', out)).code, 0)
    assert.equal(readFileSync(join(out, 'real/a.csv'), 'utf8'), '1')
    const other = makeTree({
      'logs/x.log': 'forged',
      'top/LOGS/x.log': 'forged',
      'top/.dfsp-journal-0': 'forged',
    })
    symlinkSync('LOGS', join(out, 'logs'))
    symlinkSync('.', join(out, 'top'))
    const result = await runCli(
      ['try', 'save', 'logs/x.log', 'top/LOGS/x.log', 'top/.dfsp-journal-0', '-o', out],
      {
        cwd: other,
      },
    )
    assert.equal(result.code, 3)
    assert.equal(result.stdout.match(/^FAIL .* is kept for dfsp's own files/gm)?.length, 3, result.stdout)
    assert.equal(readFileSync(join(out, 'LOGS/x.log'), 'utf8'), 'mine')
    assert.deepEqual(readdirSync(out).sort(), ['LOGS', 'in', 'logs', 'real', 'top'])
    removeTree(out)
    removeTree(other)
  })

  test('pipes and second names in the place of a file are replaced, a folder there fails the file', async () => {
    const [out, outside] = [makeTree({ 'in/deep/er/größe;.csv/x': '' }), makeTree({ victim: 'untouched' })]
    spawnSync('mkfifo', [join(out, 'in/a.csv')])
    linkSync(join(outside, 'victim'), join(out, 'in/large.csv'))
    const result = await save('-o', out)
    assert.equal(result.code, 3)
    assert.match(result.stdout, /^FAIL in\/deep\/er\/größe;\.csv .*is a folder, a file is needed there/m)
    assert.equal(readFileSync(join(out, 'in/a.csv'), 'utf8'), '1')
    assert.equal(readFileSync(join(outside, 'victim'), 'utf8'), 'untouched')
    removeTree(out)
    removeTree(outside)
  })

  for (const how of ['a link', 'nothing', 'another folder'])
    test(`where ${how} takes the place of its folder while a file is written, the file fails and nothing is written there`, async () => {
      const [out, outside] = [makeTree(), makeTree({ f: 'untouched' })]
      const tmpDir = mkdtempSync(join(out, '.dfsp-tmp-'))
      const file = fileFrom({ path: 'a/b/f', content: 'x'.repeat(100) })
      const swapping = {
        ...file,
        stream: () =>
          Readable.from(
            (function* () {
              yield file.bytes
              renameSync(join(out, 'a/b'), join(out, 'away'))
              if (how === 'a link') symlinkSync(outside, join(out, 'a/b'))
              if (how === 'another folder') mkdirSync(join(out, 'a/b'))
              yield file.bytes
            })(),
          ),
      }
      const ctx = { outputDir: out, tmpDir, options: { existing: 'replace' } }
      const result = await savePlugin(swapping as never, ctx as never)
      assert.match(String(result), /a\/b was moved or replaced while the file was written/)
      assert.equal(readFileSync(join(outside, 'f'), 'utf8'), 'untouched')
      assert.deepEqual(readdirSync(join(out, 'away')), [])
      removeTree(out)
      removeTree(outside)
    })

  test('a folder that takes the place of a file meanwhile fails it alone', async () => {
    const out = makeTree()
    const tmpDir = mkdtempSync(join(out, '.dfsp-tmp-'))
    const file = fileFrom({ path: 'a/f', content: 'x' })
    const late = {
      ...file,
      stream: () =>
        Readable.from(
          (function* () {
            mkdirSync(join(out, 'a/f'))
            yield file.bytes
          })(),
        ),
    }
    const ctx = { outputDir: out, tmpDir, options: { existing: 'replace' } }
    const result = await savePlugin(late as never, ctx as never)
    assert.match(String(result), /a\/f is a folder, a file is needed there$/)
    assert.equal((result as NodeJS.ErrnoException).code, 'EISDIR')
    removeTree(out)
  })

  test("names of dfsp's own files are not written to", async () => {
    const names = ['.dfsp-tmp/x.csv', '.dfsp-journal-0123456789abcdef', 'LOGS/save.log', '.DFSP-tmp/x.csv']
    const other = makeTree(Object.fromEntries([...names, 'good.csv'].map(name => [name, 'x'])))
    const result = await runCli(['try', 'save', ...names, 'good.csv', '-o', 'out'], { cwd: other })
    assert.equal(result.code, 3)
    for (const name of names)
      assert.match(result.stdout, new RegExp(`^FAIL ${name} .*kept for dfsp's own files`, 'm'))
    assert.deepEqual(readdirSync(join(other, 'out')), ['good.csv'])
    removeTree(other)
  })
})
