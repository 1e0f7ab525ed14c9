import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namedChunk } from '../../../src/core/chunks/named-chunk.ts'
import { cut } from '../../processor/world.ts'

test('a chunk has the path that its names make', () => {
  const [value] = cut('run7/scan.csv', 'content').values
  const found = namedChunk(value as Buffer)
  assert.ok('path' in found)
  assert.equal(found.path, 'run7/scan.csv')
  assert.equal(found.chunk.index, 1)
})

test('what is no chunk, or leads elsewhere, is refused with its reason', () => {
  for (const [value, reason] of [
    [null, /empty/],
    [Buffer.from('junk'), /./],
    [cut('../x', 'content').values[0] as Buffer, /sub-directory "\.\."/],
  ] as const) {
    const found = namedChunk(value)
    assert.ok('refused' in found)
    assert.match(found.refused, reason)
    assert.equal(found.own, undefined)
  }
})

test("a path of dfsp's own files is refused and named, so that a filter can pass it over", () => {
  const found = namedChunk(cut('LOGS/x.csv', 'content').values[0] as Buffer)
  assert.ok('refused' in found)
  assert.equal(found.own, 'LOGS/x.csv')
})
