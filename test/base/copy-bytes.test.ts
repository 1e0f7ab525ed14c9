import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { copyBytes } from '../../src/base/copy-bytes.ts'

test('it copies just these bytes, into and out of shared memory', () => {
  const size = 300
  const place = fc
    .tuple(fc.uint8Array({ maxLength: size }), fc.nat(size))
    .filter(([b, at]) => b.length + at <= size)
  fc.assert(
    fc.property(place, ([bytes, at]) => {
      const shared = Buffer.from(new SharedArrayBuffer(size))
      const expected = Buffer.alloc(size)
      expected.set(bytes, at)
      copyBytes(bytes, shared, at)
      assert.deepEqual(Buffer.from(shared), expected)
      const own = Buffer.alloc(size)
      copyBytes(shared.subarray(at, at + bytes.length), own, at)
      assert.deepEqual(own, expected)
    }),
  )
})

test('it writes nothing beyond the end', () => {
  assert.throws(() => copyBytes(new Uint8Array(3), Buffer.from(new SharedArrayBuffer(4)), 2), RangeError)
})
