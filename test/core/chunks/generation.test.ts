import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fileId, finishedGenerations } from '../../../src/core/chunks/generation.ts'
import { sha512 } from '../../support/files.ts'

const part = fc.record({
  path: fc.constantFrom('a', 'a/b', 'a/b1', 'a/b\u00001', '1', '12'),
  total: fc.constantFrom(1, 2, 12, 21, 1_000_000),
  content: fc.constantFrom('x', 'y'),
})
const idOf = ({ path, total, content }: { path: string; total: number; content: string }) =>
  fileId(path, { total, fileHash: sha512(Buffer.from(content)) })

test('fault 38: path, content and number of chunks each make another file; nothing else does', () => {
  fc.assert(
    fc.property(part, part, (a, b) => {
      const isSame = a.path === b.path && a.total === b.total && a.content === b.content
      fc.pre(!a.path.includes('\0') && !b.path.includes('\0'))
      assert.equal(idOf(a) === idOf(b), isSame)
    }),
    { numRuns: 1_000 },
  )
})

test('hashes that differ in one bit make different files', () => {
  const hash = sha512(Buffer.from('x'))
  const ids = new Set([fileId('a', { total: 1, fileHash: hash })])
  for (let bit = 0; bit < 512; bit++) {
    const other = Uint8Array.from(hash)
    other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7))
    ids.add(fileId('a', { total: 1, fileHash: other }))
  }
  assert.equal(ids.size, 513)
})

test('the most recently finished generations are remembered, as many as asked for', () => {
  const finished = finishedGenerations(3)
  for (const digest of ['a', 'b', 'c', 'd']) finished.add(digest)
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map(d => finished.has(d)),
    [false, true, true, true],
  )
})

test('what is finished again counts as recent', () => {
  const finished = finishedGenerations(2)
  for (const digest of ['a', 'b', 'a', 'c']) finished.add(digest)
  assert.deepEqual(
    ['a', 'b', 'c'].map(d => finished.has(d)),
    [true, false, true],
  )
})

test('a hundred thousand are remembered unless asked otherwise', () => {
  const finished = finishedGenerations()
  for (let i = 0; i <= 100_000; i++) finished.add(String(i))
  assert.equal(finished.has('0'), false)
  assert.equal(finished.has('1'), true)
})
