/**
 * What a commit says beside its offset, as text in the commit's metadata: every record in [base, position) is resolved
 * except those named here. docs/commit-record.md shows the format byte by byte.
 *
 * A record that is damaged, foreign or newer counts as absent: then everything from the committed offset on is read
 * again, and nothing is skipped.
 */
import { crc32 } from 'node:zlib'
import { fileBody, type Runs, readBody, runBodies, type Unresolved } from './commit-record-body.ts'
import { type ByteReader, byteReader, putVarint, VARINT_BYTES, varint } from './varint.ts'

export type { Runs } from './commit-record-body.ts'

/** The broker allows 4,096 UTF-16 units, and the client adds a NUL. */
export const RECORD_CHARS = 4_095

export interface CommitRecord {
  /** The committed offset: the lowest that is unresolved, else `position`. */
  readonly base: number
  /** The offset after the last one that this record speaks of. */
  readonly position: number
  readonly unresolved: Unresolved
  /** Digests (16 characters of Latin-1) of finished files that would otherwise be taken for new; best effort. */
  readonly finished: readonly string[]
  /** Attempts so far of unfinished files, by 40-bit hash; best effort. */
  readonly attempts: ReadonlyMap<number, number>
}

/** What a record is made of. Either way of saying what is unresolved may be missing. */
export interface RecordContent {
  readonly base: number
  readonly position: number
  readonly runs: Runs | undefined
  /** Hashes of the unfinished files that have a record below `position`, in any order, and records of no file. */
  readonly files: { readonly hashes: readonly number[]; readonly offsets: readonly number[] } | undefined
  readonly finished: readonly string[]
  readonly attempts: ReadonlyMap<number, number>
}

const PREFIX = 'd1.'
/** For the client's binding to cut off: see `sameMetadata`. */
const RESERVED = '.'
const SHAPE = /^d(\d{1,9})\.([\w-]+)\.?\0?$/
/** Of a run or of a repartition. */
const ANY_VERSION = /^[dr]\d{1,9}\./
const CRC_BYTES = 4
const DIGEST_BYTES = 16
const HASH_BYTES = 5

/**
 * The text, and how full it is: 1 is the limit, and what is best effort does not count. The smallest way of saying
 * what is unresolved is taken; then as many of `attempts` as fit, then of `finished`, the first ones first.
 * Undefined when what is unresolved does not fit into `chars`. Throws a RangeError when `content` contradicts itself.
 */
export function encodeCommitRecord(
  content: RecordContent,
  chars = RECORD_CHARS,
): { text: string; fill: number } | undefined {
  const mostBytes = Math.max(0, Math.floor(((chars - PREFIX.length - RESERVED.length) * 6) / 8))
  const { base, position } = content
  if (!(Number.isSafeInteger(position) && Number.isSafeInteger(base) && base >= 0 && base <= position))
    throw new RangeError(`no record from ${base} to ${position}`)
  const body = [...runBodies(content, mostBytes), ...fileBody(content, mostBytes)].reduce(
    (best, next) => (best === undefined || next.length < best.length ? next : best),
    undefined as Uint8Array | undefined,
  )
  if (body === undefined) return undefined
  const needed = [varint(base), varint(position - base), body]
  const neededBytes = bytesOf(needed) + 2 + CRC_BYTES // a zero for each of the lists
  if (neededBytes > mostBytes) return undefined

  const attempts = listWithin(mostBytes - neededBytes + 1, attemptEntries(content.attempts))
  const finished = listWithin(
    mostBytes - neededBytes + 2 - bytesOf(attempts),
    content.finished.map(digestBytes),
  )
  const payload = Buffer.concat([...needed, ...finished, ...attempts, new Uint8Array(CRC_BYTES)])
  payload.writeUInt32LE(crc32(payload.subarray(0, -CRC_BYTES)), payload.length - CRC_BYTES)
  return {
    text: `${PREFIX}${payload.toString('base64url')}${RESERVED}`,
    fill: (PREFIX.length + Math.ceil((neededBytes * 8) / 6) + RESERVED.length) / chars,
  }
}

/** Their number and as many of the first entries as `room` bytes hold. */
function listWithin(room: number, entries: readonly Uint8Array[]): Uint8Array[] {
  let count = 0
  let bytes = 0
  for (const entry of entries) {
    if (varint(count + 1).length + bytes + entry.length > room) break
    bytes += entry.length
    count++
  }
  return [varint(count), ...entries.slice(0, count)]
}

function attemptEntries(attempts: ReadonlyMap<number, number>): Uint8Array[] {
  return [...attempts]
    .sort(([a], [b]) => a - b)
    .map(([hash, count]) => {
      const entry = Buffer.alloc(HASH_BYTES + VARINT_BYTES)
      entry.writeUIntBE(hash, 0, HASH_BYTES)
      return entry.subarray(0, putVarint(entry, HASH_BYTES, count))
    })
}

function digestBytes(digest: string): Uint8Array {
  if (digest.length !== DIGEST_BYTES) throw new RangeError('a digest is not of 16 characters')
  return Buffer.from(digest, 'latin1')
}

function bytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}

/** Whether dfsp wrote it, in whatever version: not whether it can be read. */
export function isOwnRecord(text: string | undefined): boolean {
  return text !== undefined && ANY_VERSION.test(text)
}

/**
 * Whether `found` is what reads back of `sent`. The client's binding writes a NUL after each text and cuts off the last
 * character of whatever it reads: of what another client wrote that is one of the text.
 */
export function sameMetadata(sent: string | undefined, found: string | undefined): boolean {
  return found === sent || found === sent?.slice(0, -1)
}

/**
 * The record that may be believed about a partition whose log ends at `logEnd`, or why the text may not; undefined
 * when there is no text.
 */
export function acceptedRecord(
  text: string | undefined | null,
  committedOffset: number,
  logEnd: number,
): CommitRecord | { readonly refused: string } | undefined {
  if (!text || text === '\0') return undefined
  const found = readCommitRecord(text)
  if ('refused' in found) return found
  if (found.base !== committedOffset)
    return { refused: `it begins at offset ${found.base}, but ${committedOffset} is committed` }
  if (found.position > logEnd)
    return { refused: `it speaks of records up to offset ${found.position}, but the log ends at ${logEnd}` }
  return found
}

/** Never throws: refuses text that is foreign, damaged, of a newer version or contradicts itself. */
export function readCommitRecord(text: string): CommitRecord | { readonly refused: string } {
  const [, version, encoded] = (text.length <= RECORD_CHARS + 1 && SHAPE.exec(text)) || []
  if (version === undefined || encoded === undefined) return { refused: 'it is not of dfsp' }
  if (version !== '1') return { refused: `it has format ${version}, and this dfsp reads format 1 only` }
  const damaged = { refused: 'it is damaged' }
  const payload = Buffer.from(encoded, 'base64url')
  if (payload.length <= CRC_BYTES || payload.toString('base64url') !== encoded) return damaged
  const content = payload.subarray(0, -CRC_BYTES)
  if (crc32(content) !== payload.readUInt32LE(content.length)) return damaged
  try {
    return readContent(byteReader(content))
  } catch {
    return damaged
  }
}

function readContent(reader: ByteReader): CommitRecord {
  const base = reader.varint()
  const position = base + reader.varint()
  if (!Number.isSafeInteger(position)) throw new RangeError('the position is too large')
  const unresolved = readBody(reader, base, position)
  const finished: string[] = []
  for (let count = reader.varint(); finished.length < count; )
    finished.push(Buffer.from(reader.take(DIGEST_BYTES)).toString('latin1'))
  const attempts = new Map<number, number>()
  let last = -1
  for (let count = reader.varint(); attempts.size < count; ) {
    const hash = Buffer.from(reader.take(HASH_BYTES)).readUIntBE(0, HASH_BYTES)
    if (hash <= last) throw new RangeError('the hashes do not ascend')
    last = hash
    attempts.set(hash, reader.varint())
  }
  if (reader.left > 0) throw new RangeError('bytes are left over')
  return { base, position, unresolved, finished, attempts }
}

/** The first 5 bytes, the highest first, of a digest of 16 characters of Latin-1. */
export function fileHash40(digest: string): number {
  let hash = 0
  for (let i = 0; i < HASH_BYTES; i++) hash = hash * 0x100 + digest.charCodeAt(i)
  return hash
}
