/**
 * The files of a topic as its records tell them, without their content: which contents (generations) each path has,
 * and which of their chunks are there. What is whole takes some 300 bytes, whatever its size.
 */

import { type OffsetRange, OffsetRuns } from '../offsets/offset-ranges.ts'
import { type Assembly, assembly } from './assembly.ts'
import type { Chunk } from './chunk.ts'
import { isCutFile, logBegins } from './cut-file.ts'
import { forgottenPaths } from './forgotten-paths.ts'
import { namedChunk } from './named-chunk.ts'

export interface IndexedRecord {
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly value: Uint8Array | null
}

export interface IndexedFile {
  readonly path: string
  /** Of the whole file, as its producer announced it, in lower-case hex. */
  readonly sha512: string
  /** Chunks that it has, and how many of them are there. */
  readonly chunks: number
  readonly present: number
  /** Of the chunks that are there. */
  readonly bytes: number
  /** Why the chunks make no file although all are there: a gap or an overlap. */
  readonly wrong: string | undefined
  /** Records whose chunk was there already. */
  readonly duplicates: number
  /** Seconds since the epoch; 0 when unknown. */
  readonly mtime: number
  /** Timestamps of its oldest and newest record, in milliseconds since the epoch. */
  readonly firstSent: number
  readonly lastSent: number
  /** No other content of this path was sent later. */
  readonly newest: boolean
  /** Contents that the path has. */
  readonly generations: number
  /** Retention took chunks that it lacks: it can only be sent again. */
  readonly isCut: boolean
  /** Where its records lie, sorted; empty unless places were asked for. */
  readonly ranges: readonly OffsetRange[]
}

export interface NoChunk {
  readonly partition: number
  readonly offset: number
  readonly bytes: number
  readonly reason: string
}

export interface FileIndex {
  /** A partition is read from the beginning of its log, at offset `low`; told before its records. */
  begin(partition: number, low: number): void
  add(record: IndexedRecord): void
  /** Adds a record only where it gives a file a chunk that it lacks. */
  addRest(record: IndexedRecord): void
  /** Records so far. */
  readonly records: number
  /** Bytes of their values. */
  readonly recordBytes: number
  /** Records without a value. */
  readonly empty: number
  /** Records that are no chunk, or whose path is unsafe; the first of them are told. */
  readonly undecodable: { readonly count: number; readonly first: readonly NoChunk[] }
  /** Paths so far; one that was forgotten meanwhile counts again. */
  readonly paths: number
  /** Earlier records of one of these may have been forgotten: only another pass over the records tells all of it. */
  mayLack(files: Iterable<{ readonly path: string }>): boolean
  /** Contents so far of which chunks are missing. */
  readonly open: number
  /** In order of path, of one path the newest first. */
  files(): IndexedFile[]
  /** The same, made one by one whenever they are gone through. */
  select(options: SelectOptions): Selection
}

export interface SelectOptions {
  /** Older contents of a path, too. */
  readonly older: boolean
  /** Only so many, those that were sent last. */
  readonly limit?: number | undefined
}

export interface Selection extends Iterable<IndexedFile> {
  readonly length: number
}

export interface IndexOptions {
  /** Only these paths; the others are counted as records and nothing more. */
  readonly wanted: (path: string) => boolean
  /** Note where the records lie: some 50 bytes a run. */
  readonly places: boolean
  /** Only so many will be selected: of more paths those that were sent last are kept, and some thousands beyond. */
  readonly limit?: number | undefined
}

/** Kept beyond the limit: files are sent side by side, and partitions read one before the other. */
const KEPT_BEYOND = 10_000

const FIRST = 5

/** Nearly every path has one content: a table of its own is made for those that have more. */
type Contents = Generation | Map<string, Generation>

export function fileIndex({ wanted, places, limit: toSelect }: IndexOptions): FileIndex {
  let byPath = new Map<string, Contents>()
  const kept = (toSelect ?? Number.POSITIVE_INFINITY) + KEPT_BEYOND
  const forgotten = forgottenPaths()
  let paths = 0
  const begins = logBegins()
  const first: NoChunk[] = []
  let contents = 0
  let records = 0
  let recordBytes = 0
  let empty = 0
  let undecodable = 0
  let open = 0

  function refuse({ partition, offset }: IndexedRecord, bytes: number, reason: string): void {
    undecodable++
    if (first.length < FIRST) first.push({ partition, offset, bytes, reason })
  }

  function find(path: string, chunk: Chunk): Generation | undefined {
    const all = byPath.get(path)
    if (all === undefined) return undefined
    const hash = hashText(chunk)
    if (all instanceof Map) return all.get(keyOf(hash, chunk.total))
    return all.hash === hash && all.chunks === chunk.total ? all : undefined
  }

  function make(path: string, chunk: Chunk, timestamp: number): Generation {
    const made = generation(chunk, timestamp)
    const all = byPath.get(path)
    if (all === undefined) {
      byPath.set(path, made)
      paths++
    } else if (all instanceof Map) all.set(keyOf(made.hash, made.chunks), made)
    else byPath.set(path, new Map([all, made].map(each => [keyOf(each.hash, each.chunks), each])))
    contents++
    open++
    if (byPath.size > 2 * kept) forget()
    return made
  }

  function forget(): void {
    const left = new Map<string, Contents>()
    for (const [path] of chosen(false, kept)) left.set(path, byPath.get(path) as Contents)
    for (const [path, all] of byPath) {
      if (left.has(path)) continue
      forgotten.add(path)
      const each = all instanceof Map ? [...all.values()] : [all]
      contents -= each.length
      open -= each.filter(({ parts }) => parts !== undefined).length
    }
    byPath = left
  }

  function* entries(older: boolean): Generator<readonly [path: string, file: Generation, rank: Rank]> {
    for (const path of [...byPath.keys()].sort()) {
      const all = byPath.get(path) as Contents
      if (!(all instanceof Map)) yield [path, all, ONLY]
      else if (older) {
        const sorted = [...all.values()].sort(newestFirst)
        for (const [i, each] of sorted.entries()) yield [path, each, { newest: i === 0, of: all.size }]
      } else {
        let newest: Generation | undefined
        for (const each of all.values())
          if (newest === undefined || newestFirst(each, newest) < 0) newest = each
        yield [path, newest as Generation, { newest: true, of: all.size }]
      }
    }
  }

  /** Of all, or of the newest of each path, the `limit` that were sent last; of several at one time the first paths. */
  function* chosen(older: boolean, limit: number): ReturnType<typeof entries> {
    const count = older ? contents : byPath.size
    const last = limit < count ? sentLast(entries(older), count, limit) : undefined
    let ties = last?.ties ?? 0
    for (const entry of entries(older)) {
      const [, { lastSent }] = entry
      if (last !== undefined && (lastSent < last.from || (lastSent === last.from && ties-- <= 0))) continue
      yield entry
    }
  }

  function select({ older, limit = Number.POSITIVE_INFINITY }: SelectOptions): Selection {
    return {
      length: Math.min(limit, older ? contents : byPath.size),
      *[Symbol.iterator]() {
        for (const [path, file, rank] of chosen(older, limit)) yield told(path, file, rank, begins.times())
      },
    }
  }

  return {
    begin: begins.add,
    add(record) {
      records++
      begins.read(record)
      const { value } = record
      if (value === null || value.length === 0) {
        empty++
        return
      }
      recordBytes += value.length
      const named = namedChunk(value)
      if ('refused' in named) {
        if (named.own === undefined || wanted(named.own)) refuse(record, value.length, named.refused)
        return
      }
      const { path, chunk } = named
      let found = find(path, chunk)
      if (found === undefined) {
        if (!wanted(path)) return
        found = make(path, chunk, record.timestamp)
      }
      if (placed(found, chunk, record, places)) open--
    },
    addRest(record) {
      const named = namedChunk(record.value)
      if ('refused' in named) return
      const { path, chunk } = named
      const found = find(path, chunk)
      if (found?.parts !== undefined && !found.parts.has(chunk.index) && placed(found, chunk, record, places))
        open--
    },
    get records() {
      return records
    },
    get recordBytes() {
      return recordBytes
    },
    get empty() {
      return empty
    },
    get undecodable() {
      return { count: undecodable, first }
    },
    get paths() {
      return paths
    },
    get open() {
      return open
    },
    mayLack: files => Array.from(files).some(({ path }) => forgotten.mayHave(path)),
    files: () => [...select({ older: true })],
    select,
  }
}

/** From which time on the `limit` that were sent last were sent, and how many of just that time are among them. */
function sentLast(
  entries: Iterable<readonly [path: string, file: Generation, rank: Rank]>,
  count: number,
  limit: number,
): { readonly from: number; readonly ties: number } {
  const times = new Float64Array(count)
  let at = 0
  for (const [, { lastSent }] of entries) times[at++] = lastSent
  times.sort()
  const from = times[count - limit] as number
  const later = count - 1 - times.lastIndexOf(from)
  return { from, ties: limit - later }
}

function hashText({ fileHash: { buffer, byteOffset, byteLength } }: Chunk): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
}

function keyOf(hash: string, chunks: number): string {
  return `${hash}${chunks}`
}

/** Of a content among those of its path. */
interface Rank {
  readonly newest: boolean
  readonly of: number
}

const ONLY: Rank = { newest: true, of: 1 }

interface Generation {
  /** SHA-512 of the whole, a character a byte. */
  readonly hash: string
  readonly chunks: number
  present: number
  bytes: number
  wrong: string | undefined
  duplicates: number
  mtime: number
  firstSent: number
  lastSent: number
  lastOffset: number
  /** While chunks are missing. */
  parts: Assembly | undefined
  runs: OffsetRuns | undefined
}

function newestFirst(a: Generation, b: Generation): number {
  return b.lastSent - a.lastSent || b.lastOffset - a.lastOffset
}

function generation(chunk: Chunk, timestamp: number): Generation {
  return {
    hash: hashText(chunk),
    chunks: chunk.total,
    present: 0,
    bytes: 0,
    wrong: undefined,
    duplicates: 0,
    mtime: chunk.mtime,
    firstSent: timestamp,
    lastSent: timestamp,
    lastOffset: 0,
    parts: assembly(chunk.total),
    runs: undefined,
  }
}

/** Whether the file has become whole by it. */
function placed(file: Generation, chunk: Chunk, record: IndexedRecord, places: boolean): boolean {
  const { partition, offset, timestamp } = record
  file.firstSent = Math.min(file.firstSent, timestamp)
  if (timestamp >= file.lastSent) file.lastOffset = offset
  file.lastSent = Math.max(file.lastSent, timestamp)
  if (places) {
    file.runs ??= new OffsetRuns()
    file.runs.add(partition, offset)
  }
  if (file.parts === undefined || file.parts.place(chunk) === 'duplicate') {
    file.duplicates++
    return false
  }
  file.present = file.parts.count
  file.bytes = file.parts.bytes
  if (file.present < file.chunks) return false
  const size = file.parts.size()
  if (typeof size !== 'number') file.wrong = size.wrong
  file.parts = undefined
  return true
}

function told(path: string, file: Generation, { newest, of }: Rank, begins: Iterable<number>): IndexedFile {
  const { hash, chunks, present, bytes, wrong, duplicates, mtime, firstSent, lastSent, parts, runs } = file
  const highest = parts?.highest ?? 0
  return {
    path,
    sha512: Buffer.from(hash, 'latin1').toString('hex'),
    ...{ chunks, present, bytes, wrong, duplicates, mtime, firstSent, lastSent, newest, generations: of },
    isCut: isCutFile({ chunks, present, highest, firstSent, wasWhole: false }, begins),
    ranges: runs?.ranges() ?? [],
  }
}
