/** What a commit says of one partition: its unresolved records, and what the last commit said of those still unread. */
import type { CommitRecord, RecordContent } from '../../core/offsets/commit-record.ts'
import type { PartitionCut } from '../../core/offsets/ledger.ts'
import type { Replay, Stretch } from '../../core/offsets/replay.ts'
import { type Attempted, attemptsBegun, type OpenFile } from '../table/open-file.ts'

export interface ContentSources {
  readonly cut: PartitionCut
  /** Of the same partition. */
  readonly replay: Replay | undefined
  /** An open file by its ledger number. */
  fileOf(owner: number): (Attempted & Pick<OpenFile, 'hash'>) | undefined
  /** Digests of files that were finished lately. */
  readonly finished: readonly string[]
}

/** More runs than any record has room for. */
const MOST_RUNS = 20_000
/** More single offsets, or files, than any record has room for. */
const MOST_OFFSETS = 4_000
const MOST_FILES = 4_000

export function commitContent({ cut, replay, fileOf, finished }: ContentSources): RecordContent {
  const { base } = cut
  const rest = replay !== undefined && replay.end > cut.position ? replay.rest(cut.position) : undefined
  const position = Math.max(cut.position, rest === undefined ? 0 : (replay as Replay).end)
  const runs = runLengths(base)
  const hashes = new Set(rest?.files)
  const offsets: number[] = []
  const attempts = new Map(rest?.attempts)
  const owners = new Map<number, ReturnType<typeof fileOf>>()
  cut.eachUnresolved((offset, owner) => {
    runs.add(offset, offset + 1)
    if (owners.size > MOST_FILES || offsets.length > MOST_OFFSETS) return
    let file = owners.get(owner)
    if (file === undefined && !owners.has(owner)) {
      file = fileOf(owner)
      owners.set(owner, file)
      if (file !== undefined) {
        hashes.add(file.hash)
        const begun = attemptsBegun(file)
        if (begun > 0) attempts.set(file.hash, begun)
      }
    }
    // Of no file that is open: named one by one, so that nothing is taken for resolved that is not.
    if (file === undefined) offsets.push(offset)
  })
  for (const [start, end] of rest?.stretches ?? []) {
    runs.add(start, end)
    for (let at = start; at < end && offsets.length <= MOST_OFFSETS; at++) offsets.push(at)
  }
  offsets.push(...(rest?.offsets ?? []))
  return {
    base,
    position,
    runs: rest !== undefined && rest.stretches === undefined ? undefined : runs.upTo(position),
    files:
      offsets.length > MOST_OFFSETS || owners.size > MOST_FILES
        ? undefined
        : { hashes: [...hashes], offsets },
    finished: [...new Set([...(rest?.finished ?? []), ...finished])],
    attempts,
  }
}

/** As it would be read back from a commit; undefined where too much is unresolved to say it. */
export function readBack({ runs, files, ...rest }: RecordContent): CommitRecord | undefined {
  if (runs !== undefined) return { ...rest, unresolved: { kind: 'offsets', runs } }
  if (files === undefined) return undefined
  return { ...rest, unresolved: { kind: 'files', files: files.hashes, offsets: files.offsets } }
}

/** Alternating run lengths, unresolved first, from ascending stretches of unresolved offsets. */
function runLengths(base: number) {
  const runs = [0]
  let at = base
  return {
    add(...[start, end]: Stretch): void {
      if (runs.length > MOST_RUNS) return
      if (start > at) runs.push(start - at, 0)
      runs[runs.length - 1] = (runs.at(-1) as number) + end - start
      at = end
    },
    upTo(position: number): number[] | undefined {
      if (runs.length > MOST_RUNS) return undefined
      return position > at ? [...runs, position - at] : runs
    },
  }
}
