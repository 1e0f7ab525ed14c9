/** What `dfsp retry` is going to do with the letters it found: which files it runs, and what it leaves alone. */

import { DfspError } from '../base/errors.ts'
import type { DeadLetter, FileLetter, RecordLetter } from '../core/dead-letter.ts'
import {
  clip,
  type Extent,
  joined,
  type OffsetRange,
  offsetsIn,
  sortedRanges,
} from '../core/offsets/offset-ranges.ts'
import type { PlannedFile } from '../report/commands/retry-plan-text.ts'
import type { Received } from './letter-box.ts'

/** A file to be run again, with all letters of it. */
export interface RetryFile extends PlannedFile {
  readonly letters: readonly Received[]
}

export interface RetryPlan {
  readonly files: readonly RetryFile[]
  /** Of which too few records are left: they can only be sent again. */
  readonly lost: readonly RetryFile[]
  /** Of whose path a newer content was sent: see newer-contents.ts. */
  readonly superseded: readonly RetryFile[]
  readonly leftAlone: readonly { readonly file: RetryFile; readonly why: string }[]
  /** Of further files, which this call does not take up. */
  readonly untaken: readonly FileLetter[]
  /** Records that are no chunks: no plugin can be run on them. */
  readonly records: readonly { readonly letter: RecordLetter; readonly received: Received }[]
  /** Records of the topic that are no letters. */
  readonly refused: readonly { readonly reason: string; readonly received: Received }[]
}

/** A file is taken up by so many calls at most, unless it is named. */
export const MOST_ROUNDS = 5

/** Collects letters as they are read. */
export interface Letters {
  add(received: Received): void
  /** Without what is gone: see `withGone`. */
  plan(): RetryPlan
}

/**
 * `wanted` are paths of files or folders; with any, only those are taken, and nothing is said of the rest. With
 * `topic`, only letters that speak of it. Letters of files beyond the first `max` are only noted.
 */
export function letters(
  wanted: readonly string[],
  topic: string | undefined,
  max = Number.POSITIVE_INFINITY,
): Letters {
  const files = new Map<string, { letter: FileLetter; letters: Received[] }>()
  const records: RetryPlan['records'][number][] = []
  const refused: RetryPlan['refused'][number][] = []
  const untaken: FileLetter[] = []
  const isWanted = (letter: DeadLetter) =>
    (topic === undefined || letter.topic === topic) &&
    (wanted.length === 0 || (letter.kind === 'file' && wanted.some(path => isBelow(letter.path, path))))
  return {
    add(received) {
      const { letter } = received
      if ('refused' in letter) {
        if (wanted.length === 0) refused.push({ reason: letter.refused, received })
      } else if (!isWanted(letter)) return
      else if (letter.kind === 'record') records.push({ letter, received })
      else {
        const id = [letter.topic, letter.path, letter.sha512, letter.chunks].join('\0')
        const known = files.get(id)
        if (known === undefined && files.size >= max) untaken.push(letter)
        else if (known === undefined) files.set(id, { letter, letters: [received] })
        else {
          known.letters.push(received)
          if (letter.rounds >= known.letter.rounds) known.letter = letter
        }
      }
    },
    plan() {
      const all = [...files.values()]
        .map(file => ({ ...file, ranges: rangesOf(file.letters), gone: [] }))
        .sort((a, b) => (a.letter.path < b.letter.path ? -1 : Number(a.letter.path > b.letter.path)))
      const isDue = ({ letter }: RetryFile) => letter.rounds < MOST_ROUNDS || wanted.length > 0
      const why = `taken up ${MOST_ROUNDS} times already; name it to run it all the same`
      const leftAlone = all.filter(file => !isDue(file)).map(file => ({ file, why }))
      return { files: all.filter(isDue), lost: [], superseded: [], leftAlone, untaken, records, refused }
    },
  }
}

export interface TopicsAsked {
  /** Which of them do not exist. */
  missingTopics(topics: readonly string[]): Promise<ReadonlySet<string>>
  extentsOf(topic: string): Promise<ReadonlyMap<number, Extent>>
}

/** Sets apart what is no longer there: records of files, files, and topics. */
export async function withGone(
  plan: RetryPlan,
  { missingTopics, extentsOf }: TopicsAsked,
): Promise<RetryPlan> {
  const topics = new Map<string, ReadonlyMap<number, Extent> | undefined>()
  const named = [...new Set(plan.files.map(({ letter }) => letter.topic))]
  const missing = await missingTopics(named)
  for (const topic of named)
    topics.set(topic, missing.has(topic) ? undefined : await extentsOf(topic).catch(goneMeanwhile))
  const files: RetryFile[] = []
  const lost: RetryFile[] = []
  const leftAlone = [...plan.leftAlone]
  for (const file of plan.files) {
    const extents = topics.get(file.letter.topic)
    if (extents === undefined) {
      leftAlone.push({ file, why: `topic ${file.letter.topic} does not exist` })
      continue
    }
    const { inside, outside: gone } = clip(file.ranges, extents)
    const isBeyond = gone.some(({ partition, to }) => to >= (extents.get(partition)?.high ?? 0))
    const isLost = gone.length > 0 && offsetsIn(inside) < file.letter.chunks
    ;(isLost ? lost : files).push({ ...file, gone, ...(isBeyond ? { isBeyond } : {}) })
  }
  return { ...plan, files, lost, leftAlone }
}

function goneMeanwhile(error: unknown): undefined {
  if (!(error instanceof DfspError && error.code === 'E_TOPIC_MISSING')) throw error
}

/** Is it the file that is wanted, or in the folder that is? */
export function isBelow(path: string, wanted: string): boolean {
  const folder = wanted.replace(/\/+$/, '')
  return path === folder || path.startsWith(`${folder}/`)
}

/** Those that mean none of the paths. */
export function meansNone(wanted: readonly string[], paths: readonly string[]): readonly string[] {
  return wanted.filter(each => !paths.some(path => isBelow(path, each)))
}

function rangesOf(list: readonly Received[]): OffsetRange[] {
  const ranges = list.flatMap(({ letter }) => ('ranges' in letter ? letter.ranges : []))
  return joined(sortedRanges(ranges), 0)
}
