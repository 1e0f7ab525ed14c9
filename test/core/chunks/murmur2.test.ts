import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur2, partitionOfKey } from '../../../src/core/chunks/murmur2.ts'

/** From Apache Kafka's own test of Utils.murmur2. */
const KNOWN: Readonly<Record<string, number>> = {
  '21': -973932308,
  foobar: -790332482,
  'a-little-bit-long-string': -985981536,
  'a-little-bit-longer-string': -1486304829,
  lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
  abc: 479470107,
}

for (const [text, hash] of Object.entries(KNOWN)) {
  test(`the hash of ${text} is that of the Java client`, () => {
    assert.equal(murmur2(Buffer.from(text)), hash)
  })
}

test('a negative hash gives a partition as the Java client does: its sign bit is cleared', () => {
  assert.equal(partitionOfKey(Buffer.from('foobar'), 7), (-790332482 & 0x7fffffff) % 7)
})
