/**
 * The files of a topic as its records tell them, without their content: which contents (generations) each path has,
 * and which of their chunks are there. What is whole takes a few hundred bytes, whatever its size.
 */
import { type Assembly, assembly } from './assembly.ts'
import type { Chunk } from './chunk.ts'
import { decodeChunk } from './chunk-codec.ts'
import { joined, type OffsetRange, sortedRanges } from './offset-ranges.ts'
import { relativePath } from './output-path.ts'

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
  /** Paths so far. */
  readonly paths: number
  /** Contents so far of which chunks are missing. */
  readonly open: number
  /** In order of path, of one path the newest first. */
  files(): IndexedFile[]
}

export interface IndexOptions {
  /** Only these paths; the others are counted as records and nothing more. */
  readonly wanted: (path: string) => boolean
  /** Note where the records lie: some 50 bytes a run. */
  readonly places: boolean
}

const FIRST = 5

export function fileIndex({ wanted, places }: IndexOptions): FileIndex {
  const byPath = new Map<string, Generation[]>()
  const first: NoChunk[] = []
  let records = 0
  let recordBytes = 0
  let empty = 0
  let undecodable = 0
  let open = 0

  function refuse({ partition, offset }: IndexedRecord, bytes: number, reason: string): void {
    undecodable++
    if (first.length < FIRST) first.push({ partition, offset, bytes, reason })
  }

  return {
    add(record) {
      records++
      const { value } = record
      if (value === null || value.length === 0) {
        empty++
        return
      }
      recordBytes += value.length
      const chunk = decodeChunk(value)
      if (chunk.kind !== 'chunk') return refuse(record, value.length, chunk.reason)
      const named = relativePath(chunk.subdir, chunk.filename, chunk.append)
      if ('refused' in named) {
        if (named.own === undefined || wanted(named.own)) refuse(record, value.length, named.refused)
        return
      }
      if (!wanted(named.path)) return
      const hash = hashText(chunk)
      let all = byPath.get(named.path)
      if (all === undefined) {
        all = []
        byPath.set(named.path, all)
      }
      let found = all.find(each => each.hash === hash && each.chunks === chunk.total)
      if (found === undefined) {
        found = generation(hash, chunk, record.timestamp)
        all.push(found)
        open++
      }
      if (place(found, chunk, record, places)) open--
    },
    addRest(record) {
      const chunk = decodeChunk(record.value)
      if (chunk.kind !== 'chunk') return
      const named = relativePath(chunk.subdir, chunk.filename, chunk.append)
      const all = 'path' in named ? byPath.get(named.path) : undefined
      const hash = hashText(chunk)
      const found = all?.find(each => each.hash === hash && each.chunks === chunk.total)
      if (found?.parts !== undefined && !found.parts.has(chunk.index) && place(found, chunk, record, places))
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
      return byPath.size
    },
    get open() {
      return open
    },
    files() {
      const paths = [...byPath.keys()].sort()
      return paths.flatMap(path => {
        const all = (byPath.get(path) as Generation[]).toSorted(
          (a, b) => b.lastSent - a.lastSent || b.lastOffset - a.lastOffset,
        )
        return all.map((each, i) => told(path, each, i === 0, all.length))
      })
    },
  }
}

function hashText({ fileHash: { buffer, byteOffset, byteLength } }: Chunk): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
}

interface Generation {
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
  runs: { readonly partition: number; readonly from: number; to: number }[] | undefined
}

function generation(hash: string, { total, mtime }: Chunk, timestamp: number): Generation {
  return {
    hash,
    chunks: total,
    present: 0,
    bytes: 0,
    wrong: undefined,
    duplicates: 0,
    mtime,
    firstSent: timestamp,
    lastSent: timestamp,
    lastOffset: 0,
    parts: assembly(total),
    runs: undefined,
  }
}

/** Whether the file has become whole by it. */
function place(file: Generation, chunk: Chunk, record: IndexedRecord, places: boolean): boolean {
  const { partition, offset, timestamp } = record
  file.firstSent = Math.min(file.firstSent, timestamp)
  if (timestamp >= file.lastSent) file.lastOffset = offset
  file.lastSent = Math.max(file.lastSent, timestamp)
  if (places) noteRun(file, partition, offset)
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

function noteRun(file: Generation, partition: number, offset: number): void {
  file.runs ??= []
  const last = file.runs.findLast(run => run.partition === partition)
  if (last?.to === offset - 1) last.to = offset
  else file.runs.push({ partition, from: offset, to: offset })
}

function told(path: string, file: Generation, newest: boolean, generations: number): IndexedFile {
  const { chunks, present, bytes, wrong, duplicates, mtime, firstSent, lastSent, runs = [] } = file
  return {
    path,
    sha512: Buffer.from(file.hash, 'latin1').toString('hex'),
    ...{ chunks, present, bytes, wrong, duplicates, mtime, firstSent, lastSent, newest, generations },
    ranges: joined(sortedRanges(runs), 0),
  }
}
