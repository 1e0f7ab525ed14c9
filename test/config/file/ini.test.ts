import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readIni } from '../../../src/config/file/ini.ts'

function values(text: string): Record<string, Record<string, string>> {
  const { sections, problems } = readIni(text)
  assert.deepEqual(problems, [])
  return Object.fromEntries(
    [...sections].map(([name, keys]) => [
      name,
      Object.fromEntries([...keys].map(([key, { value }]) => [key, value])),
    ]),
  )
}

function problems(text: string): string[] {
  return readIni(text).problems.map(({ line, text: what }) => `${line}: ${what}`)
}

test('values stay the text that was written', () => {
  assert.deepEqual(values('[a]\nn = 0012345\nt: True\nempty =\nquoted = "x"\n'), {
    a: { n: '0012345', t: 'True', empty: '', quoted: '"x"' },
  })
})

test('comments stand on lines of their own; a password may hold their signs', () => {
  assert.deepEqual(values('# one\n[a]\n; two\nsasl.password = a;b#c ; d\n   # three\n'), {
    a: { 'sasl.password': 'a;b#c ; d' },
  })
})

test('keys are lower case, sections are not', () => {
  assert.deepEqual(values('[Broker]\nBootstrap.Servers = Lab1\n'), {
    Broker: { 'bootstrap.servers': 'Lab1' },
  })
})

test('deeper lines continue a value, empty lines and comments between them included', () => {
  assert.deepEqual(values('[a]\nk = one\n  two\n\n  # not this\n  three = 3\n\nj = 1\n'), {
    a: { k: 'one\ntwo\n\nthree = 3', j: '1' },
  })
})

test('[DEFAULT] is in every section, and marked as inherited', () => {
  const { sections } = readIni('[DEFAULT]\nhome = /x\n[a]\nown = 1\n[b]\nhome = /y\n')
  assert.deepEqual(sections.get('a')?.get('home'), { value: '/x', line: 2, inherited: true })
  assert.deepEqual(sections.get('b')?.get('home'), { value: '/y', line: 6, inherited: false })
  assert.equal(sections.has('DEFAULT'), false)
})

test('%(name)s refers within the section and [DEFAULT], %% is one sign, a single % stays', () => {
  assert.deepEqual(
    values('[DEFAULT]\nroot = /r\n[a]\ndir = %(ROOT)s/d\nfile = %(dir)s/f\nodd = 5% of 100%% %(x\n').a,
    {
      root: '/r',
      dir: '/r/d',
      file: '/r/d/f',
      odd: '5% of 100% %(x',
    },
  )
})

test('a reference to nothing, and one in a circle, are problems with their lines', () => {
  assert.deepEqual(problems('[a]\ndirectory = x\nk = %(directry)s\n'), [
    '3: [a] k: %(directry)s refers to no key of this section or [DEFAULT], did you mean %(directory)s',
  ])
  assert.match(
    problems('[a]\nk = %(j)s\nj = %(k)s\n')[0] ?? '',
    /^2: \[a] k: references go round in a circle/,
  )
})

test('all problems of a file are reported at once', () => {
  assert.deepEqual(
    problems('stray = 1\nstray = 2\n[a]\nk = 1\nK = 2\nno delimiter\n= nameless\n[b]\n[a]\n'),
    [
      '1: a line before the first [section]',
      '5: [a] k is already in line 4',
      '6: neither "name = value" nor [section]',
      '7: no name before the value',
      '9: section [a] is already in line 3',
    ],
  )
})

test('line ends of every system and a byte order mark are understood', () => {
  assert.deepEqual(values('\uFEFF[a]\r\nk = 1\r\nj = 2\r'), { a: { k: '1', j: '2' } })
})
