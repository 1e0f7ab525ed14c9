import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { relativePath, show } from '../../../src/core/chunks/output-path.ts'
import { golden } from '../messages.ts'

function accepted(subdir: string, filename: string, append = ''): string {
  const found = relativePath(subdir, filename, append)
  assert.ok('path' in found, JSON.stringify(found))
  return found.path
}

function refusal(subdir: string, filename: string, append = ''): string {
  const found = relativePath(subdir, filename, append)
  assert.ok('refused' in found, JSON.stringify(found))
  return found.refused
}

for (const { name, path: expected, chunks } of golden)
  test(`${name} lies where OpenMSIStream's own reader puts it`, () => {
    for (const { subdir, filename, append } of chunks)
      assert.equal(accepted(subdir, filename, append), expected)
  })

test('fault 45: a name that leaves its directory is refused, and named', () => {
  assert.equal(refusal('..', 'a'), 'sub-directory ".." leaves its directory')
  assert.equal(refusal('a/../b', 'c'), 'sub-directory ".." leaves its directory')
  assert.equal(refusal('.', 'a'), 'sub-directory "." leaves its directory')
  assert.equal(refusal('a', '..'), 'file name ".." leaves its directory')
  assert.match(refusal('a', '../b'), /^file name "\.\.\/b" contains "\/"/)
  assert.match(refusal('a', '/etc/passwd'), /^file name .* contains "\/"/)
  assert.match(refusal('a', 'b', '/../../c'), /contains "\/"/)
  assert.equal(refusal('', '.', '.'), 'file name ".." leaves its directory')
})

test('fault 45: an absolute path is refused', () => {
  assert.match(refusal('/etc', 'passwd'), /absolute/)
  assert.match(refusal('a//b', 'c'), /is empty/)
  assert.match(refusal('a/', 'c'), /is empty/)
})

test('fault 45: an absolute or relative path of Windows is refused', () => {
  assert.match(refusal('C:\\Users', 'a'), /contains "\\"/)
  assert.match(refusal('', '..\\..\\a'), /contains "\\"/)
})

test('fault 45: NUL, and no name at all, are refused', () => {
  assert.match(refusal('', 'a\0.csv'), /contains NUL/)
  assert.match(refusal('a\0', 'b'), /contains NUL/)
  assert.match(refusal('a', ''), /^file name "" is empty/)
})

test('fault 45: a name may have the 255 bytes that file systems take, and no more', () => {
  for (const letter of ['a', 'é', '試', '😀']) {
    const bytes = Buffer.byteLength(letter)
    const fits = letter.repeat(Math.floor(255 / bytes))
    assert.equal(accepted('', fits), fits)
    assert.match(refusal('', fits + letter), /bytes, file systems take 255/)
    assert.match(refusal(fits + letter, 'a'), /bytes, file systems take 255/)
  }
})

test('fault 45: a path that leaves no room for the root is refused', () => {
  const deep = Array.from({ length: 40 }, () => 'd'.repeat(120)).join('/')
  assert.match(refusal(deep, 'a'), /^path of \d+ bytes is longer than/)
})

test('fault 45: both Unicode normal forms of a name are kept as they came', () => {
  assert.notEqual(accepted('', 'é'.normalize('NFC')), accepted('', 'é'.normalize('NFD')))
})

test('fault 40: the same name in two sub-directories makes two paths', () => {
  assert.equal(accepted('a', 'x.csv'), 'a/x.csv')
  assert.equal(accepted('b', 'x.csv'), 'b/x.csv')
})

test('names that only look odd are kept', () => {
  for (const name of [
    'a b.csv',
    '...',
    '-rf',
    'a;b,c\td.csv',
    '~',
    'CON',
    '..a',
    '試料 №1.tif',
    '\ufeffbom.txt',
  ])
    assert.equal(accepted('x', name), `x/${name}`)
})

const hostilePart = fc.constantFrom(
  ...[
    '..',
    '.',
    '',
    '/',
    '//',
    '\\',
    '\0',
    'a',
    'etc',
    ' ',
    '...',
    '~',
    'C:',
    '\u2024\u2024',
    '\u2215',
    '%2e%2e',
  ],
)
const hostile = fc
  .array(fc.oneof(hostilePart, fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 6 })
  .chain(parts => fc.constantFrom('', '/').map(between => parts.join(between)))

test('fault 45: whatever the names, the path stays inside its root', () => {
  let taken = 0
  fc.assert(
    fc.property(hostile, hostile, hostile, (subdir, filename, append) => {
      const found = relativePath(subdir, filename, append)
      if ('refused' in found) return
      taken++
      for (const root of ['/srv/out', '/']) {
        const full = path.join(root, found.path)
        assert.ok(full.startsWith(root) && full.length > root.length, full)
        assert.equal(path.relative(root, full), found.path, 'nothing in it is special')
      }
      assert.ok(!found.path.includes('\0') && !path.isAbsolute(found.path))
    }),
    { numRuns: 20_000 },
  )
  assert.ok(taken > 500, `${taken} were taken`)
})

/** Names that one file system or another takes for the same. */
const OWN = [
  ['LOGS', 'LOGS.', 'LOGS ', 'LOGS . ', 'LO\u200bGS', '\ufeffLOGS', '\uff2cOGS'],
  ['.dfsp-tmp', '.DFSP-TMP', '.Dfsp-Tmp ', '.df\u017fp-tmp', '.dfsp\u200d-tmp', '.dfsp-'],
  ['.dfsp-journal-0123456789abcdef', '.dfsp-journal-0123456789abcdef.new', '.DFSP-journal-0'],
].flat()

test("the names of dfsp's own files at the top of an output folder are refused, however they are written", () => {
  for (const own of OWN) {
    for (const [subdir, filename] of [
      ['', own],
      [own, 'x.csv'],
      [`${own}/deep/er`, 'x.csv'],
    ] as const) {
      assert.match(refusal(subdir, filename), /is kept for dfsp's own files$/)
      const found = relativePath(subdir, filename, '')
      assert.equal('own' in found && found.own, subdir === '' ? own : `${subdir}/${filename}`)
    }
    assert.equal(accepted('a', own), `a/${own}`)
    assert.equal(accepted(`a/${own}`, 'x'), `a/${own}/x`)
  }
  assert.match(refusal('', '.dfsp', '-journal-0'), /is kept for/)
})

test('names that only resemble them are free', () => {
  for (const name of [
    'logs',
    'Logs',
    'LOGS2',
    'LOGS.csv',
    'L',
    'LOG',
    '.dfsp',
    '.dfsprc',
    'dfsp-tmp',
    '.d',
    'Lógs',
  ])
    assert.equal(accepted(name, 'save.log'), `${name}/save.log`)
})

test('whatever is put among the letters of such a name, no file system can take it for one of them', () => {
  const unseen = fc.constantFrom('', '\u200b', '\u200c', '\u00ad', '\ufeff', '\u2060', '\ufe0f', '\u{e0001}')
  const spelled = fc.constantFrom('LOGS', '.dfsp-tmp', '.dfsp-journal-00').chain(name =>
    fc.array(fc.tuple(unseen, fc.boolean()), { minLength: name.length, maxLength: name.length }).map(how =>
      how
        .map(([between, upper], i) => {
          const letter = name[i] as string
          return between + (upper && name !== 'LOGS' ? letter.toUpperCase() : letter)
        })
        .join(''),
    ),
  )
  fc.assert(
    fc.property(spelled, fc.constantFrom('', '.', ' ', '. .'), (name, end) => {
      assert.match(refusal(name + end, 'x'), /is kept for dfsp's own files/)
    }),
  )
})

const PYTHON = `
import json, pathlib, sys
print(json.dumps(sys.version_info[:2]))
for line in sys.stdin:
    name, append = json.loads(line)
    path = pathlib.PurePosixPath("root") / name
    print(json.dumps(path.stem + append + path.suffix))
`

test('an append stands between stem and suffix as Python splits them', t => {
  const piece = fc.constantFrom('.', '..', 'a', 'tar', 'gz', ' ', 'é', '-', '😀')
  const names = fc.sample(
    fc.tuple(
      fc.array(piece, { minLength: 1, maxLength: 6 }).map(parts => parts.join('')),
      fc.constantFrom('_v2', '.', 'x.y', ' ', '試'),
    ),
    2_000,
  )
  const cases = names.filter(([name]) => name !== '.' && name !== '..')
  const python = spawnSync('python3', ['-c', PYTHON], {
    input: `${cases.map(c => JSON.stringify(c)).join('\n')}\n`,
    encoding: 'utf8',
  })
  if (python.error) return t.skip('python3 is not here')
  assert.equal(python.status, 0, python.stderr)
  const [version, ...answers] = python.stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  // From 3.14 on a dot at the end is a suffix, and dots at the beginning begin none.
  const isNew = version[0] > 3 || version[1] >= 14
  for (const [i, [name, append]] of cases.entries()) {
    if (isNew && /\.$|^\.\./.test(name)) continue
    const found = relativePath('', name, append)
    if ('path' in found) assert.equal(found.path, answers[i], JSON.stringify([name, append]))
  }
})

test('a name is shown quoted, in one line, and not at any length', () => {
  assert.equal(show('a\n"b"'), '"a\\n\\"b\\""')
  assert.ok(show('x'.repeat(10_000)).length < 100)
})
