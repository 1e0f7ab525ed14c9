/**
 * Reading again, after a restart, what lies above a partition's committed offset: what the last commit said of those
 * records. One partition in one epoch. What it says stays true until the records are read, so a commit that is made
 * before has to carry the rest on.
 */
import type { CommitRecord } from './commit-record.ts'

export interface Replay {
  /** The commit says nothing of records from here on. */
  readonly end: number
  /**
   * Whether the record at `offset` was resolved; to be asked in order of offset. `hash` is the 40-bit hash of its
   * file, undefined for a record of no file.
   */
  isResolved(offset: number, hash: number | undefined): boolean
  /** A file that had unresolved records here is finished: one file less with this hash. */
  finish(hash: number): void
  /** How often a file with this hash had been tried, told once: then the caller keeps the count. */
  takeAttempts(hash: number): number
  /** What is unresolved in `[from, end)`. */
  rest(from: number): Rest
}

export interface Rest {
  /** Unresolved stretches `[start, end)`, ascending; undefined where only the files are known. */
  readonly stretches: readonly Stretch[] | undefined
  /** Hashes of unfinished files, one entry per file; of no use where `stretches` are known. */
  readonly files: readonly number[]
  /** Unresolved records of no file; of no use where `stretches` are known. */
  readonly offsets: readonly number[]
  readonly attempts: ReadonlyMap<number, number>
}

export type Stretch = readonly [start: number, end: number]

export function replay({ base, position, unresolved, attempts }: CommitRecord): Replay {
  const left = new Map(attempts)
  const known = unresolved.kind === 'offsets' ? byOffset(base, unresolved.runs) : byFile(unresolved)
  return {
    end: position,
    isResolved: known.isResolved,
    finish: known.finish,
    takeAttempts(hash) {
      const count = left.get(hash) ?? 0
      left.delete(hash)
      return count
    },
    rest: from => ({ ...known.rest(from), attempts: left }),
  }
}

type Known = Pick<Replay, 'isResolved' | 'finish'> & { rest(from: number): Omit<Rest, 'attempts'> }

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
    finish() {},
    rest(from) {
      const first = passOver(from)
      if (!first) return { stretches: [], files: [], offsets: [] }
      const tail = stretches.slice(next + 1)
      return { stretches: [[Math.max(from, first[0]), first[1]], ...tail], files: [], offsets: [] }
    },
  }
}

function byFile({ files, offsets }: Extract<CommitRecord['unresolved'], { kind: 'files' }>): Known {
  const counts = new Map<number, number>()
  for (const hash of files) counts.set(hash, (counts.get(hash) ?? 0) + 1)
  const single = new Set(offsets)
  return {
    isResolved: (offset, hash) => !single.has(offset) && (hash === undefined || !counts.has(hash)),
    finish(hash) {
      const count = counts.get(hash)
      if (count === undefined) return
      if (count === 1) counts.delete(hash)
      else counts.set(hash, count - 1)
    },
    rest: from => ({
      stretches: undefined,
      files: [...counts].flatMap(([hash, count]) => Array<number>(count).fill(hash)),
      offsets: offsets.filter(offset => offset >= from),
    }),
  }
}
