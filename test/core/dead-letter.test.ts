import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type DeadLetter,
  decodeDeadLetter,
  type EncodedLetter,
  encodeDeadLetter,
  type FileLetter,
  HEAD_BYTES,
  MAX_RUNS,
  type RecordLetter,
} from '../../src/core/dead-letter.ts'
import { offsetRanges, spans } from '../../src/core/offsets/offset-ranges.ts'
import { random } from './random.ts'

const FILE: FileLetter = {
  kind: 'file',
  reason: 'failed',
  topic: 'xrd',
  path: 'a/b c/ü.csv',
  sha512: 'ab'.repeat(64),
  chunks: 7,
  bytes: 81_920,
  mtime: 1_700_000_000.5,
  attempts: 6,
  deliveryId: '0f'.repeat(16),
  error: 'no numbers in column 1',
  group: 'dfsp.plot.xrd',
  rounds: 0,
  ranges: [
    { partition: 0, from: 10, to: 14 },
    { partition: 0, from: 20, to: 20 },
    { partition: 3, from: 0, to: 0 },
  ],
  exact: true,
}

const RECORD: RecordLetter = {
  kind: 'record',
  reason: 'undecodable',
  topic: 'xrd',
  partition: 2,
  offset: 4_411,
  bytes: 3,
  head: Buffer.from([1, 2, 255]),
  error: 'not a msgpack array of 9 or 10',
  group: 'dfsp.plot.xrd',
  rounds: 0,
}

function decoded({ value, headers }: Pick<EncodedLetter, 'value' | 'headers'>) {
  return decodeDeadLetter(value, new Map(Object.entries(headers).map(([k, v]) => [k, Buffer.from(v)])))
}

function refusal(change: Record<string, unknown>, of: DeadLetter = FILE): string {
  const { value, headers } = encodeDeadLetter(of)
  const fields = { ...JSON.parse(value.toString()), ...change }
  const found = decoded({ value: Buffer.from(JSON.stringify(fields)), headers })
  assert.ok('refused' in found, JSON.stringify(found))
  return found.refused
}

test('the letter of a file on the wire is as documented', () => {
  const { key, value, headers } = encodeDeadLetter({ ...FILE, rounds: 2 })
  assert.equal(key, 'a/b c/ü.csv')
  assert.deepEqual(headers, { 'dfsp-retries': '2' })
  assert.deepEqual(JSON.parse(value.toString()), {
    v: 1,
    kind: 'file',
    topic: 'xrd',
    reason: 'failed',
    path: 'a/b c/ü.csv',
    sha512: 'ab'.repeat(64),
    chunks: 7,
    bytes: 81_920,
    mtime: 1_700_000_000.5,
    attempts: 6,
    deliveryId: '0f'.repeat(16),
    error: 'no numbers in column 1',
    group: 'dfsp.plot.xrd',
    exact: true,
    ranges: [
      [0, 10, 14],
      [0, 20, 20],
      [3, 0, 0],
    ],
  })
})

test('the letter of a record on the wire is as documented', () => {
  const { key, value } = encodeDeadLetter(RECORD)
  assert.equal(key, 'xrd/2/4411')
  assert.deepEqual(JSON.parse(value.toString()), {
    v: 1,
    kind: 'record',
    topic: 'xrd',
    reason: 'undecodable',
    partition: 2,
    offset: 4_411,
    bytes: 3,
    head: 'AQL/',
    error: 'not a msgpack array of 9 or 10',
    group: 'dfsp.plot.xrd',
  })
})

const count = fc.nat(2 ** 30)
const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`))
const topic = fc.stringMatching(/^[A-Za-z0-9._-]{1,249}$/)
const segment = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter(s => !/^\.\.?$|[/\\\0]|\p{Surrogate}/u.test(s))
const text = fc.string({ unit: 'binary', maxLength: 200 })
const common = { topic, error: text, group: text, rounds: fc.nat(1_000), bytes: count }
const plain = { noNullPrototype: true } as const
const fileLetter: fc.Arbitrary<FileLetter> = fc.record(
  {
    ...common,
    kind: fc.constant('file' as const),
    reason: fc.constantFrom('failed' as const, 'mismatch' as const, 'incomplete' as const),
    path: fc.array(segment, { minLength: 1, maxLength: 4 }).map(parts => parts.join('/')),
    sha512: hex(128),
    chunks: fc.integer({ min: 1, max: 2 ** 24 }),
    mtime: fc.double({ min: -8e12, max: 8e12, noNaN: true }).map(s => s + 0),
    attempts: count,
    deliveryId: hex(32),
    ranges: fc
      .array(fc.record({ partition: fc.nat(2_000), offset: fc.maxSafeNat().map(n => Math.max(0, n - 1)) }), {
        minLength: 1,
        maxLength: 50,
      })
      .map(offsetRanges),
    exact: fc.boolean(),
  },
  plain,
)
const recordLetter: fc.Arbitrary<RecordLetter> = fc.record(
  {
    ...common,
    kind: fc.constant('record' as const),
    reason: fc.constant('undecodable' as const),
    partition: count,
    offset: fc.nat(),
    head: fc.uint8Array({ maxLength: HEAD_BYTES }).map(bytes => Buffer.from(bytes)),
  },
  plain,
)

test('every letter comes back as it was', () => {
  fc.assert(
    fc.property(fc.oneof(fileLetter, recordLetter), letter => {
      assert.deepEqual(decoded(encodeDeadLetter(letter)), letter)
    }),
    { numRuns: 300 },
  )
})

test('100,000 chunks scattered over 12 partitions: one range per partition, and it says so', () => {
  const next = random(7)
  const places = Array.from({ length: 100_000 }, () => ({ partition: next(12), offset: next(10_000_000) }))
  const ranges = offsetRanges(places)
  assert.ok(ranges.length > 90_000)
  const encoded = encodeDeadLetter({ ...FILE, ranges, chunks: 100_000 })
  assert.ok(encoded.value.length < 2_000, `${encoded.value.length} bytes`)
  const letter = decoded(encoded)
  assert.deepEqual(letter, { ...FILE, chunks: 100_000, ranges: spans(ranges), exact: false })
})

test('the largest letter fits well into a record of 1 MB', () => {
  const wide = Array.from({ length: MAX_RUNS }, (_, i) => ({
    partition: i,
    from: Number.MAX_SAFE_INTEGER - 2,
    to: Number.MAX_SAFE_INTEGER - 1,
  }))
  const path = Array.from({ length: 15 }, () => '\u0001'.repeat(255)).join('/')
  const error = '\u0001'.repeat(100_000)
  const encoded = encodeDeadLetter({ ...FILE, path, error, group: error, ranges: wide })
  assert.ok(encoded.value.length < 200_000, `${encoded.value.length} bytes`)
  const letter = decoded(encoded)
  assert.ok(!('refused' in letter) && letter.error.endsWith('…'), JSON.stringify(letter).slice(0, 200))
})

test('a long error is cut between characters', () => {
  const letter = decoded(encodeDeadLetter({ ...RECORD, error: `a${'😀'.repeat(3_000)}` }))
  assert.ok(!('refused' in letter))
  assert.match(letter.error, /^a(😀)+…$/u)
})

test('what is no letter of this version is refused with what is wrong', () => {
  assert.equal(refusal({ v: 2 }), 'version 2 is not known')
  assert.equal(refusal({ v: undefined }), 'version (absent) is not known')
  assert.equal(refusal({ kind: 'x' }), 'kind "x" is not known')
  assert.equal(refusal({ reason: 'undecodable' }), 'reason "undecodable" is not known')
  assert.equal(refusal({ reason: 'failed' }, RECORD), 'reason "failed" is not known')
  assert.match(refusal({ topic: 'a/b' }), /^topic "a\/b"/)
  assert.match(refusal({ sha512: 'AB'.repeat(64) }), /^sha512/)
  assert.equal(refusal({ chunks: 0 }), 'chunks is 0')
  assert.match(refusal({ chunks: 2 ** 24 + 1 }), /^chunks 16777217/)
  assert.match(refusal({ bytes: -1 }), /^bytes -1/)
  assert.match(refusal({ attempts: 1.5 }), /^attempts 1.5/)
  assert.match(refusal({ mtime: '1' }), /^mtime "1"/)
  assert.match(refusal({ deliveryId: 'x' }), /^deliveryId/)
  assert.match(refusal({ exact: 1 }), /^exact/)
  assert.match(refusal({ error: 'e'.repeat(4_001) }), /^error has 4001/)
  assert.match(refusal({ head: '!!!' }, RECORD), /^head/)
  assert.match(refusal({ partition: null }, RECORD), /^partition null/)
})

test('fault 45: a path that leaves its root is refused', () => {
  for (const path of ['../a', 'a/../b', '/etc/passwd', 'a//b', '', 'a/', 'a\\b', '.', 'a\0b', '\ud800'])
    assert.notEqual(refusal({ path }), '', path)
})

test('ranges that are none, overlap or go back are refused', () => {
  for (const ranges of [
    [],
    {},
    [[0, 1]],
    [[0, 5, 4]],
    [[0, -1, 4]],
    [[0, 0, 2 ** 53]],
    [[2 ** 31, 0, 0]],
    [['0', 0, 0]],
    [
      [0, 0, 5],
      [0, 5, 6],
    ],
    [
      [1, 0, 5],
      [0, 0, 5],
    ],
  ])
    assert.match(refusal({ ranges }), /^ranges /, JSON.stringify(ranges))
})

test('the loop guard counts: absent is 0, anything but a count is refused', () => {
  const { value } = encodeDeadLetter(FILE)
  const rounds = (raw?: string) =>
    decodeDeadLetter(value, new Map(raw === undefined ? [] : [['dfsp-retries', Buffer.from(raw)]]))
  assert.deepEqual(rounds(), FILE)
  assert.deepEqual(rounds('12'), { ...FILE, rounds: 12 })
  for (const raw of ['', '-1', '1.5', 'x', '01', '1e3', '9999999999'])
    assert.deepEqual(rounds(raw), { refused: 'header dfsp-retries is not a count' }, raw)
})

test('a field that is not known is ignored', () => {
  const { value, headers } = encodeDeadLetter(FILE)
  const fields = { ...JSON.parse(value.toString()), note: { deep: [1] } }
  assert.deepEqual(decoded({ value: Buffer.from(JSON.stringify(fields)), headers }), FILE)
})

test('bytes that are no JSON, or too many, are refused', () => {
  const none = new Map<string, Uint8Array>()
  for (const value of [
    null,
    undefined,
    Buffer.alloc(0),
    Buffer.from('{'),
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.from('[]'),
    Buffer.from('null'),
    Buffer.from('7'),
    Buffer.from('['.repeat(500_000)),
    Buffer.alloc(1_000_000, 0x20),
  ])
    assert.ok('refused' in decodeDeadLetter(value, none))
})

test('a zero with a sign is refused: it could not be written again', () => {
  const { value, headers } = encodeDeadLetter(FILE)
  const text = String(value)
  for (const damaged of [text.replace('[3,0,0]', '[3,-0,0]'), text.replace(/("mtime":)[^,}]+/, '$1-0')]) {
    assert.notEqual(damaged, text)
    assert.ok('refused' in decoded({ value: Buffer.from(damaged), headers }), damaged)
  }
})

test('fault 46: a letter damaged in any byte is refused or decodes to one that can be written again', () => {
  const letters = [encodeDeadLetter(FILE), encodeDeadLetter(RECORD)]
  let read = 0
  let refused = 0
  fc.assert(
    fc.property(fc.constantFrom(...letters), fc.nat(), fc.nat(255), ({ value, headers }, at, byte) => {
      const damaged = Buffer.from(value)
      damaged[at % damaged.length] = byte
      const letter = decoded({ value: damaged, headers })
      if ('refused' in letter) refused++
      else {
        read++
        assert.deepEqual(decoded(encodeDeadLetter(letter)), letter)
      }
    }),
    { numRuns: 3_000 },
  )
  assert.ok(read > 100 && refused > 100, `${read} were read, ${refused} refused`)
})
