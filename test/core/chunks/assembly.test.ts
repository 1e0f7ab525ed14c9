import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Assembly, assembly, eachPlaced, KEPT_HASH_BYTES } from '../../../src/core/chunks/assembly.ts'
import { sha512 } from '../../support/files.ts'

interface Piece {
  readonly index: number
  readonly offset: number
  readonly data: Uint8Array
  readonly chunkHash: Uint8Array
}

function piece(index: number, offset: number, length: number): Piece {
  const data = Buffer.alloc(length, index)
  return { index, offset, data, chunkHash: sha512(data) }
}

/** The pieces of a file, one after the other, with these lengths. */
function pieces(lengths: readonly number[]): Piece[] {
  let offset = 0
  return lengths.map((length, i) => {
    const made = piece(i + 1, offset, length)
    offset += length
    return made
  })
}

function placed(lengths: readonly number[]): Assembly {
  const file = assembly(lengths.length)
  for (const p of pieces(lengths)) file.place(p)
  return file
}

const lengths = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 })
const arrivals = lengths.chain(all =>
  fc.record({
    all: fc.constant(pieces(all)),
    first: fc.shuffledSubarray(pieces(all), { minLength: all.length }),
    again: fc.array(fc.nat({ max: all.length - 1 }), { maxLength: 60 }),
    at: fc.infiniteStream(fc.nat()),
  }),
)

test('fault 33: chunks make the whole file in any order', () => {
  fc.assert(
    fc.property(arrivals, ({ all, first }) => {
      const file = assembly(all.length)
      for (const [i, p] of first.entries()) {
        assert.equal(file.count, i)
        assert.equal(file.has(p.index), false)
        assert.equal(file.place(p), 'new')
        assert.equal(file.has(p.index), true)
      }
      assert.equal(file.count, file.total)
      assert.equal(file.size(), bytesOf(all))
      assert.equal(file.bytes, bytesOf(all))
    }),
  )
})

test('fault 32: any number of duplicates changes nothing', () => {
  fc.assert(
    fc.property(arrivals, ({ all, first, again, at }) => {
      const file = assembly(all.length)
      const order = [...first]
      for (const i of again)
        order.splice((at.next().value as number) % (order.length + 1), 0, all[i] as Piece)
      const seen = new Set<number>()
      for (const p of order) {
        assert.equal(file.place(p), seen.has(p.index) ? 'duplicate' : 'new')
        seen.add(p.index)
        assert.equal(file.count, seen.size)
      }
      assert.equal(file.size(), bytesOf(all))
    }),
  )
})

test('geometry and the leading bytes of the digest are kept of each chunk', () => {
  fc.assert(
    fc.property(arrivals, ({ all, first }) => {
      const file = assembly(all.length)
      for (const p of first) file.place(p)
      const kept = first.map(({ index, offset, data, chunkHash }) => {
        return { index, offset, length: data.length, hash: [...chunkHash.subarray(0, KEPT_HASH_BYTES)] }
      })
      assert.deepEqual(
        Array.from(eachPlaced(file.chunks()), c => ({ ...c, hash: [...c.hash] })),
        kept,
      )
    }),
  )
  assert.ok(KEPT_HASH_BYTES >= 16)
})

test('a chunk that was removed is missing, and a copy takes its place', () => {
  fc.assert(
    fc.property(arrivals, fc.array(fc.nat(), { minLength: 1, maxLength: 10 }), ({ all, first }, gone) => {
      const file = assembly(all.length)
      for (const p of first) file.place(p)
      const removed = new Set(gone.map(i => all[i % all.length] as Piece))
      file.remove(Array.from(removed, p => p.index))
      assert.equal(file.count, all.length - removed.size)
      assert.equal(file.bytes, bytesOf(all.filter(p => !removed.has(p))))
      for (const p of all) assert.equal(file.has(p.index), !removed.has(p))
      for (const chunk of eachPlaced(file.chunks())) {
        const { offset, data, chunkHash } = all[chunk.index - 1] as Piece
        assert.deepEqual([chunk.offset, chunk.length], [offset, data.length])
        assert.deepEqual([...chunk.hash], [...chunkHash.subarray(0, KEPT_HASH_BYTES)])
      }
      for (const p of removed) assert.equal(file.place(p), 'new')
      assert.equal(file.size(), bytesOf(all))
      assert.deepEqual(
        new Set(Array.from(eachPlaced(file.chunks()), c => c.index)),
        new Set(all.map(p => p.index)),
      )
    }),
  )
})

test('removing a chunk that is not there changes nothing', () => {
  const file = placed([5, 5])
  file.remove([1])
  file.remove([1])
  assert.equal(file.count, 1)
  assert.equal(file.bytes, 5)
})

test('fault 44: a gap is found, and told by chunk and bytes', () => {
  const file = assembly(3)
  for (const p of [piece(1, 0, 10), piece(3, 25, 5), piece(2, 10, 10)]) file.place(p)
  assert.deepEqual(file.size(), {
    wrong: 'a gap before chunk 3: it begins at byte 25, the one before ends at 20',
  })
})

test('fault 44: a file that does not begin at byte 0 has a gap', () => {
  const file = assembly(2)
  for (const p of [piece(1, 5, 10), piece(2, 15, 10)]) file.place(p)
  assert.match((file.size() as { wrong: string }).wrong, /gap before chunk 1/)
})

test('fault 44: an overlap is found, and told by chunk and bytes', () => {
  const file = assembly(2)
  for (const p of [piece(1, 0, 10), piece(2, 9, 10)]) file.place(p)
  assert.deepEqual(file.size(), {
    wrong: 'an overlap at chunk 2: it begins at byte 9, the one before ends at 10',
  })
})

test('fault 44: one chunk moved anywhere else is found', () => {
  fc.assert(
    fc.property(arrivals, fc.nat(), fc.nat({ max: 3_000 }), ({ all }, which, offset) => {
      const moved = all[which % all.length] as Piece
      fc.pre(offset !== moved.offset)
      const file = assembly(all.length)
      for (const p of all) file.place(p === moved ? { ...p, offset } : p)
      assert.equal(typeof file.size(), 'object')
    }),
  )
})

test('fault 44: wherever chunks lie, the first one in the order of bytes that is out of place is told', () => {
  const spans = fc.array(fc.tuple(fc.nat({ max: 6 }), fc.integer({ min: 1, max: 3 })), { minLength: 1 })
  fc.assert(
    fc.property(spans, all => {
      const file = assembly(all.length)
      for (const [i, [offset, length]] of all.entries()) file.place(piece(i + 1, offset, length))
      const inOrder = all.map(([offset, length], i) => ({ index: i + 1, offset, length }))
      inOrder.sort((a, b) => a.offset - b.offset || a.length - b.length)
      let end = 0
      const wrong = inOrder.find(({ offset, length }) => {
        if (offset !== end) return true
        end += length
        return false
      })
      const size = file.size()
      if (wrong === undefined) return assert.equal(size, end)
      assert.ok(typeof size === 'object')
      const [, what, index, begin, before] =
        /^an? (gap|overlap) (?:before|at) chunk (\d+): it begins at byte (\d+), the one before ends at (\d+)$/.exec(
          size.wrong,
        ) ?? []
      assert.deepEqual(
        [what, Number(begin), Number(before)],
        [wrong.offset > end ? 'gap' : 'overlap', wrong.offset, end],
      )
      assert.equal(all[Number(index) - 1]?.[0], wrong.offset)
    }),
  )
})

test('of hundreds of thousands of chunks in disorder no two are compared by a function, and none becomes an object', t => {
  const total = 200_000
  const file = assembly(total)
  const data = Buffer.alloc(2)
  const chunkHash = sha512(data)
  for (let i = 0; i < total; i++) {
    const index = ((i * 7919) % total) + 1
    file.place({ index, offset: (index - 1) * 2, data, chunkHash })
  }
  const { sort } = Array.prototype
  t.after(() => Object.assign(Array.prototype, { sort }))
  Object.assign(Array.prototype, { sort: () => assert.fail('compared') })
  assert.equal(file.size(), total * 2)
  file.replace({ index: 1, offset: total * 2, data, chunkHash })
  assert.equal(typeof file.size(), 'object')
  const chunks = file.chunks()
  assert.ok(chunks instanceof Uint32Array)
  assert.equal(chunks.length % total, 0)
})

test('an offset of more than 32 bits is kept whole', () => {
  const file = assembly(2)
  for (const offset of [2 ** 32 + 5, 2 ** 44 - 1]) file.place(piece(file.count + 1, offset, 1))
  assert.deepEqual(
    Array.from(eachPlaced(file.chunks()), c => c.offset),
    [2 ** 32 + 5, 2 ** 44 - 1],
  )
  assert.match((file.size() as { wrong: string }).wrong, /begins at byte 4294967301,/)
})

test('the highest index is the one of the chunks that are there', () => {
  const file = assembly(9)
  assert.equal(file.highest, 0)
  for (const index of [2, 7, 4]) file.place(piece(index, index, 1))
  assert.equal(file.highest, 7)
  file.remove([7])
  assert.equal(file.highest, 4)
})

test('fault 41: a file of zero bytes is one empty chunk', () => {
  const file = assembly(1)
  assert.equal(file.place(piece(1, 0, 0)), 'new')
  assert.equal(file.count, file.total)
  assert.equal(file.size(), 0)
})

test('fault 42: a file of one chunk is whole at once', () => {
  assert.equal(placed([1_000]).size(), 1_000)
})

test('fault 43: the largest count of chunks costs no memory until they come', () => {
  const before = process.memoryUsage()
  const files = Array.from({ length: 200 }, () => {
    const file = assembly(2 ** 24)
    file.place(piece(2 ** 24, 2 ** 40, 1))
    file.place(piece(1, 0, 1))
    return file
  })
  const after = process.memoryUsage()
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
  assert.ok(grown < 200 * 16 * 1024, `${grown} bytes`)
  for (const file of files) {
    assert.equal(file.count, 2)
    assert.equal(file.has(2 ** 24), true)
    assert.equal(file.has(2 ** 24 - 1), false)
  }
})

test('a hundred thousand chunks are placed and found', () => {
  const total = 100_000
  const file = assembly(total)
  const data = Buffer.alloc(2)
  const chunkHash = sha512(data)
  for (let i = 0; i < total; i++) {
    const index = ((i * 7919) % total) + 1
    assert.equal(file.place({ index, offset: (index - 1) * 2, data, chunkHash }), 'new')
  }
  assert.equal(file.size(), total * 2)
})

function bytesOf(all: readonly Piece[]): number {
  return all.reduce((sum, p) => sum + p.data.length, 0)
}

test('a copy that replaces a chunk is what is known of it from then on, also after others were removed', () => {
  const table = assembly(3)
  const chunk = (index: number, offset: number, length: number, mark: number) => ({
    ...{ index, offset, data: Buffer.alloc(length), chunkHash: Buffer.alloc(64, mark) },
  })
  for (const index of [1, 2, 3]) table.place(chunk(index, (index - 1) * 4, 4, index))
  table.replace(chunk(2, 4, 2, 9))
  assert.deepEqual([table.count, table.bytes], [3, 10])
  assert.match((table.size() as { wrong: string }).wrong, /a gap before chunk 3/)
  table.remove([1])
  table.place(chunk(1, 0, 4, 1))
  table.replace(chunk(2, 4, 4, 7))
  assert.equal(table.size(), 12)
  assert.equal([...eachPlaced(table.chunks())].find(({ index }) => index === 2)?.hash[0], 7)
})
