import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { settling } from '../../src/files/settling.ts'

test('a file has settled once its fingerprint was the same for the settle time', () => {
  const files = settling(100)
  files.see('a', '1', 0)
  assert.deepEqual(files.due(99), [])
  assert.deepEqual(files.due(100), ['a'])
  assert.equal(files.look('a', '1', 100), 'settled')
  assert.equal(files.isWaiting('a'), false)
})

test('a change begins the time anew, seeing the same again does not', () => {
  const files = settling(100)
  files.see('a', '1', 0)
  files.see('a', '1', 90)
  assert.equal(files.look('a', '2', 100), 'waits')
  assert.deepEqual(files.due(199), [])
  files.see('a', '3', 150)
  assert.deepEqual(files.due(249), [])
  assert.equal(files.look('a', '3', 250), 'settled')
})

test('a file that goes away while it waits is forgotten', () => {
  const files = settling(100)
  files.see('a', '1', 0)
  assert.equal(files.look('a', undefined, 100), 'gone')
  assert.deepEqual(files.due(1_000), [])
})

test('property: what has settled did not change for the settle time, and whatever stops changing settles', () => {
  const writes = fc.array(fc.integer({ min: 1, max: 250 }), { maxLength: 20 })
  fc.assert(
    fc.property(writes, fc.integer({ min: 1, max: 120 }), (pauses, tick) => {
      const times = pauses.map((_, i) => pauses.slice(0, i + 1).reduce((a, b) => a + b, 0))
      const fingerprint = (at: number) => String(times.filter(time => time <= at).length)
      const last = times.at(-1) ?? 0
      const files = settling(100)
      files.see('a', fingerprint(0), 0)
      for (let at = 0; at <= last + 100 + 2 * tick + 100; at += tick) {
        for (const file of files.due(at)) {
          if (files.look(file, fingerprint(at), at) !== 'settled') continue
          assert.equal(fingerprint(at - 100), fingerprint(at))
          return
        }
      }
      assert.fail('it never settled')
    }),
  )
})
