import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { front } from '../../../src/core/chunks/front.ts'

test('it is where the first gap begins, in whatever order chunks come', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(lengths, fc.infiniteStream(fc.nat()), (sizes, keys) => {
      let end = 0
      const chunks = sizes.map(size => {
        const chunk = { offset: end, data: new Uint8Array(size), key: keys.next().value as number }
        end += size
        return chunk
      })
      const there = new Set<number>()
      const own = front()
      for (const chunk of chunks.toSorted((a, b) => a.key - b.key)) {
        own.place(chunk)
        for (let i = 0; i < chunk.data.length; i++) there.add(chunk.offset + i)
        let gap = 0
        while (there.has(gap)) gap++
        assert.equal(own.bytes, gap)
      }
      assert.equal(own.bytes, end)
    }),
  )
})

test('a chunk that overlaps others does not move it', () => {
  const own = front()
  own.place({ offset: 0, data: new Uint8Array(10) })
  own.place({ offset: 5, data: new Uint8Array(10) })
  assert.equal(own.bytes, 10)
})
