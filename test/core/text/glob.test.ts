import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { glob } from '../../../src/core/text/glob.ts'

const matches = (pattern: string, path: string) => {
  const found = glob(pattern)
  assert.ok(typeof found === 'function', pattern)
  return found(path)
}

test('wildcards stay within a name, ** crosses folders', () => {
  assert.ok(matches('a/*.csv', 'a/x.csv'))
  assert.ok(!matches('a/*.csv', 'a/b/x.csv'))
  assert.ok(matches('a/**/*.csv', 'a/x.csv'))
  assert.ok(matches('a/**/*.csv', 'a/b/c/x.csv'))
  assert.ok(matches('**/x', 'x'))
  assert.ok(matches('a/**', 'a/b/c'))
  assert.ok(matches('a/?.csv', 'a/x.csv'))
  assert.ok(!matches('a/?', 'a/xy'))
})

test('a pattern without a slash means a name in any folder, or a folder at the top with all below it', () => {
  assert.ok(matches('*.csv', 'a/b/x.csv'))
  assert.ok(matches('x.csv', 'a/x.csv'))
  assert.ok(matches('run7', 'run7/a/b.csv'))
  assert.ok(matches('run7/', 'run7/a/b.csv'))
  assert.ok(matches('run7/a', 'run7/a/b.csv'))
  assert.ok(!matches('run7', 'run77/b.csv'))
  assert.ok(!matches('a/x', 'b/a/x'))
})

test('classes and alternatives', () => {
  assert.ok(matches('scan_[0-3].{csv,tif}', 'scan_2.tif'))
  assert.ok(!matches('scan_[0-3].{csv,tif}', 'scan_5.tif'))
  assert.ok(matches('[!ab].x', 'c.x'))
  assert.ok(!matches('a[!b]c', 'a/c'))
  assert.ok(matches(String.raw`a\*b`, 'a*b'))
  assert.ok(!matches(String.raw`a\*b`, 'axb'))
})

test('a pattern that cannot be read says why', () => {
  assert.deepEqual(glob('a[b'), { problem: 'has a [ without its ]' })
  assert.deepEqual(glob('a{b'), { problem: 'has a { without its }' })
  assert.deepEqual(glob('/'), { problem: 'is empty' })
  assert.ok('problem' in glob('[z-a]'))
})

test('any name without special characters matches itself and nothing else', () => {
  const name = fc.string({ minLength: 1, unit: fc.constantFrom(...'ab.-_+()$^|é 7😀') })
  fc.assert(
    fc.property(name, name, (a, b) => {
      assert.equal(matches(`top/${a}`, `top/${b}`), a === b)
    }),
  )
})

test('no path keeps a pattern busy: its time grows with the length of both and no faster', () => {
  const path = `${'a'.repeat(20_000)}/${'a'.repeat(20_000)}`
  const started = process.cpuUsage()
  for (const pattern of ['*a*a*a*a*b', '**a**a**a**b', '{a,aa,*}{a,aa,*}{a,aa,*}b', '**/**/**/*a*b'])
    assert.ok(!matches(pattern, path), pattern)
  assert.ok(process.cpuUsage(started).user < 10_000_000)
})

test('patterns of stars and letters match what a regular expression made of them does', () => {
  const piece = fc.constantFrom('*', '**', '?', 'a', 'b', '/', '{a,b*}', '{,?}', '[ab]', '[!a]')
  const pattern = fc.array(piece, { minLength: 1, maxLength: 6 }).map(pieces => `x/${pieces.join('')}x`)
  const path = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', '/') }).map(text => `x/${text}x`)
  fc.assert(
    fc.property(pattern, path, (wanted, name) => {
      const source = wanted.replaceAll(
        /(?<=\/)\*\*\/|\*\*|\*|\?|\{a,b\*\}|\{,\?\}|\[ab\]|\[!a\]/g,
        found => REGEX[found] as string,
      )
      assert.equal(matches(wanted, name), new RegExp(`^(?:${source}|${source}/.*)$`, 's').test(name))
    }),
    { numRuns: 2_000 },
  )
})

const REGEX: Readonly<Record<string, string>> = {
  '**/': '(?:.*/)?',
  '**': '.*',
  '*': '[^/]*',
  '?': '[^/]',
  '{a,b*}': '(?:a|b[^/]*)',
  '{,?}': '(?:|[^/])',
  '[ab]': '[ab]',
  '[!a]': '[^/a]',
}
