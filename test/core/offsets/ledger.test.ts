import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ledger, type PartitionCut, type Receipt } from '../../../src/core/offsets/ledger.ts'

test('what may be committed is the lowest unresolved offset, else the position', () => {
  const l = ledger()
  l.assign(0, 10)
  const [a, b, c] = [10, 11, 12].map(offset => l.receive(0, offset, 1) as Receipt) as [
    Receipt,
    Receipt,
    Receipt,
  ]
  assert.equal(l.base(0), 10)
  l.resolve(b)
  l.resolve(c)
  assert.equal(l.base(0), 10)
  l.resolve(a)
  assert.equal(l.base(0), 13)
})

test('fault 69: offsets that were never delivered hold nothing', () => {
  const l = ledger()
  l.assign(0, 0)
  const receipt = l.receive(0, 700, 1) as Receipt
  l.resolve(receipt)
  assert.equal(l.base(0), 701)
  l.skipTo(0, 900)
  assert.equal(l.base(0), 900)
})

test('fault 15: a commit that the broker refused leaves everything to be committed again', () => {
  const l = ledger()
  l.assign(0, 0, 0)
  l.resolve(l.receive(0, 0, 1) as Receipt)
  const parts = () => l.cut().map(part => [part.partition, part.base])
  assert.deepEqual(parts(), [[0, 1]])
  assert.deepEqual(parts(), [[0, 1]])
  l.committed(l.cut())
  assert.deepEqual(parts(), [])
})

test('fault 54: a receipt of an epoch that ended resolves nothing', () => {
  const l = ledger()
  l.assign(0, 0)
  const receipt = l.receive(0, 0, 1) as Receipt
  l.revoke(0)
  l.assign(0, 0)
  l.receive(0, 0, 1)
  assert.equal(l.resolve(receipt), false)
  assert.equal(l.base(0), 0)
})

test('an acknowledgement of an epoch that ended changes nothing', () => {
  const l = ledger()
  l.assign(0, 0)
  l.resolve(l.receive(0, 0, 1) as Receipt)
  const late = l.cut()
  l.revoke(0)
  l.assign(0, 0, 0)
  l.resolve(l.receive(0, 0, 1) as Receipt)
  l.committed(late)
  assert.equal(l.cut()[0]?.base, 1)
})

test('fault 21: a record from below the position is not taken in', () => {
  const l = ledger()
  l.assign(0, 5)
  assert.equal(l.receive(0, 4, 1), undefined)
  l.receive(0, 5, 1)
  assert.equal(l.receive(0, 5, 1), undefined)
  assert.equal(l.receive(1, 5, 1), undefined)
})

test('one cut holds all partitions in which something was resolved, with what is open in each', () => {
  const l = ledger()
  for (const partition of [0, 1, 2]) l.assign(partition, 0, 0)
  l.receive(0, 0, 7)
  l.resolve(l.receive(0, 1, 8) as Receipt)
  l.resolve(l.receive(1, 0, 8) as Receipt)
  l.receive(1, 1, 7)
  l.resolve(l.receive(2, 0, 8) as Receipt)
  assert.deepEqual(
    l.cut().map(part => [part.partition, part.base, unresolved(part)]),
    [
      [0, 0, [[0, 7]]],
      [1, 1, [[1, 7]]],
      [2, 1, []],
    ],
  )
})

test('where reading begins elsewhere than at the committed offset, that is to be committed', () => {
  const l = ledger()
  l.assign(0, 40, 12)
  l.assign(1, 12, 12)
  l.assign(2, 12)
  assert.deepEqual(
    l.cut().map(part => [part.partition, part.base]),
    [
      [0, 40],
      [2, 12],
    ],
  )
})

test('a million records of files that never end take little memory and no time', () => {
  const before = process.memoryUsage()
  const l = ledger()
  l.assign(0, 0)
  const first = l.receive(0, 0, -1) as Receipt
  for (let offset = 1; offset < 1_000_000; offset++) l.receive(0, offset, offset % 100)
  const after = process.memoryUsage()
  // The receipts are the caller's; the ring has a power of two of 13-byte entries.
  assert.ok(after.arrayBuffers - before.arrayBuffers < 2 ** 20 * 13 * 2 + 2 ** 20)
  assert.equal(l.base(0), 0)
  l.resolve(first)
  assert.equal(l.base(0), 1)
  assert.equal(l.unresolvedCount, 999_999)
})

test('a long run in which all is resolved keeps no more than what is open', () => {
  const l = ledger()
  l.assign(0, 0)
  const open: Receipt[] = []
  const before = process.memoryUsage().arrayBuffers
  for (let offset = 0; offset < 300_000; offset++) {
    open.push(l.receive(0, offset, offset) as Receipt)
    if (open.length > 50) l.resolve(open.shift() as Receipt)
  }
  assert.equal(l.unresolvedCount, 50)
  assert.equal(l.base(0), 300_000 - 50)
  assert.ok(process.memoryUsage().arrayBuffers - before < 100_000)
})

function unresolved(part: PartitionCut): [offset: number, owner: number][] {
  const found: [number, number][] = []
  part.eachUnresolved((offset, owner) => found.push([offset, owner]))
  return found
}
