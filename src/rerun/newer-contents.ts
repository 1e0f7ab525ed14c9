/**
 * Files of dead letters whose path got a newer content since: run again, the old one would take the place of the new one
 * wherever a plugin writes by path. The topic tells, from where the oldest of the files lies to its end.
 */
import { fileIndex, type IndexedFile } from '../core/chunks/file-index.ts'
import type { OffsetRange } from '../core/offsets/offset-ranges.ts'
import { scanTopic } from '../inspect/topic-scan.ts'
import type { Refetcher } from '../kafka/refetch/refetch.ts'
import type { RetryFile, RetryPlan } from './retry-plan.ts'
import { byTopic } from './shared-reads.ts'

/** Sets them apart; of one path the others follow each other as they were sent. Rejects as `Refetcher.read`. */
export async function withNewer(
  plan: RetryPlan,
  openRefetcher: (topic: string) => Refetcher,
  signal: AbortSignal,
): Promise<RetryPlan> {
  const files: RetryFile[] = []
  const superseded: RetryFile[] = []
  const withLetters = byTopic([
    ...plan.leftAlone.map(({ file }) => file),
    ...plan.untaken.map(letter => ({ letter })),
  ])
  for (const [topic, own] of byTopic(plan.files)) {
    const refetcher = openRefetcher(topic)
    const others = withLetters.get(topic) ?? []
    const sent = await contentsSince(own, others, refetcher, signal).finally(refetcher.close)
    const of = (file: RetryFile) => sent.own.get(keyOf(file.letter))
    const isOld = (file: RetryFile) => {
      const newest = sent.newest.get(file.letter.path)
      return newest !== undefined && isAfter(newest, of(file))
    }
    for (const file of own.sort((a, b) => compare(a.letter.path, b.letter.path) || inOrder(of(a), of(b))))
      (isOld(file) ? superseded : files).push(file)
  }
  return { ...plan, files, superseded }
}

/** Each file as it was sent, and by path the newest whole content of which there is no letter, `others` included. */
async function contentsSince(
  files: readonly RetryFile[],
  others: readonly Pick<RetryFile, 'letter'>[],
  refetcher: Refetcher,
  signal: AbortSignal,
) {
  const failed = new Set(others.map(({ letter }) => keyOf(letter)))
  const own = new Map<string, Sent | undefined>()
  for (const { letter } of files) own.set(keyOf(letter), undefined)
  const paths = new Set(files.map(({ letter }) => letter.path))
  const index = fileIndex({ wanted: path => paths.has(path), places: true })
  const time = await oldestTime(files, refetcher, signal)
  const from = time === undefined ? 'earliest' : { time }
  await scanTopic(refetcher, index, { from, to: undefined }, signal)
  const newest = new Map<string, Sent>()
  for (const content of index.select({ older: true })) {
    const { path, present, chunks, wrong } = content
    const key = keyOf(content)
    if (own.has(key)) own.set(key, sentAs(content))
    else if (present === chunks && wrong === undefined && !failed.has(key)) {
      const sent = sentAs(content)
      if (isAfter(sent, newest.get(path))) newest.set(path, sent)
    }
  }
  return { own, newest }
}

interface Sent {
  /** Its highest offset, by partition. */
  readonly ends: ReadonlyMap<number, number>
  readonly lastSent: number
}

function sentAs({ ranges, lastSent }: IndexedFile): Sent {
  return { ends: new Map(ranges.map(({ partition, to }) => [partition, to])), lastSent }
}

/**
 * Whether one content was sent after another, of which nothing may be left: where both have records in one partition by their
 * order there, which no clock can change; else by their times.
 */
function isAfter(content: Sent, other: Sent | undefined): boolean {
  if (other === undefined) return true
  for (const [partition, end] of content.ends) {
    const otherEnd = other.ends.get(partition)
    if (otherEnd !== undefined) return end > otherEnd
  }
  return content.lastSent > other.lastSent
}

function inOrder(a: Sent | undefined, b: Sent | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined)
  return Number(isAfter(a, b)) - Number(isAfter(b, a))
}

/** When the first record of any of the files was sent; undefined where that is not known any more. */
async function oldestTime(
  files: readonly RetryFile[],
  refetcher: Refetcher,
  signal: AbortSignal,
): Promise<number | undefined> {
  const lowest = new Map<number, number>()
  for (const { partition, from } of files.flatMap(({ ranges }) => ranges))
    lowest.set(partition, Math.min(from, lowest.get(partition) ?? from))
  const first: OffsetRange[] = [...lowest].map(([partition, from]) => ({ partition, from, to: from }))
  let time = Number.POSITIVE_INFINITY
  let found = 0
  await refetcher.read(
    first,
    ({ timestamp }) => {
      found++
      time = Math.min(time, timestamp)
    },
    signal,
  )
  return found === first.length && time >= 0 ? time : undefined
}

function keyOf({ path, sha512, chunks }: Pick<IndexedFile, 'path' | 'sha512' | 'chunks'>): string {
  return `${path}\0${sha512}\0${chunks}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
