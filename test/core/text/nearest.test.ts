import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nearest } from '../../../src/core/text/nearest.ts'

const FLAGS = ['threads', 'topic', 'until-end', 'timeout', 'memory', 'on-error']

test('finds the name that was meant', () => {
  assert.equal(nearest('fetch.min.byte', ['fetch.max.bytes', 'fetch.min.bytes']), 'fetch.min.bytes')
  assert.equal(nearest('treads', FLAGS), 'threads')
  assert.equal(nearest('topci', FLAGS), 'topic')
  assert.equal(nearest('xdr', ['xrd', 'abc']), 'xrd')
})

test('a beginning of three letters is enough', () => {
  assert.equal(nearest('until', FLAGS), 'until-end')
  assert.equal(nearest('un', FLAGS), undefined)
})

test('case and separators do not count', () => {
  assert.equal(nearest('On_Error', FLAGS), 'on-error')
  assert.equal(nearest('SASL_USERNAME', ['sasl.username']), 'sasl.username')
})

test('what is like nothing known has no nearest name', () => {
  assert.equal(nearest('xyz', ['run', 'try', 'demo']), undefined)
  assert.equal(nearest('anything', []), undefined)
})

test('one slip in a name of three letters or more finds it again', () => {
  const slip = fc.tuple(
    fc.constantFrom(...FLAGS),
    fc.nat(),
    fc.constantFrom('drop', 'double', 'swap', 'replace'),
  )
  fc.assert(
    fc.property(slip, ([name, place, kind]) => {
      const i = place % (name.length - 1)
      const [a, b] = [name.charAt(i), name.charAt(i + 1)]
      const middle = { drop: b, double: a + a + b, swap: b + a, replace: `#${b}` }[kind]
      assert.equal(nearest(name.slice(0, i) + middle + name.slice(i + 2), FLAGS), name)
    }),
  )
})
