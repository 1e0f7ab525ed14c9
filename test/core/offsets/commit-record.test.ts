import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { fileId } from '../../../src/core/chunks/generation.ts'
import {
  acceptedRecord,
  type CommitRecord,
  encodeCommitRecord,
  fileHash40,
  isOwnRecord,
  RECORD_CHARS,
  type RecordContent,
  sameMetadata,
} from '../../../src/core/offsets/commit-record.ts'
import { varint } from '../../../src/core/offsets/varint.ts'
import { decodeCommitRecord } from '../../support/commit-record.ts'

interface Golden {
  readonly name: string
  readonly text: string
  readonly base: number
  readonly position: number
  readonly unresolved: CommitRecord['unresolved']
  readonly finished: readonly string[]
  readonly attempts: readonly (readonly [number, number])[]
}

const golden: readonly Golden[] = JSON.parse(
  readFileSync(new URL('../../golden/commit-records.json', import.meta.url), 'utf8'),
).records

const recordOf = ({ base, position, unresolved, finished, attempts }: Golden): CommitRecord => ({
  base,
  position,
  unresolved,
  finished: finished.map(hex => Buffer.from(hex, 'hex').toString('latin1')),
  attempts: new Map(attempts),
})

const contentOf = ({ unresolved, ...rest }: CommitRecord): RecordContent =>
  unresolved.kind === 'offsets'
    ? { ...rest, runs: unresolved.runs, files: undefined }
    : { ...rest, runs: undefined, files: { hashes: unresolved.files, offsets: unresolved.offsets } }

const nothing = { runs: undefined, files: undefined, finished: [], attempts: new Map<number, number>() }
const digestOf = (text: string) => createHash('sha256').update(text).digest().toString('latin1', 0, 16)
const hashesOf = (count: number) => Array.from({ length: count }, (_, i) => fileHash40(digestOf(`file ${i}`)))

const hash40 = fc.integer({ min: 0, max: 2 ** 40 - 1 })
const base = fc.oneof(
  fc.nat({ max: 1_000 }),
  fc.maxSafeNat().map(n => Math.floor(n / 2)),
)
const extras = {
  finished: fc.array(fc.string().map(digestOf), { maxLength: 4 }),
  attempts: fc.array(fc.tuple(hash40, fc.nat()), { maxLength: 4 }).map(entries => new Map(entries)),
}
const ofRuns = fc
  .record({
    base,
    runs: fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 200, size: 'max' }),
    ...extras,
  })
  .map(({ runs, ...rest }): RecordContent => {
    const position = rest.base + runs.reduce((sum, run) => sum + run, 0)
    return { ...rest, position, runs, files: undefined }
  })
const ofFiles = fc
  .record({
    base,
    hashes: fc.array(fc.oneof(hash40, fc.nat({ max: 3 })), { maxLength: 60, size: 'max' }),
    gaps: fc.array(fc.nat({ max: 70_000 }), { maxLength: 60, size: 'max' }),
    beyond: fc.nat(),
    ...extras,
  })
  .map(({ hashes, gaps, beyond, ...rest }): RecordContent => {
    let next = rest.base
    const offsets = gaps.map(gap => {
      next += gap + 1
      return next - 1
    })
    return { ...rest, position: next + beyond, runs: undefined, files: { hashes, offsets } }
  })

/** What a decoder must make of it, whatever way was taken to say it. */
const meaning = (content: RecordContent, kind: 'offsets' | 'files'): CommitRecord => ({
  base: content.base,
  position: content.position,
  unresolved:
    kind === 'offsets'
      ? { kind, runs: content.runs ?? [] }
      : {
          kind,
          files: [...(content.files?.hashes ?? [])].sort((a, b) => a - b),
          offsets: content.files?.offsets ?? [],
        },
  finished: content.finished,
  attempts: content.attempts,
})

const encoded = (content: RecordContent): { text: string; fill: number } => {
  const found = encodeCommitRecord(content)
  assert.ok(found, 'it fits')
  return found
}

/** A text with a checksum that holds, whatever is inside. */
const textOf = (...parts: readonly Uint8Array[]): string => {
  const content = Buffer.concat(parts)
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32LE(crc32(content))
  return `d1.${Buffer.concat([content, checksum]).toString('base64url')}.`
}
const bytes = (...values: number[]) => Uint8Array.from(values)

test('what is written is read again, be it run lengths or files', () => {
  fc.assert(
    fc.property(fc.oneof(ofRuns, ofFiles), content => {
      const { text } = encoded(content)
      assert.match(text, /^d1\.[\w-]+\.$/)
      assert.ok(text.length <= RECORD_CHARS)
      assert.deepEqual(decodeCommitRecord(text), meaning(content, content.runs ? 'offsets' : 'files'))
    }),
    { numRuns: 1_000 },
  )
})

test('the shorter of two ways is taken', () => {
  fc.assert(
    fc.property(ofRuns, fc.array(hash40, { maxLength: 60, size: 'max' }), (content, hashes) => {
      const files = { hashes, offsets: [] }
      const lengths = [content, { ...content, runs: undefined, files }].map(one => encoded(one).text.length)
      assert.equal(encoded({ ...content, files }).text.length, Math.min(...lengths))
    }),
    { numRuns: 300 },
  )
})

for (const vector of golden) {
  test(`golden record, ${vector.name}`, () => {
    const record = recordOf(vector)
    assert.deepEqual(decodeCommitRecord(vector.text), record)
    const { text } = encoded(contentOf(record))
    // Compressors differ between builds of zlib: what counts there is what comes out.
    if (vector.name.startsWith('deflated')) assert.deepEqual(decodeCommitRecord(text), record)
    else assert.equal(text, vector.text)
  })
}

const hasPython = spawnSync('python3', ['--version']).status === 0

test('the reader in docs/commit-record.md reads the golden records, and what is written today', {
  skip: hasPython ? false : 'python3 is not here',
}, () => {
  const page = readFileSync(new URL('../../../docs/commit-record.md', import.meta.url), 'utf8')
  const program = /```python\n(.*?)```/s.exec(page)?.[1]
  assert.ok(program)
  const samples = fc.sample(fc.oneof(ofRuns, ofFiles), { numRuns: 200, seed: 1 })
  const texts = [...golden.map(vector => vector.text), ...samples.map(content => encoded(content).text)]
  const { stdout, stderr } = spawnSync('python3', ['-c', program], {
    input: JSON.stringify(texts),
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  const read = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.equal(read.length, texts.length)
  read.forEach((record, i) => {
    assert.deepEqual(recordOf(record), decodeCommitRecord(texts[i]))
  })
})

test('the example in docs/commit-record.md is a golden record', () => {
  const page = readFileSync(new URL('../../../docs/commit-record.md', import.meta.url), 'utf8')
  const example = /^`(d1\..*)`$/m.exec(page)?.[1]
  assert.ok(golden.some(vector => vector.text === example))
})

test('the hash of a file is the beginning of the digest that the documents describe', () => {
  const id = fileId('a/é.csv', { total: 12, fileHash: createHash('sha512').update('x').digest() })
  assert.equal(id, `a/é.csv\0${12}\0${createHash('sha512').update('x').digest('hex')}`)
  const sha256 = createHash('sha256').update(id, 'utf8').digest()
  assert.equal(fileHash40(sha256.toString('latin1', 0, 16)), sha256.readUIntBE(0, 5))
})

// ---- what fits

test('a file that is stuck below a hundred thousand finished records takes some bytes', () => {
  const content = { ...nothing, base: 5_000_000, position: 5_100_000, runs: [1, 99_999] }
  assert.ok(encoded({ ...content, files: { hashes: hashesOf(1), offsets: [] } }).text.length < 40)
})

test('seven hundred open files fit by their hashes, however their records lie', () => {
  const files = { hashes: hashesOf(700), offsets: [] }
  const { text, fill } = encoded({ ...nothing, base: 1e9, position: 1e9 + 1e6, files })
  assert.equal(fill, text.length / RECORD_CHARS)
  assert.ok(fill < 1)
})

test('a hundred thousand unresolved records in a row are one run; as many scattered ones do not fit', () => {
  assert.ok(encoded({ ...nothing, base: 7, position: 100_007, runs: [100_000] }).text.length < 30)
  const runs = Array.from({ length: 200_000 }, () => 1)
  const offsets = Array.from({ length: 100_000 }, (_, i) => 2 * i)
  const files = { hashes: hashesOf(100_000), offsets: [] }
  const content = { ...nothing, base: 0, position: 200_000 }
  assert.equal(encodeCommitRecord({ ...content, runs, files: { hashes: [], offsets } }), undefined)
  assert.equal(encodeCommitRecord({ ...content, files }), undefined)
})

test('fault 66: what does not fit gives no record, and neither does nothing at all', () => {
  const content = { ...nothing, base: 0, position: 1_000_000 }
  const most = [700, 900].map(count =>
    encodeCommitRecord({ ...content, files: { hashes: hashesOf(count), offsets: [] } }),
  )
  assert.ok(most[0])
  assert.equal(most[1], undefined)
  assert.equal(encodeCommitRecord(content), undefined)
})

test('no text is longer than the broker takes, and the last byte is used', () => {
  const lengths = new Set<number>()
  for (let count = 2_000; count < 3_070; count++) {
    const offsets = Array.from({ length: count }, (_, i) => i)
    const files = { hashes: [], offsets }
    const found = encodeCommitRecord({ ...nothing, base: 0, position: count, files })
    if (found) lengths.add(found.text.length)
  }
  assert.equal(Math.max(...lengths), RECORD_CHARS)
})

test('of what is best effort as much is kept as fits, attempts before finished files; it does not count as full', () => {
  const files = { hashes: hashesOf(500), offsets: [] }
  const attempts = new Map(hashesOf(60).map(hash => [hash, 3]))
  const finished = Array.from({ length: 300 }, (_, i) => digestOf(`finished ${i}`))
  const content = { ...nothing, base: 0, position: 1_000_000, files }
  const bare = encoded(content)
  const both = encoded({ ...content, attempts, finished })
  assert.equal(both.fill, bare.fill)
  assert.ok(both.text.length > RECORD_CHARS - 22)
  const record = decodeCommitRecord(both.text)
  assert.deepEqual(record?.attempts, attempts)
  assert.ok(record.finished.length > 10 && record.finished.length < 100)
  assert.deepEqual(record.finished, finished.slice(0, record.finished.length))
  const many = new Map(hashesOf(900).map(hash => [hash, 3]))
  const crowded = decodeCommitRecord(encoded({ ...content, attempts: many, finished }).text)
  assert.deepEqual(crowded?.unresolved, record.unresolved)
  assert.equal(crowded?.finished.length, 0)
  assert.ok((crowded?.attempts.size ?? 0) > 100)
})

test('content that contradicts itself is refused, not written', () => {
  const content = { ...nothing, base: 10, position: 20, runs: [10] }
  for (const wrong of [
    { base: 21 },
    { base: -1 },
    { base: 1.5 },
    { position: 2 ** 53 },
    { runs: [9] },
    { runs: [11] },
    { runs: [5, 0, 5] },
    { runs: [-5, 15] },
    { runs: undefined, files: { hashes: [2 ** 40], offsets: [] } },
    { runs: undefined, files: { hashes: [], offsets: [9] } },
    { runs: undefined, files: { hashes: [], offsets: [12, 12] } },
    { runs: undefined, files: { hashes: [], offsets: [20] } },
    { finished: ['short'] },
  ])
    assert.throws(() => encodeCommitRecord({ ...content, ...wrong }), RangeError, JSON.stringify(wrong))
})

// ---- what is not taken

const some = golden.map(vector => ({ ...vector, record: recordOf(vector) }))

test('fault 65: the last character cut or a NUL at the end changes nothing', () => {
  for (const { text, record } of some)
    for (const form of [text, text.slice(0, -1), `${text}\0`, `${text.slice(0, -1)}\0`])
      assert.deepEqual(decodeCommitRecord(form), record)
})

test('metadata are the same whole or without the last character, and no others are', () => {
  assert.ok(sameMetadata('d1.KgAA.', 'd1.KgAA.'))
  assert.ok(sameMetadata('d1.KgAA.', 'd1.KgAA'))
  assert.ok(sameMetadata(undefined, undefined))
  for (const found of ['d1.KgA', 'd1.KgAB.', 'd1.KgAA..', '', undefined])
    assert.ok(!sameMetadata('d1.KgAA.', found), found)
  for (const found of ['', 'd1.KgAA.']) assert.ok(!sameMetadata(undefined, found), found)
})

test('fault 65: absent metadata is no record and nothing to complain of', () => {
  for (const text of [undefined, null, '', '\0']) {
    assert.equal(decodeCommitRecord(text), undefined)
    assert.equal(acceptedRecord(text, 0, 0), undefined)
  }
})

test('fault 65: foreign metadata is refused', () => {
  const foreign = [
    'x',
    'd1',
    'd1.',
    'd1..',
    'committed by hand',
    '{"a":1}',
    'd.KgAA.',
    'D1.KgAAAAC4wFNN.',
    '\ud800',
    'd1.é.',
  ]
  for (const text of foreign) {
    assert.equal(decodeCommitRecord(text), undefined)
    assert.deepEqual(acceptedRecord(text, 42, 42), { refused: 'it is not of dfsp' }, text)
  }
})

test('fault 65: a newer version is refused and named', () => {
  const newer = (golden[0] as Golden).text.replace('d1.', 'd2.')
  assert.equal(decodeCommitRecord(newer), undefined)
  assert.deepEqual(acceptedRecord(newer, 42, 42), {
    refused: 'it has format 2, and this dfsp reads format 1 only',
  })
})

test('a record of any version, whole or damaged, is told from what others wrote', () => {
  const { text } = golden[0] as Golden
  for (const own of [text, text.replace('d1.', 'd2.'), text.replace('d1.', 'd12.'), text.slice(0, 20)])
    assert.ok(isOwnRecord(own), own)
  for (const other of [
    undefined,
    '',
    '\0',
    'd1',
    'd.KgAA.',
    'D1.KgAAAAC4wFNN.',
    'committed by hand',
    `x${text}`,
  ])
    assert.ok(!isOwnRecord(other), other)
})

test('fault 65: a record with any one bit flipped is absent', () => {
  for (const { text } of some) {
    const written = Buffer.from(text, 'latin1')
    for (let bit = 0; bit < written.length * 8; bit++) {
      const flipped = Buffer.from(written)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      assert.equal(decodeCommitRecord(flipped.toString('latin1')), undefined, `bit ${bit} of ${text}`)
    }
  }
})

test('fault 65: a truncated record is absent, and so is one with more behind it', () => {
  for (const { text } of some) {
    for (let length = 0; length < text.length - 1; length++)
      assert.equal(decodeCommitRecord(text.slice(0, length)), undefined)
    for (const more of [
      `${text}.`,
      `${text} `,
      `${text}\n`,
      `${text}\0\0`,
      `${text}A`,
      text + text,
      ` ${text}`,
    ])
      assert.equal(decodeCommitRecord(more), undefined)
  }
})

test('fault 65: a record of another base, or beyond the end of the log, is refused with the reason', () => {
  const { text, record } = some[1] as (typeof some)[number]
  assert.deepEqual(acceptedRecord(text, 1000, 1010), record)
  assert.deepEqual(acceptedRecord(text, 999, 1010), {
    refused: 'it begins at offset 1000, but 999 is committed',
  })
  assert.deepEqual(acceptedRecord(text, 1000, 1009), {
    refused: 'it speaks of records up to offset 1010, but the log ends at 1009',
  })
})

test('fault 65: whatever is in the metadata, reading it throws nothing', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ maxLength: 5_000, size: 'max' }),
    fc.uint8Array().map(content => `d1.${Buffer.from(content).toString('base64url')}.`),
  )
  fc.assert(
    fc.property(text, it => assert.equal(decodeCommitRecord(it), undefined)),
    { numRuns: 2_000 },
  )
})

test('fault 65: hostile content with a checksum that holds gives a record that holds, or none', () => {
  let records = 0
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    // Mostly right: a record with one byte changed.
    fc.tuple(fc.constantFrom(...golden), fc.nat(), fc.nat({ max: 255 })).map(([{ text }, where, value]) => {
      const content = Buffer.from(text.slice(3, -1), 'base64url').subarray(0, -4)
      content[where % content.length] = value
      return content
    }),
  )
  fc.assert(
    fc.property(hostile, content => {
      const record = decodeCommitRecord(textOf(content))
      if (!record) return
      records++
      assert.ok(record.base <= record.position && Number.isSafeInteger(record.position))
      // It contradicts nothing, so that it can be written again, and then means the same.
      const again = encodeCommitRecord(contentOf(record))
      if (again) assert.deepEqual(decodeCommitRecord(again.text), record)
    }),
    { numRuns: 5_000 },
  )
  assert.ok(records > 100, `${records} of them were records`)
})

test('fault 65: bytes that break a rule are refused though their checksum holds', () => {
  const runs = (...values: number[]) => Buffer.concat(values.map(varint))
  const deflated = (content: Uint8Array, more: Uint8Array = bytes()) => {
    const small = Buffer.concat([deflateRawSync(content), more])
    return Buffer.concat([varint(small.length), small])
  }
  const end = bytes(0, 0)
  const right = [
    textOf(bytes(10, 5, 0), runs(5), end),
    textOf(bytes(10, 5, 1), deflated(runs(5)), end),
    textOf(bytes(10, 5, 2, 1, 0, 0b11100000, 1, 0), end), // one file, hash 3; offset 10
    textOf(bytes(10, 0, 0), bytes(0, 1), bytes(0, 0, 0, 0, 1, 9)),
  ]
  for (const text of right) assert.ok(decodeCommitRecord(text), text)
  const wrong = {
    'number longer than needed': textOf(bytes(0x8a, 0, 5, 0), runs(5), end),
    'number above 2^53': textOf(bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 5, 0), runs(5), end),
    'number without end': textOf(Buffer.alloc(3_000, 0x80)),
    'position above 2^53': textOf(varint(2 ** 53 - 1), bytes(1, 0, 1), end),
    'unknown kind': textOf(bytes(10, 5, 3), runs(5), end),
    'runs too short': textOf(bytes(10, 5, 0), runs(4), end),
    'runs too long': textOf(bytes(10, 5, 0), runs(4, 2), end),
    'an empty run': textOf(bytes(10, 5, 0), runs(2, 0, 3), end),
    'runs left over': textOf(bytes(10, 5, 1), deflated(runs(5, 1)), end),
    'bytes after the stream': textOf(bytes(10, 5, 1), deflated(runs(5), bytes(0)), end),
    'no stream': textOf(bytes(10, 5, 1, 3, 7, 7, 7), end),
    'a stream that is cut': textOf(bytes(10, 5, 1, 1), deflateRawSync(runs(5)).subarray(0, 1), end),
    'too many runs': textOf(varint(0), varint(20_001), bytes(1), deflated(Buffer.alloc(20_001, 1)), end),
    'a stream that becomes huge': textOf(
      bytes(0),
      varint(2e6),
      bytes(1),
      deflated(Buffer.alloc(2e6, 1)),
      end,
    ),
    'more files than bits': textOf(bytes(10, 5, 2), varint(2 ** 50), bytes(0, 0, 0), end),
    'a parameter too large': textOf(bytes(10, 5, 2, 1, 40, 0, 0, 0, 0, 0, 0, 0), end),
    'a hash too large': textOf(bytes(10, 5, 2, 1, 39, 0b11000000, 0, 0, 0, 0, 0, 0), end),
    'fill that is not zero': textOf(bytes(10, 5, 2, 1, 0, 0b11100001, 0), end),
    'an offset beyond the position': textOf(bytes(10, 5, 2, 0, 1, 5), end),
    'more offsets than bytes': textOf(bytes(10, 5, 2, 0), varint(2 ** 50), end),
    'more finished files than bytes': textOf(bytes(10, 0, 0), varint(2 ** 50), bytes(0)),
    'more attempts than bytes': textOf(bytes(10, 0, 0, 0), varint(2 ** 50)),
    'attempts twice': textOf(bytes(10, 0, 0, 0, 2), bytes(0, 0, 0, 0, 1, 9), bytes(0, 0, 0, 0, 1, 9)),
    'attempts that descend': textOf(bytes(10, 0, 0, 0, 2), bytes(0, 0, 0, 0, 2, 9), bytes(0, 0, 0, 0, 1, 9)),
    'bytes left over': textOf(bytes(10, 5, 0), runs(5), end, bytes(0)),
    nothing: textOf(),
  }
  for (const [what, text] of Object.entries(wrong)) assert.equal(decodeCommitRecord(text), undefined, what)
  // The two of them that test a bound of the decoder are streams that a decompressor takes.
  assert.equal(inflateRawSync(deflateRawSync(Buffer.alloc(2e6, 1))).length, 2e6)
})
