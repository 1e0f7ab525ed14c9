/**
 * Record value <-> Chunk. The value is one msgpack array of 10 scalars (9 from older producers, without mtime);
 * text and bytes may each be packed as str or bin, integers in any width. The layout is OpenMSIStream's.
 * msgpack itself: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { Decoder, Encoder } from '@msgpack/msgpack'
import { type Chunk, HASH_BYTES, type Undecodable, undecodable, wrongNumbers } from './chunk.ts'

const FIELDS = [
  'filename',
  'file hash',
  'chunk hash',
  'chunk offset',
  'chunk index',
  'total chunks',
  'subdirectory',
  'filename append',
  'data',
  'mtime',
] as const
const TEXT_BYTES = 4096

const decoder = new Decoder({ rawStrings: true, maxArrayLength: 10, maxMapLength: 0, maxExtLength: 0 })
const encoder = new Encoder({ initialBufferSize: 1024 })
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Decodes one record value. The chunk's hashes and data are views of `value`. Never throws. */
export function decodeChunk(value: Uint8Array | null | undefined): Chunk | Undecodable {
  if (!value || value.length === 0) return undecodable('the value is empty')
  const wrong = wrongShape(value)
  if (wrong !== undefined) return undecodable(wrong)
  let fields: unknown[]
  try {
    fields = decoder.decode(value) as unknown[]
  } catch (error) {
    return undecodable(`not msgpack: ${(error as Error).message.slice(0, 120)}`)
  }
  const chunk = {
    kind: 'chunk',
    filename: text(fields, 0),
    fileHash: bytes(fields, 1, HASH_BYTES),
    chunkHash: bytes(fields, 2, HASH_BYTES),
    offset: number(fields, 3),
    index: number(fields, 4),
    total: number(fields, 5),
    subdir: text(fields, 6),
    append: text(fields, 7),
    data: bytes(fields, 8),
    mtime: fields.length === 10 ? number(fields, 9) : 0,
  } as const
  for (const field of Object.values(chunk))
    if (typeof field === 'object' && 'refused' in field) return undecodable(field.refused)
  const numbers = wrongNumbers(chunk as Chunk)
  return numbers === undefined ? (chunk as Chunk) : undecodable(numbers)
}

/** Encodes a chunk as the 10-field message, byte for byte as Python's msgpack packs it with `use_bin_type`. */
export function encodeChunk(chunk: Omit<Chunk, 'kind'>): Uint8Array {
  const { filename, fileHash, chunkHash, offset, index, total, subdir, append, data } = chunk
  const head = encoder.encode([filename, fileHash, chunkHash, offset, index, total, subdir, append, data, 0])
  // The mtime is a float64 even where it is a whole number, which msgpack would pack as an integer.
  const message = new Uint8Array(head.length + 8)
  message.set(head)
  message[head.length - 1] = 0xcb
  new DataView(message.buffer).setFloat64(head.length, chunk.mtime)
  return message
}

/** The record key as OpenMSIStream writes it. Not an identity: `a/b_c` and `a_b/c` share one. */
export function chunkKey(chunk: Pick<Chunk, 'subdir' | 'filename' | 'index' | 'total'>): string {
  return `${chunk.subdir.replaceAll('/', '_')}_${chunk.filename}_chunk_${chunk.index}_of_${chunk.total}`
}

interface Refused {
  readonly refused: string
}

function text(fields: unknown[], i: number): string | Refused {
  const raw = fields[i]
  if (!(raw instanceof Uint8Array)) return { refused: `${FIELDS[i]} is ${kindOf(raw)}, not text` }
  if (raw.length > TEXT_BYTES)
    return { refused: `${FIELDS[i]} has ${raw.length} bytes, at most ${TEXT_BYTES} make sense` }
  try {
    return utf8.decode(raw)
  } catch {
    return { refused: `${FIELDS[i]} is not UTF-8` }
  }
}

function bytes(fields: unknown[], i: number, length?: number): Uint8Array | Refused {
  const raw = fields[i]
  if (!(raw instanceof Uint8Array)) return { refused: `${FIELDS[i]} is ${kindOf(raw)}, not bytes` }
  if (length !== undefined && raw.length !== length)
    return { refused: `${FIELDS[i]} has ${raw.length} bytes, not ${length}` }
  return raw
}

function number(fields: unknown[], i: number): number | Refused {
  const raw = fields[i]
  return typeof raw === 'number' ? raw : { refused: `${FIELDS[i]} is ${kindOf(raw)}, not a number` }
}

function kindOf(value: unknown): string {
  if (value === null) return 'nil'
  return value instanceof Uint8Array ? `${value.length} bytes` : typeof value
}

/**
 * Walks the array's heads without decoding: exactly 9 or 10 scalars that end where the value ends. It runs before
 * the decoder so that nesting, declared lengths and counts are refused before anything is allocated for them.
 */
function wrongShape(value: Uint8Array): string | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  const first = view.getUint8(0)
  let count: number
  let at: number
  if ((first & 0xf0) === 0x90) [count, at] = [first & 0x0f, 1]
  else if (first === 0xdc && value.length >= 3) [count, at] = [view.getUint16(1), 3]
  else if (first === 0xdd && value.length >= 5) [count, at] = [view.getUint32(1), 5]
  else return `not a msgpack array of 9 or 10${hint(value)}`
  if (count !== 9 && count !== 10) return `a msgpack array of ${count}, not of 9 or 10`
  for (let i = 0; i < count; i++) {
    if (at >= value.length) return `cut off before ${FIELDS[i]}`
    const size = scalarSize(view, at)
    if (size === undefined)
      return `${FIELDS[i]} is no scalar (msgpack type 0x${view.getUint8(at).toString(16)})`
    if (Number.isNaN(size) || at + size > value.length) {
      const lacking = Number.isNaN(size) ? '' : ` (needs ${size} bytes, ${value.length - at} are there)`
      return `cut off within ${FIELDS[i]}${lacking}`
    }
    at += size
  }
  return at === value.length ? undefined : `${value.length - at} bytes after the array's end`
}

/** Size in bytes, head included, of the scalar at `at`; undefined for any other type, NaN if its head is cut off. */
function scalarSize(view: DataView, at: number): number | undefined {
  const head = view.getUint8(at)
  if (head < 0x80 || head >= 0xe0 || head === 0xc0) return 1
  if ((head & 0xe0) === 0xa0) return 1 + (head & 0x1f)
  const left = view.byteLength - at
  switch (head) {
    case 0xc4:
    case 0xd9:
      return left < 2 ? Number.NaN : 2 + view.getUint8(at + 1)
    case 0xc5:
    case 0xda:
      return left < 3 ? Number.NaN : 3 + view.getUint16(at + 1)
    case 0xc6:
    case 0xdb:
      return left < 5 ? Number.NaN : 5 + view.getUint32(at + 1)
    case 0xcc:
    case 0xd0:
      return 2
    case 0xcd:
    case 0xd1:
      return 3
    case 0xca:
    case 0xce:
    case 0xd2:
      return 5
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 9
    default:
      return undefined
  }
}

/** What else the value may be, for the message; KafkaCrypto marks an encrypted value with a first byte of 1. */
function hint(value: Uint8Array): string {
  const first = value[0]
  if (first === 0x01) return '; it begins as a KafkaCrypto-encrypted value does'
  if (first === 0x7b || first === 0x5b) return '; it looks like JSON'
  if (value.subarray(0, 64).every(b => (b >= 0x20 && b < 0x7f) || b === 0x0a || b === 0x0d || b === 0x09))
    return '; it looks like text'
  return ''
}
