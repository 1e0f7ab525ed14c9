/**
 * A dead letter: what is written of a file or record that was given up. It says where the records lie and why they
 * were given up; it never carries the file. The form on the wire is laid down in docs/dead-letters.md.
 *
 * What lies in core/ itself are rules of dfsp without any I/O: policies, breaker, back-pressure, dead letters.
 */
import { HASH_BYTES, MAX_CHUNKS, MAX_FILE_BYTES, MAX_SECONDS } from './chunks/chunk.ts'
import { relativePath, show } from './chunks/output-path.ts'
import { type OffsetRange, spans } from './offsets/offset-ranges.ts'

export type FileLetterReason = 'failed' | 'mismatch' | 'incomplete'

interface Letter {
  readonly topic: string
  /** Why, in one sentence. */
  readonly error: string
  /** The consumer group that gave up. */
  readonly group: string
  /** How often `dfsp retry` has taken it up already. */
  readonly rounds: number
}

export interface FileLetter extends Letter {
  readonly kind: 'file'
  readonly reason: FileLetterReason
  readonly path: string
  /** SHA-512 of the whole file as the producer announced it, in lower-case hex. */
  readonly sha512: string
  readonly chunks: number
  /** Bytes that had arrived: the file's size where it was whole. */
  readonly bytes: number
  /** Seconds since the epoch; 0 when unknown. */
  readonly mtime: number
  readonly attempts: number
  /** As the plugin saw it, in lower-case hex. */
  readonly deliveryId: string
  /** Where the file's records lie; by partition and offset in ascending order, without overlaps. */
  readonly ranges: readonly OffsetRange[]
  /** False: there were too many runs, each range spans a partition and holds records of other files, too. */
  readonly exact: boolean
}

/** A record that is no chunk. */
export interface RecordLetter extends Letter {
  readonly kind: 'record'
  readonly reason: 'undecodable'
  readonly partition: number
  readonly offset: number
  /** Of its value. */
  readonly bytes: number
  /** The first `HEAD_BYTES` of its value. */
  readonly head: Uint8Array
}

export type DeadLetter = FileLetter | RecordLetter

export interface EncodedLetter {
  readonly key: string
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
}

const ROUNDS_HEADER = 'dfsp-retries'
export const HEAD_BYTES = 1_024
/** With more runs than this a letter has one range per partition. */
export const MAX_RUNS = 1_000

const MAX_TEXT = 4_000
const MAX_GROUP = 1_000
/** Partitions of the largest topics, with room: more ranges than this are no letter of dfsp. */
const MAX_RANGES = 10_000
/** A letter is far smaller: 10,000 ranges are 400 KB. */
const MAX_LETTER_BYTES = 900_000

/** Longer texts are cut, more runs than `MAX_RUNS` become spans: what is encoded decodes again and fits a record. */
export function encodeDeadLetter(letter: DeadLetter): EncodedLetter {
  const { kind, topic, reason, rounds } = letter
  const head = { v: 1, kind, topic, reason }
  const tail = { error: cut(letter.error, MAX_TEXT), group: cut(letter.group, MAX_GROUP) }
  const headers = { [ROUNDS_HEADER]: String(rounds) }
  if (letter.kind === 'record') {
    const { partition, offset, bytes } = letter
    const raw = Buffer.from(letter.head.subarray(0, HEAD_BYTES)).toString('base64')
    return {
      key: `${topic}/${partition}/${offset}`,
      value: Buffer.from(JSON.stringify({ ...head, partition, offset, bytes, head: raw, ...tail })),
      headers,
    }
  }
  const { path, sha512, chunks, bytes, mtime, attempts, deliveryId } = letter
  const fits = letter.ranges.length <= MAX_RUNS
  const ranges = (fits ? letter.ranges : spans(letter.ranges)).map(r => [r.partition, r.from, r.to])
  const exact = letter.exact && fits
  const file = { path, sha512, chunks, bytes, mtime, attempts, deliveryId, ...tail, exact, ranges }
  return { key: path, value: Buffer.from(JSON.stringify({ ...head, ...file })), headers }
}

/** A surrogate pair stays whole. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text
  const last = text.charCodeAt(length - 2)
  return `${text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 2 : length - 1)}…`
}

export interface Refused {
  /** What is wrong, naming the field. */
  readonly refused: string
}

/** Nothing of a topic is trusted: every field is checked, and what does not fit is refused. Never throws. */
export function decodeDeadLetter(
  value: Uint8Array | null | undefined,
  headers: ReadonlyMap<string, Uint8Array>,
): DeadLetter | Refused {
  if (!value || value.length === 0) return { refused: 'the value is empty' }
  if (value.length > MAX_LETTER_BYTES)
    return { refused: `${value.length} bytes are too many for a dead letter` }
  try {
    const fields: unknown = JSON.parse(utf8.decode(value))
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
      return { refused: 'the value is no JSON object' }
    return letterOf(fields as Fields, roundsOf(headers))
  } catch (error) {
    return { refused: error instanceof Wrong ? error.message : 'the value is not JSON in UTF-8' }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Thrown and caught within this file only. */
class Wrong extends Error {}

type Fields = Readonly<Record<string, unknown>>

function letterOf(fields: Fields, rounds: number): DeadLetter {
  if (fields.v !== 1) throw new Wrong(`version ${shown(fields.v)} is not known`)
  const topic = text(fields, 'topic', 249, /^[A-Za-z0-9._-]+$/)
  const common = {
    topic,
    error: text(fields, 'error', MAX_TEXT),
    group: text(fields, 'group', MAX_GROUP),
    rounds,
  }
  const bytes = count(fields, 'bytes', MAX_FILE_BYTES)
  if (fields.kind === 'record') {
    if (fields.reason !== 'undecodable') throw new Wrong(`reason ${shown(fields.reason)} is not known`)
    const partition = count(fields, 'partition', MAX_PARTITION)
    const offset = count(fields, 'offset')
    return {
      kind: 'record',
      reason: fields.reason,
      ...common,
      partition,
      offset,
      bytes,
      head: headOf(fields),
    }
  }
  if (fields.kind !== 'file') throw new Wrong(`kind ${shown(fields.kind)} is not known`)
  const { reason } = fields
  if (reason !== 'failed' && reason !== 'mismatch' && reason !== 'incomplete')
    throw new Wrong(`reason ${shown(reason)} is not known`)
  const chunks = count(fields, 'chunks', MAX_CHUNKS)
  if (chunks === 0) throw new Wrong('chunks is 0')
  return {
    kind: 'file',
    reason,
    ...common,
    path: pathOf(fields),
    sha512: text(fields, 'sha512', 2 * HASH_BYTES, /^[0-9a-f]{128}$/),
    chunks,
    bytes,
    mtime: secondsOf(fields),
    attempts: count(fields, 'attempts'),
    deliveryId: text(fields, 'deliveryId', 32, /^[0-9a-f]{32}$/),
    ranges: rangesOf(fields),
    exact: isTrue(fields, 'exact'),
  }
}

function roundsOf(headers: ReadonlyMap<string, Uint8Array>): number {
  const raw = headers.get(ROUNDS_HEADER)
  if (raw === undefined) return 0
  const digits = raw.length <= 9 ? String.fromCharCode(...raw) : ''
  if (!/^(0|[1-9][0-9]*)$/.test(digits)) throw new Wrong(`header ${ROUNDS_HEADER} is not a count`)
  return Number(digits)
}

function pathOf(fields: Fields): string {
  const path = text(fields, 'path', 4_096)
  const slash = path.lastIndexOf('/')
  const found = relativePath(path.slice(0, Math.max(0, slash)), path.slice(slash + 1), '')
  if ('refused' in found) throw new Wrong(found.refused)
  if (found.path !== path) throw new Wrong(`path ${show(path)} is absolute`)
  // A half of a surrogate pair comes from no UTF-8 text.
  if (/\p{Surrogate}/u.test(path)) throw new Wrong(`path ${show(path)} is no Unicode text`)
  return path
}

function rangesOf({ ranges }: Fields): OffsetRange[] {
  if (!Array.isArray(ranges) || ranges.length === 0 || ranges.length > MAX_RANGES)
    throw new Wrong(`ranges is not a list of 1-${MAX_RANGES}`)
  let before: OffsetRange = { partition: -1, from: 0, to: 0 }
  return ranges.map((range: unknown) => {
    if (!Array.isArray(range) || range.length !== 3)
      throw new Wrong('ranges has one that is not [partition, from, to]')
    const [partition, from, to] = range as unknown[]
    if (!isCount(partition, MAX_PARTITION) || !isCount(from) || !isCount(to) || to < from)
      throw new Wrong(`ranges has one that is none: [${shown(partition)}, ${shown(from)}, ${shown(to)}]`)
    if (partition < before.partition || (partition === before.partition && from <= before.to))
      throw new Wrong('ranges is not in ascending order')
    before = { partition, from, to }
    return before
  })
}

function headOf(fields: Fields): Uint8Array {
  const base64 = text(fields, 'head', Math.ceil(HEAD_BYTES / 3) * 4)
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length > HEAD_BYTES || bytes.toString('base64') !== base64) throw new Wrong('head is not base64')
  return bytes
}

/** Partition numbers are 32 bit. */
const MAX_PARTITION = 2 ** 31 - 1

function text(fields: Fields, name: string, longest: number, form?: RegExp): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new Wrong(`${name} is not text`)
  if (value.length > longest)
    throw new Wrong(`${name} has ${value.length} characters, at most ${longest} make sense`)
  if (form && !form.test(value)) throw new Wrong(`${name} ${show(value)} has another form`)
  return value
}

function count(fields: Fields, name: string, most?: number): number {
  const value = fields[name]
  if (!isCount(value, most)) throw new Wrong(`${name} ${shown(value)} is not a count`)
  return value
}

function isCount(value: unknown, most = Number.MAX_SAFE_INTEGER - 1): value is number {
  return (
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most && !isMinusZero(value)
  )
}

/** JSON has it, and does not keep it. */
const isMinusZero = (value: unknown) => Object.is(value, -0)

function secondsOf({ mtime }: Fields): number {
  if (typeof mtime === 'number' && Math.abs(mtime) <= MAX_SECONDS && !isMinusZero(mtime)) return mtime
  throw new Wrong(`mtime ${shown(mtime)} is not a time`)
}

function isTrue(fields: Fields, name: string): boolean {
  const value = fields[name]
  if (typeof value !== 'boolean') throw new Wrong(`${name} is not true or false`)
  return value
}

/** A value of the letter, for the refusal. */
function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return show(value)
    case 'number':
    case 'boolean':
      return String(value)
    default:
      return value === undefined ? '(absent)' : value === null ? 'null' : `(${typeof value})`
  }
}
