import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assembly } from '../../../src/core/chunks/assembly.ts'
import { MAX_CHUNKS } from '../../../src/core/chunks/chunk.ts'
import { type Cut, cutFile } from '../../../src/core/chunks/chunking.ts'

const cut = (size: number, chunkSize: number) => cutFile(size, chunkSize) as Cut

test('what was cut and assembled in any order is the original', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 1, max: 400 }),
      fc.infiniteStream(fc.nat()),
      (content, chunkSize, order) => {
        const { total, spans } = cut(content.length, chunkSize)
        const file = assembly(total)
        const whole = new Uint8Array(content.length)
        const shuffled = [...spans()]
          .map(span => ({ ...span, at: order.next().value as number }))
          .sort((a, b) => a.at - b.at)
        for (const { index, offset, length } of shuffled) {
          const data = content.subarray(offset, offset + length)
          assert.equal(file.place({ index, offset, data, chunkHash: new Uint8Array(64) }), 'new')
          whole.set(data, offset)
        }
        assert.equal(file.count, total)
        assert.equal(file.size(), content.length)
        assert.deepEqual(whole, content)
      },
    ),
  )
})

test('all chunks but the last have the full size', () => {
  assert.deepEqual(
    [...cut(10, 4).spans()],
    [
      { index: 1, offset: 0, length: 4 },
      { index: 2, offset: 4, length: 4 },
      { index: 3, offset: 8, length: 2 },
    ],
  )
})

test('an empty file is one empty chunk', () => {
  assert.deepEqual([...cut(0, 4).spans()], [{ index: 1, offset: 0, length: 0 }])
})

test('more chunks than a reader takes are refused', () => {
  assert.ok('total' in cutFile(MAX_CHUNKS * 4, 4))
  assert.match((cutFile(MAX_CHUNKS * 4 + 1, 4) as { refused: string }).refused, /16777217 chunks/)
})
