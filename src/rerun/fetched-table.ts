/**
 * The files that are fetched at present, and their records: each is given an offset of one row here, and really lies
 * elsewhere. So records of many partitions are one partition to the processor.
 */
import { type FileId, fileId } from '../core/chunks/generation.ts'
import { type OffsetRange, offsetRanges } from '../core/offsets/offset-ranges.ts'

/** A file to be run again. */
export interface FileToFetch {
  readonly letter: {
    readonly path: string
    readonly chunks: number
    readonly sha512: string
    /** How often it was tried before; 0 where that is of no matter. */
    readonly attempts?: number
  }
  /** Where its records lie; others may lie between them. */
  readonly ranges: readonly OffsetRange[]
}

/** Where a record really lies. */
interface Place {
  readonly partition: number
  readonly offset: number
}

export interface OpenFetched<F> {
  readonly file: F
  readonly id: FileId
  /** The offsets that its records are given here, in order. */
  readonly offsets: number[]
}

export interface FetchedTable<F> {
  readonly size: number
  /** About what it takes here and in the processor. */
  readonly bytes: number
  /** The offset that the next record is given. */
  readonly end: number
  of(path: string): OpenFetched<F> | undefined
  begin(file: F): OpenFetched<F>
  forget(own: OpenFetched<F>): void
  /** Gives a record of it the next offset. */
  give(own: OpenFetched<F>, place: Place): number
  attemptsBefore(id: FileId): number
  /** Where records of these offsets lie, and how to find the offset of each again. */
  placesOf(ranges: readonly OffsetRange[]): {
    readonly real: readonly OffsetRange[]
    offsetOf(place: Place): number | undefined
  }
}

const FILE_BYTES = 2_000
const RECORD_BYTES = 250

export function fetchedTable<F extends FileToFetch>(): FetchedTable<F> {
  const open = new Map<string, OpenFetched<F>>() // by path
  const attempts = new Map<FileId, number>()
  const places = new Map<number, Place>()
  let end = 0
  return {
    get size() {
      return open.size
    },
    get bytes() {
      return open.size * FILE_BYTES + places.size * RECORD_BYTES
    },
    get end() {
      return end
    },
    of: path => open.get(path),
    begin(file) {
      const { path, chunks, sha512, attempts: before = 0 } = file.letter
      const id = fileId(path, { total: chunks, fileHash: Buffer.from(sha512, 'hex') })
      const own = { file, id, offsets: [] }
      open.set(path, own)
      attempts.set(id, before)
      return own
    },
    forget({ file, id, offsets }) {
      open.delete(file.letter.path)
      attempts.delete(id)
      for (const offset of offsets) places.delete(offset)
    },
    give(own, { partition, offset }) {
      own.offsets.push(end)
      places.set(end, { partition, offset })
      return end++
    },
    attemptsBefore: id => attempts.get(id) ?? 0,
    placesOf(ranges) {
      const offsets = new Map<string, number>()
      const found: Place[] = []
      for (const { from, to } of ranges)
        for (let offset = from; offset <= to; offset++) {
          const place = places.get(offset)
          if (place === undefined) continue
          found.push(place)
          offsets.set(`${place.partition}/${place.offset}`, offset)
        }
      return {
        real: offsetRanges(found),
        offsetOf: ({ partition, offset }) => offsets.get(`${partition}/${offset}`),
      }
    },
  }
}
