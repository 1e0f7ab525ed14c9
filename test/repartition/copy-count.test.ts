import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeCopyRecord, partitionsOfCopy } from '../../src/core/offsets/copy-record.ts'
import { copyCount } from '../../src/repartition/copy-count.ts'

const silent = () => assert.fail('nothing is wrong')
const facts = { target: 'xrd.by-path', wanted: undefined, there: 12, metadata: [undefined, undefined] }
const begun = [undefined, encodeCopyRecord(12)]

test('a copy has as many partitions as its topic, and keeps the number', () => {
  assert.equal(copyCount(facts, silent), 12)
  assert.equal(copyCount({ ...facts, metadata: begun, wanted: 12 }, silent), 12)
  const told: string[] = []
  assert.equal(
    copyCount({ ...facts, metadata: begun, there: 24 }, text => told.push(text)),
    12,
  )
  assert.match(told.join(), /has 24 partitions by now: copies go into the first 12/)
})

test('another number is refused, and a topic that has too few', () => {
  const code = (expected: string) => (error: { code?: string }) => error.code === expected
  assert.throws(() => copyCount({ ...facts, wanted: 6 }, silent), code('E_USAGE'))
  assert.throws(
    () => copyCount({ ...facts, metadata: begun, wanted: 24, there: 24 }, silent),
    code('E_USAGE'),
  )
  assert.throws(() => copyCount({ ...facts, metadata: begun, there: 6 }, silent), code('E_TOPIC_MISSING'))
})

test('the number is read back also without the last character, which the client cuts off; other metadata is none', () => {
  const text = encodeCopyRecord(120)
  assert.equal(text, 'r1.120.')
  for (const read of [text, text.slice(0, -1), `${text}\0`]) assert.equal(partitionsOfCopy(read), 120)
  for (const other of [undefined, '', 'r2.12.', 'r1.', 'r1.x.', 'd1.KgAAAAC4wFNN.', 'xr1.12.'])
    assert.equal(partitionsOfCopy(other), undefined)
})
