/** The middle of a commit record: which records in [base, position) are unresolved. A byte tells in which way. */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { RICE_BITS, readRice, riceCode } from './rice.ts'
import { type ByteReader, byteReader, putVarint, VARINT_BYTES, varint } from './varint.ts'

/**
 * Unresolved offsets as alternating run lengths from base on: unresolved, resolved, unresolved, ... Their sum is
 * position - base. All are positive, but the first may be 0.
 */
export type Runs = readonly number[]

export type Unresolved =
  | { readonly kind: 'offsets'; readonly runs: Runs }
  /** `files`: 40-bit hashes, ascending; twice is the same as once. `offsets`: of records of no file, ascending. */
  | { readonly kind: 'files'; readonly files: readonly number[]; readonly offsets: readonly number[] }

const RUNS = 0
const DEFLATED_RUNS = 1
const FILES = 2

/** Not even a regular pattern of more is worth its time; it bounds what a hostile record can make of a few bytes. */
const MOST_RUNS = 20_000
/** Fewer bytes are not worth a compressor. */
const LEAST_TO_DEFLATE = 64

interface Span {
  readonly base: number
  readonly position: number
}

/** The bodies that run lengths can take, at most `room` bytes each: plain, deflated or neither. */
export function runBodies(
  { base, position, runs }: Span & { runs: Runs | undefined },
  room: number,
): Uint8Array[] {
  if (runs === undefined || runs.length > MOST_RUNS) return []
  const plain = new Uint8Array(1 + runs.length * VARINT_BYTES)
  let at = 1
  let offset = base
  for (let i = 0; i < runs.length; i++) {
    const run = runs[i] as number
    if (!(Number.isSafeInteger(run) && (run > 0 || (run === 0 && i === 0))))
      throw new RangeError(`a run cannot have length ${run}`)
    offset += run
    at = putVarint(plain, at, run)
  }
  if (offset !== position) throw new RangeError(`the runs end at ${offset}, not at ${position}`)
  // The reader knows where they end by their sum: of nothing, nothing is written.
  if (position === base) at = 1
  plain[0] = RUNS
  const bodies = at <= room ? [plain.subarray(0, at)] : []
  if (at <= LEAST_TO_DEFLATE) return bodies
  const deflated = deflateRawSync(plain.subarray(1, at))
  if (deflated.length < room)
    bodies.push(Buffer.concat([Uint8Array.of(DEFLATED_RUNS), varint(deflated.length), deflated]))
  return bodies
}

/** The body that names files, at most `room` bytes, or none. */
export function fileBody(
  {
    base,
    position,
    files,
  }: Span & { files: { hashes: readonly number[]; offsets: readonly number[] } | undefined },
  room: number,
): Uint8Array[] {
  // Hashes take about four bytes each, offsets a byte or more.
  if (files === undefined || files.hashes.length > room || files.offsets.length > room) return []
  const hashes = Float64Array.from(files.hashes).sort()
  if (!hashes.every(hash => Number.isSafeInteger(hash) && hash >= 0 && hash < 2 ** RICE_BITS))
    throw new RangeError(`a hash is not a number of ${RICE_BITS} bits`)
  const coded = riceCode(hashes, room)
  if (coded === undefined) return []
  const offsets = new Uint8Array(files.offsets.length * VARINT_BYTES)
  let at = 0
  let last = base - 1
  for (const offset of files.offsets) {
    if (!(Number.isSafeInteger(offset) && offset > last && offset < position))
      throw new RangeError(`offset ${offset} is not between ${last} and ${position}`)
    at = putVarint(offsets, at, offset - last - 1)
    last = offset
  }
  const { length } = files.offsets
  return [
    Buffer.concat([
      Uint8Array.of(FILES),
      varint(hashes.length),
      coded,
      varint(length),
      offsets.subarray(0, at),
    ]),
  ]
}

/** Throws a RangeError, or what the decompressor throws, when the bytes are not a body of [base, position). */
export function readBody(reader: ByteReader, base: number, position: number): Unresolved {
  const kind = reader.byte()
  if (kind === RUNS) return { kind: 'offsets', runs: readRuns(reader, position - base) }
  if (kind === DEFLATED_RUNS) {
    const inflated = byteReader(inflate(reader.take(reader.varint())))
    const runs = readRuns(inflated, position - base)
    if (inflated.left > 0) throw new RangeError('runs are left over')
    return { kind: 'offsets', runs }
  }
  if (kind !== FILES) throw new RangeError('the kind is unknown')
  const files = readRice(reader, reader.varint())
  const offsets: number[] = []
  let last = base - 1
  for (let count = reader.varint(); offsets.length < count; offsets.push(last)) {
    last += reader.varint() + 1
    if (last >= position) throw new RangeError('an offset lies beyond the position')
  }
  return { kind: 'files', files, offsets }
}

function readRuns(reader: ByteReader, total: number): number[] {
  const runs: number[] = []
  for (let left = total; left > 0; ) {
    const run = reader.varint()
    if (run > left) throw new RangeError('a run is too long')
    if (run === 0 && runs.length > 0) throw new RangeError('a run is empty')
    left -= run
    if (runs.push(run) > MOST_RUNS) throw new RangeError('there are too many runs')
  }
  return runs
}

function inflate(bytes: Uint8Array): Uint8Array {
  const { buffer, engine } = inflateRawSync(bytes, {
    maxOutputLength: MOST_RUNS * VARINT_BYTES,
    info: true,
  }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } }
  if (engine.bytesWritten !== bytes.length) throw new RangeError('bytes follow the compressed ones')
  return buffer
}
