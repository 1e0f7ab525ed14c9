/**
 * Reading again, after a restart, what lies above a partition's committed offset: what the last commit said of those
 * records. One partition in one epoch. What it says stays true until the records are read, so a commit that is made
 * before has to carry the rest on.
 */
import { type CommitRecord, fileHash40 } from './commit-record.ts'

export interface Replay {
  /** The commit says nothing of records from here on. */
  readonly end: number
  /**
   * Whether the record at `offset` was resolved; to be asked in order of offset. `hash` is the 40-bit hash of its
   * file, undefined for a record of no file.
   */
  isResolved(offset: number, hash: number | undefined): boolean
  /**
   * The file with this digest, which had unresolved records here, is finished. Its hash stays: another file that is
   * not read yet may have the same one.
   */
  finish(digest: string): void
  /** Whether the file with this digest was finished, in this epoch or an earlier one, after it had unresolved records here. */
  isFinished(digest: string): boolean
  /** How often a file with this hash had been tried. */
  attemptsOf(hash: number): number
  /** What is unresolved in `[from, end)`. */
  rest(from: number): Rest
}

export interface Rest {
  /** Unresolved stretches `[start, end)`, ascending; undefined where only the files are known. */
  readonly stretches: readonly Stretch[] | undefined
  /** Hashes of unfinished files, each once; of no use where `stretches` are known. */
  readonly files: readonly number[]
  /** Unresolved records of no file; of no use where `stretches` are known. */
  readonly offsets: readonly number[]
  readonly attempts: ReadonlyMap<number, number>
  /** Digests of finished files whose hash is among `files`. */
  readonly finished: readonly string[]
}

export type Stretch = readonly [start: number, end: number]

export function replay({ base, position, unresolved, finished, attempts }: CommitRecord): Replay {
  const hashes = new Set(unresolved.kind === 'files' ? unresolved.files : [])
  const listed = new Set(finished.filter(digest => hashes.has(fileHash40(digest))))
  const left = new Map(attempts)
  const known =
    unresolved.kind === 'offsets' ? byOffset(base, unresolved.runs) : byFile(hashes, unresolved.offsets)
  return {
    end: position,
    isResolved: known.isResolved,
    finish(digest) {
      const hash = fileHash40(digest)
      left.delete(hash)
      if (hashes.has(hash)) listed.add(digest)
    },
    isFinished: digest => listed.has(digest),
    attemptsOf: hash => left.get(hash) ?? 0,
    rest: from => ({ ...known.rest(from), attempts: left, finished: [...listed] }),
  }
}

type Known = Pick<Replay, 'isResolved'> & { rest(from: number): Omit<Rest, 'attempts' | 'finished'> }

function byOffset(base: number, runs: readonly number[]): Known {
  const stretches: Stretch[] = []
  let at = base
  runs.forEach((length, i) => {
    if (i % 2 === 0 && length > 0) stretches.push([at, at + length])
    at += length
  })
  let next = 0 // the first stretch that ends above the last offset asked for
  const passOver = (offset: number) => {
    while (next < stretches.length && (stretches[next] as Stretch)[1] <= offset) next++
    return stretches[next]
  }
  return {
    isResolved(offset) {
      const stretch = passOver(offset)
      return stretch === undefined || offset < stretch[0]
    },
    rest(from) {
      const first = passOver(from)
      if (!first) return { stretches: [], files: [], offsets: [] }
      const tail = stretches.slice(next + 1)
      return { stretches: [[Math.max(from, first[0]), first[1]], ...tail], files: [], offsets: [] }
    },
  }
}

function byFile(hashes: ReadonlySet<number>, offsets: readonly number[]): Known {
  const single = new Set(offsets)
  return {
    isResolved: (offset, hash) => !single.has(offset) && (hash === undefined || !hashes.has(hash)),
    rest: from => ({
      stretches: undefined,
      files: [...hashes],
      offsets: offsets.filter(offset => offset >= from),
    }),
  }
}
