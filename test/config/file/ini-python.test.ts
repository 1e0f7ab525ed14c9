/**
 * The INI reader against the original: Python's configparser reads the same files in one process.
 * A byte order mark at the beginning, which only dfsp skips, is taken away first.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { readIni } from '../../../src/config/file/ini.ts'

const PYTHON = `
import configparser, io, json, sys
for line in sys.stdin:
    parser = configparser.ConfigParser()
    try:
        parser.read_file(io.StringIO(json.loads(line).removeprefix("\\ufeff"), newline=None))
    except configparser.Error as error:
        print(json.dumps({"refused": type(error).__name__}))
        continue
    sections = {}
    for name in parser.sections():
        keys = sections[name] = {}
        for key in parser[name]:
            try:
                keys[key] = {"value": parser.get(name, key)}
            except configparser.Error as error:
                keys[key] = {"error": type(error).__name__}
    print(json.dumps({"sections": sections}))
`

interface Answer {
  readonly refused?: string
  readonly sections?: Readonly<Record<string, Readonly<Record<string, { value?: string; error?: string }>>>>
}

const space = fc.constantFrom('', ' ', '\t', '  ', '    ', '\u00a0', '\x1c', '\x85', '\ufeff', '\u2028')
const key = fc.constantFrom('k', 'K', 'key.name', 'a b', 'é', 'İ', 'name', 'x[1]')
const piece = fc.constantFrom(
  ...[
    '1',
    'v',
    'True',
    '0012345',
    '%',
    '%%',
    '%(k)s',
    '%(NAME)s',
    '%(none)s',
    '%(a b)s',
    '%(x',
    '%(k)',
    '=',
    ':',
  ],
  ...['#', ';', ' ', '  ', '[', ']', '$HOME', '"', '\\', 'é', '\u00a0', '\u2028', '\x1f', '\x0b'],
)
const text = fc.array(piece, { maxLength: 5 }).map(pieces => pieces.join(''))
const delimiter = fc.constantFrom('=', ':', ' = ', ' : ', '= ', '==', ' =:')
const section = fc.constantFrom('[a]', '[b]', '[c d]', '[DEFAULT]', '[default]', '[a] x', '[]', '[[e]]', '[f')
const line = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(space, key, delimiter, text).map(parts => parts.join('')) },
  { weight: 2, arbitrary: fc.tuple(space, section, space).map(parts => parts.join('')) },
  { weight: 2, arbitrary: fc.tuple(space, text).map(parts => parts.join('')) },
  { weight: 1, arbitrary: fc.tuple(space, fc.constantFrom('#', ';'), text).map(parts => parts.join('')) },
  { weight: 1, arbitrary: space },
)
/** Most files begin with a section and do not repeat a key, else nearly all would be refused at once. */
const tame = fc
  .uniqueArray(fc.tuple(key, delimiter, text, fc.array(fc.tuple(space, text), { maxLength: 2 })), {
    selector: ([name]) => name.toLowerCase(),
    maxLength: 6,
  })
  .map(keys =>
    keys.map(([name, sign, value, more]) => {
      return [`${name}${sign}${value}`, ...more.map(([indent, next]) => ` ${indent}${next}`)].join('\n')
    }),
  )
const files = fc.oneof(
  fc.tuple(fc.array(line, { maxLength: 8 }), fc.constantFrom('\n', '\r\n', '\r')).map(([lines, end]) => {
    return `[first]${end}${lines.join(end)}`
  }),
  fc.array(line, { maxLength: 6 }).map(lines => lines.join('\n')),
  fc.tuple(tame, tame, tame).map(([defaults, a, b]) => {
    return ['[DEFAULT]', ...defaults, '[a]', ...a, '', '[b]', ...b, ''].join('\n')
  }),
)

function chain(length: number): string {
  const links = Array.from({ length }, (_, i) => `k${i} = %(k${i + 1})s`)
  return ['[a]', ...links, `k${length} = 5%%`].join('\n')
}

test('reads what Python reads, and refuses what Python refuses', t => {
  const cases = [...fc.sample(files, 600), ...[8, 9, 10, 11].map(chain)]
  const input = cases.map(each => JSON.stringify(each)).join('\n')
  const { stdout, error, stderr } = spawnSync('python3', ['-X', 'utf8', '-c', PYTHON], {
    input,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') return t.skip('python3 is not there')
  assert.ifError(error)
  const answers = stdout.trim().split('\n')
  assert.equal(answers.length, cases.length, stderr)

  let read = 0
  for (const [index, file] of cases.entries()) {
    const python: Answer = JSON.parse(answers[index] ?? '')
    const { sections, problems } = readIni(file)
    const place = `${JSON.stringify(file)}: ${answers[index]}, ${JSON.stringify(problems)}`
    if (python.sections === undefined) {
      assert.notEqual(problems.length, 0, `not refused: ${place}`)
      continue
    }
    read++
    const entries = Object.entries(python.sections).flatMap(([name, keys]) =>
      Object.entries(keys).map(([at, result]) => ({ name, at, result })),
    )
    assert.deepEqual([...sections.keys()].toSorted(), Object.keys(python.sections).toSorted(), place)
    for (const { name, at, result } of entries) {
      const mine = sections.get(name)?.get(at)
      if (result.value !== undefined) assert.equal(mine?.value, result.value, place)
      else assert.notEqual(mine, undefined, place)
    }
    assert.equal(
      entries.length,
      [...sections.values()].reduce((sum, keys) => sum + keys.size, 0),
      place,
    )
    const errors = new Set(entries.map(({ result }) => result.error).filter(Boolean))
    // Python refuses a single %, which is a password's good right; it may hide what follows it in the value.
    const beyondSyntax = [...errors].some(name => name !== 'InterpolationSyntaxError')
    if (beyondSyntax) assert.notEqual(problems.length, 0, place)
    if (errors.size === 0) assert.deepEqual(problems, [], place)
  }
  assert.ok(read > 150, `only ${read} of ${cases.length} files were valid`)
})
