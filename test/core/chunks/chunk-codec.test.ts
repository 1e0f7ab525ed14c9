import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Chunk } from '../../../src/core/chunks/chunk.ts'
import { chunkKey, decodeChunk, encodeChunk } from '../../../src/core/chunks/chunk-codec.ts'
import { sha512 } from '../../support/files.ts'
import {
  bin,
  chunkOf,
  float32,
  float64,
  type GoldenChunk,
  golden,
  headed,
  intOf,
  packed,
  str,
  uint,
  uintOf,
} from '../messages.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

function decoded(value: Uint8Array): Chunk {
  const chunk = decodeChunk(value)
  assert.equal(chunk.kind, 'chunk', JSON.stringify(chunk))
  return chunk as Chunk
}

function refusal(value: Uint8Array | null | undefined): string {
  const chunk = decodeChunk(value)
  assert.equal(chunk.kind, 'undecodable')
  return (chunk as { reason: string }).reason
}

/** The refusal of a good message in which one field is packed otherwise. */
function refusalOf(field: number, bytes: Uint8Array, chunk: Partial<Chunk> = {}): string {
  return refusal(packed(chunkOf(chunk), { [field]: bytes }))
}

// ---- what OpenMSIStream writes

for (const file of golden) {
  test(`OpenMSIStream's messages of ${file.name} are read as its own reader reads them`, () => {
    for (const expected of file.chunks) {
      const chunk = decoded(Buffer.from(expected.value, 'base64'))
      assert.deepEqual(fieldsOf(chunk), goldenFieldsOf(expected))
      assert.equal(hex(sha512(chunk.data)), expected.chunkHash)
      assert.equal(chunkKey(chunk), expected.key)
    }
  })

  if (file.name !== 'nine-fields')
    test(`messages of ${file.name} are written byte for byte as OpenMSIStream does`, () => {
      for (const { value } of file.chunks) {
        const bytes = Buffer.from(value, 'base64')
        assert.equal(hex(encodeChunk(decoded(bytes))), hex(bytes))
      }
    })
}

test('whole files come out of their messages', () => {
  const whole = golden.filter(file => file.chunks.length === file.chunks[0]?.total)
  assert.ok(whole.length > 10)
  for (const file of whole) {
    const content = Buffer.alloc(file.size)
    for (const { value } of file.chunks) {
      const chunk = decoded(Buffer.from(value, 'base64'))
      content.set(chunk.data, chunk.offset)
    }
    assert.equal(hex(sha512(content)), file.sha512, file.name)
  }
})

test('two files may share one key, so it is no identity', () => {
  const [a, b] = [chunkOf({ subdir: 'a', filename: 'b_c' }), chunkOf({ subdir: 'a_b', filename: 'c' })]
  assert.equal(chunkKey(a), 'a_b_c_chunk_1_of_1')
  assert.equal(chunkKey(b), chunkKey(a))
})

function fieldsOf(chunk: Chunk) {
  const { filename, offset, index, total, subdir, append, data, mtime } = chunk
  const hashes = { fileHash: hex(chunk.fileHash), chunkHash: hex(chunk.chunkHash) }
  return { filename, ...hashes, offset, index, total, subdir, append, size: data.length, mtime }
}

function goldenFieldsOf(chunk: GoldenChunk) {
  const { key, value, ...fields } = chunk
  return fields
}

// ---- every encoding

const text = fc.string({ unit: 'grapheme', maxLength: 60 })
const hash = fc.uint8Array({ minLength: 64, maxLength: 64 })
const anyChunk = fc
  .record({
    filename: text,
    fileHash: hash,
    chunkHash: hash,
    offset: fc.nat({ max: 2 ** 40 }),
    total: fc.integer({ min: 2, max: 2 ** 24 }),
    place: fc.double({ min: 0, max: 1, noNaN: true }),
    subdir: text,
    append: text,
    data: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    mtime: fc.double({ min: -1e12, max: 1e12, noNaN: true }),
  })
  .map(({ place, ...fields }): Chunk => {
    const index = 1 + Math.floor(place * (fields.total - 1))
    return { kind: 'chunk', ...fields, mtime: fields.mtime + 0, index }
  })

test('what is written is read again', () => {
  fc.assert(
    fc.property(anyChunk, chunk => {
      assert.deepEqual(plain(decoded(encodeChunk(chunk))), plain(chunk))
    }),
    { numRuns: 500 },
  )
})

test('text and bytes are read from str and from bin, with lengths of any width', () => {
  const chunk = chunkOf({ filename: 'Größe №1.tif', append: '_copy' })
  const texts: [number, string][] = [
    [0, chunk.filename],
    [6, chunk.subdir],
    [7, chunk.append],
  ]
  const byteFields: [number, Uint8Array][] = [
    [1, chunk.fileHash],
    [2, chunk.chunkHash],
    [8, chunk.data],
  ]
  const fields = [...texts.map(([i, t]) => [i, Buffer.from(t)] as const), ...byteFields]
  for (const [field, bytes] of fields) {
    const ways = [str(bytes), ...([1, 2, 4] as const).flatMap(w => [str(bytes, w), bin(bytes, w)])]
    for (const way of ways) assert.deepEqual(plain(decoded(packed(chunk, { [field]: way }))), plain(chunk))
  }
})

test('numbers are read in every width that holds them', () => {
  const chunk = chunkOf({ offset: 100, index: 99, total: 101 })
  for (const [field, n] of [
    [3, 100],
    [4, 99],
    [5, 101],
  ] as const) {
    const ways = [Buffer.of(n), ...([1, 2, 4, 8] as const).flatMap(w => [uintOf(n, w), intOf(n, w)])]
    for (const way of ways) assert.deepEqual(plain(decoded(packed(chunk, { [field]: way }))), plain(chunk))
  }
})

test('a modification time may be a float of either width or an integer of any', () => {
  const read = (bytes: Uint8Array) => decoded(packed(chunkOf(), { 9: bytes })).mtime
  assert.equal(read(float64(1_764_000_000.25)), 1_764_000_000.25)
  assert.equal(read(float32(0.5)), 0.5)
  assert.equal(read(float64(0)), 0)
  assert.equal(read(uint(1_764_000_000)), 1_764_000_000)
  assert.equal(read(uintOf(1_764_000_000, 4)), 1_764_000_000)
  assert.equal(read(Buffer.of(0)), 0)
  assert.equal(read(Buffer.of(0xff)), -1)
})

test('without the tenth field, as older producers write, the time is unknown', () => {
  const ten = packed(chunkOf())
  const nine = Buffer.concat([Buffer.of(0x99), ten.subarray(1, ten.length - 9)])
  assert.equal(decoded(nine).mtime, 0)
})

test('the array may carry its length in two or four bytes', () => {
  const fields = packed(chunkOf()).subarray(1)
  for (const head of [headed(0xdc, 10, 2), headed(0xdd, 10, 4)])
    assert.deepEqual(plain(decoded(Buffer.concat([head, fields]))), plain(chunkOf()))
})

test('a zero-byte file is one chunk, 1 of 1, without data', () => {
  assert.equal(decoded(encodeChunk(chunkOf({ data: Buffer.alloc(0) }))).data.length, 0)
})

function plain(chunk: Chunk) {
  const { fileHash, chunkHash, data } = chunk
  return { ...chunk, fileHash: hex(fileHash), chunkHash: hex(chunkHash), data: hex(data) }
}

// ---- refusals

test('fault 43: a count of chunks that no file has is refused, and named', () => {
  for (const [bytes, shown] of [
    [uint(0), '0'],
    [intOf(-1, 1), '-1'],
    [uint(2 ** 24 + 1), '16777217'],
    [uint(2 ** 31), '2147483648'],
    [uint(2 ** 53), '9007199254740992'],
    [float64(Number.NaN), 'NaN'],
    [float64(Number.POSITIVE_INFINITY), 'Infinity'],
    [float64(1.5), '1.5'],
  ] as const)
    assert.match(refusalOf(5, bytes), new RegExp(`^total chunks ${shown.replace('.', '\\.')} `))
})

test('a file may have as many chunks as one of 1 TiB in chunks of 64 KiB', () => {
  assert.equal(decoded(packed(chunkOf({ index: 5, total: 2 ** 24, offset: 4 }))).total, 2 ** 24)
})

test('fault 43: a count of chunks that is no number is refused', () => {
  assert.match(refusalOf(5, str(Buffer.from('7'))), /^total chunks is .*not a number/)
  assert.match(refusalOf(5, Buffer.of(0xc0)), /^total chunks is nil, not a number/)
})

test('fault 44: an index outside 1 to the total is refused, and named', () => {
  assert.match(refusalOf(4, uint(0)), /^chunk index 0 /)
  assert.match(refusalOf(4, intOf(-3, 2)), /^chunk index -3 /)
  assert.match(refusalOf(4, uint(4), { total: 3 }), /^chunk index 4 .*3/)
  assert.match(refusalOf(4, float64(Number.NaN)), /^chunk index NaN /)
})

test('fault 44: a byte offset that no file has is refused, and named', () => {
  assert.match(refusalOf(3, intOf(-1, 1)), /^byte offset -1 /)
  assert.match(refusalOf(3, uint(2 ** 53), { total: 2 }), /^byte offset 9007199254740992 /)
  assert.match(refusalOf(3, float64(0.5), { total: 2 }), /^byte offset 0\.5 /)
  assert.match(refusalOf(3, uint(2 ** 44), { total: 2 }), /^byte offset 17592186044416 /)
  assert.match(refusalOf(3, uint(5)), /only chunk begins at byte 5/)
})

test('fault 44: an empty chunk beside others is refused', () => {
  assert.match(
    refusalOf(8, bin(Buffer.alloc(0)), { total: 3, index: 2, offset: 9 }),
    /^chunk 2 of 3 is empty/,
  )
})

test('a hash that is not 64 bytes is refused with its length', () => {
  assert.match(refusalOf(1, bin(Buffer.alloc(63))), /^file hash .*63.*64/)
  assert.match(refusalOf(2, bin(Buffer.alloc(65))), /^chunk hash .*65.*64/)
  assert.match(refusalOf(1, uint(5)), /^file hash is number, not bytes/)
})

test('text that is not UTF-8, too long or no text is refused by the name of its field', () => {
  assert.match(refusalOf(0, bin(Buffer.of(0xff, 0xfe))), /^filename is not UTF-8/)
  assert.match(refusalOf(6, bin(Buffer.of(0xed, 0xa0, 0x80))), /^subdirectory is not UTF-8/)
  assert.match(refusalOf(7, str(Buffer.alloc(5000, 0x61))), /^filename append .*5000/)
  assert.match(refusalOf(6, Buffer.of(0xc0)), /^subdirectory is nil, not text/)
})

test('a time that is none is refused', () => {
  for (const n of [Number.NaN, Number.POSITIVE_INFINITY, 1e300])
    assert.match(refusalOf(9, float64(n)), /^mtime .* not a time/)
  assert.match(refusalOf(9, str(Buffer.from('now'))), /^mtime is .*not a number/)
})

test('fault 46: an array of another length is refused with its length', () => {
  const fields = packed(chunkOf()).subarray(1)
  assert.match(refusal(Buffer.concat([Buffer.of(0x98), fields])), /array of 8, /)
  assert.match(refusal(Buffer.concat([Buffer.of(0x9b), fields, Buffer.of(0)])), /array of 11, /)
  assert.match(refusal(Buffer.of(0x90)), /array of 0, /)
})

test('fault 46: each shortening of a message is refused', () => {
  const whole = packed(chunkOf())
  for (let length = 0; length < whole.length; length++) refusal(whole.subarray(0, length))
  assert.match(refusal(whole.subarray(0, whole.length - 10)), /^cut off within data/)
  assert.match(refusal(whole.subarray(0, whole.length - 9)), /^cut off before mtime/)
})

test('fault 46: bytes after the end are refused with their number', () => {
  assert.match(refusal(Buffer.concat([packed(chunkOf()), Buffer.from('xyz')])), /^3 bytes after/)
})

test('fault 46: maps, arrays, booleans and extensions as fields are refused by name', () => {
  for (const bytes of [[0x80], [0x90], [0xc2], [0xc3], [0xc1], [0xd4, 1, 2], [0xde, 0, 0], [0xdc, 0, 0]])
    assert.match(refusalOf(6, Buffer.from(bytes)), /^subdirectory is no scalar/)
})

test('fault 46: a nesting of a million levels is refused at once', () => {
  assert.match(refusal(Buffer.alloc(2 ** 20, 0x91)), /array of 1, /)
  assert.match(refusal(Buffer.alloc(2 ** 20, 0x9a)), /^filename is no scalar/)
  assert.match(refusalOf(0, Buffer.alloc(2 ** 20, 0x91)), /^filename is no scalar/)
})

test('fault 46: a declared length of 2 GB is refused without the memory for it', () => {
  const before = memory()
  for (const type of [0xc6, 0xdb])
    for (const field of [0, 1, 8])
      assert.match(refusalOf(field, headed(type, 2 ** 31, 4)), /^cut off within .*needs \d+ bytes/)
  assert.match(refusal(headed(0xdd, 2 ** 31, 4)), /array of 2147483648, /)
  assert.ok(memory() - before < 2 ** 24)
})

test('fault 48: an encrypted message is refused as what it looks like', () => {
  const encrypted = Buffer.concat([Buffer.of(0x01), Buffer.from(sha512(Buffer.from('x')))])
  assert.match(refusal(encrypted), /^not a msgpack array of 9 or 10.*KafkaCrypto/)
})

test('fault 48: a foreign message is refused as what it looks like', () => {
  assert.match(refusal(Buffer.from('{"a":1}')), /^not a msgpack array of 9 or 10.*JSON/)
  assert.match(refusal(Buffer.from('hello, world\n')), /^not a msgpack array of 9 or 10.*text/)
  assert.equal(refusal(Buffer.of(0xc1, 0xff)), 'not a msgpack array of 9 or 10')
})

test('no value and an empty value are no chunk', () => {
  assert.match(refusal(null), /empty/)
  assert.match(refusal(undefined), /empty/)
  assert.match(refusal(Buffer.alloc(0)), /empty/)
})

test('a refusal never repeats the data', () => {
  const secret = Buffer.from('secret-secret-secret')
  const values = [
    packed(chunkOf({ data: secret }), { 5: uint(0) }),
    packed(chunkOf({ data: secret })).subarray(0, -1),
    packed(chunkOf(), { 1: bin(secret) }),
    packed(chunkOf(), { 5: str(secret) }),
    secret,
  ]
  for (const value of values) assert.doesNotMatch(refusal(value), /secret/)
})

function memory(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + external + arrayBuffers
}
