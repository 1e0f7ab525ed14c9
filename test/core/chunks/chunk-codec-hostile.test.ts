/**
 * The codec against bytes that nobody means well with: damaged messages of every kind, and noise.
 * `DFSP_FUZZ_RUNS` asks for more of them; a failure names its seed and the message.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Chunk, HASH_BYTES, MAX_CHUNKS } from '../../../src/core/chunks/chunk.ts'
import { decodeChunk, encodeChunk } from '../../../src/core/chunks/chunk-codec.ts'
import { chunkOf, golden, packed } from '../messages.ts'
import { random } from '../random.ts'

const RUNS = Number(process.env.DFSP_FUZZ_RUNS ?? 50_000)
const PER_SEED = 250

const VALID = [
  ...golden.flatMap(file => file.chunks.map(chunk => Buffer.from(chunk.value, 'base64'))),
  packed(chunkOf({ data: Buffer.alloc(5_000, 7) })),
  packed(chunkOf({ data: Buffer.alloc(0) })),
]

/** Heads that promise much: long texts, arrays, maps, extensions, numbers at the edges. */
const HEADS = [
  'c6ffffffff',
  'c680000000',
  'dbffffffff',
  'ddffffffff',
  'dfffffffff',
  'c9ffffffff01',
  'dcffff',
  'deffff',
  'c7ff05',
  'd801',
  'cfffffffffffffffff',
  'd38000000000000000',
  'cb7ff8000000000000',
  'cbfff0000000000000',
  'ca7f800000',
  'c0',
  'c1',
  'c2',
  '9a',
  '8f',
  'c400',
  'a0',
].map(head => Buffer.from(head, 'hex'))

test(`fault 46: ${RUNS.toLocaleString('en-US')} damaged messages are refused or harmless`, () => {
  let accepted = 0
  fc.assert(
    fc.property(fc.integer(), seed => {
      const next = random(seed)
      for (let i = 0; i < PER_SEED; i++) if (isHarmless(damaged(next))) accepted++
    }),
    { numRuns: Math.ceil(RUNS / PER_SEED) },
  )
  // Damage within data, hashes or names leaves a chunk, so both ways are walked.
  assert.ok(accepted > RUNS / 20 && accepted < RUNS, `${accepted} of ${RUNS} were read`)
})

test('fault 46: noise is refused or harmless', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400, size: 'max' }), noise => {
      isHarmless(noise)
      isHarmless(Buffer.concat([Buffer.of(0x9a), noise]))
    }),
    { numRuns: Math.max(2_000, RUNS / 25) },
  )
})

/** Whether `value` is read as a chunk; fails if that did, or could do, any harm. */
function isHarmless(value: Uint8Array): boolean {
  try {
    const chunk = decodeChunk(value)
    if (chunk.kind === 'chunk') {
      checkChunk(chunk, value)
      return true
    }
    assert.ok(chunk.reason.length > 0 && chunk.reason.length < 200, chunk.reason)
    return false
  } catch (error) {
    throw new Error(`on ${Buffer.from(value).toString('hex')}`, { cause: error })
  }
}

function checkChunk(chunk: Chunk, value: Uint8Array): void {
  for (const view of [chunk.data, chunk.fileHash, chunk.chunkHash]) {
    assert.equal(view.buffer, value.buffer)
    assert.ok(view.byteOffset >= value.byteOffset)
    assert.ok(view.byteOffset + view.length <= value.byteOffset + value.length)
  }
  assert.equal(chunk.fileHash.length, HASH_BYTES)
  assert.equal(chunk.chunkHash.length, HASH_BYTES)
  for (const name of [chunk.filename, chunk.subdir, chunk.append]) assert.ok(name.length <= value.length)
  assert.ok(Number.isInteger(chunk.total) && chunk.total >= 1 && chunk.total <= MAX_CHUNKS)
  assert.ok(Number.isInteger(chunk.index) && chunk.index >= 1 && chunk.index <= chunk.total)
  assert.ok(Number.isSafeInteger(chunk.offset) && chunk.offset >= 0)
  assert.ok(!Number.isNaN(new Date(chunk.mtime * 1_000).getTime()))
  assert.equal(decodeChunk(encodeChunk(chunk)).kind, 'chunk')
}

/** One to three damages on a valid message. */
function damaged(next: (below: number) => number): Buffer<ArrayBufferLike> {
  let bytes: Buffer<ArrayBufferLike> = Buffer.from(VALID[next(VALID.length)] as Buffer)
  for (let times = 1 + next(3); times > 0; times--) bytes = damage(bytes, next)
  return bytes
}

function damage(bytes: Buffer<ArrayBufferLike>, next: (below: number) => number): Buffer<ArrayBufferLike> {
  // Most of a message is data: half of the damage goes to the fields before and after it.
  const at = next(2) === 0 ? next(bytes.length + 1) : next(Math.min(bytes.length + 1, 24))
  const end = Math.min(bytes.length, at + 1 + next(16))
  const head = HEADS[next(HEADS.length)] as Buffer
  switch (next(7)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << next(8))
      return bytes
    case 1:
      if (at < bytes.length) bytes[at] = next(256)
      return bytes
    case 2:
      return bytes.subarray(0, at)
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)])
    case 4:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)])
    case 5:
      return Buffer.concat([bytes.subarray(0, at), head, bytes.subarray(at)])
    default:
      return Buffer.concat([bytes.subarray(0, at), head, bytes.subarray(at + head.length)])
  }
}
