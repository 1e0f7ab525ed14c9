/**
 * Looks after partitions from outside: the client neither tells of every error of a partition (consume(n) drops one
 * that follows a record) nor of records that it jumped over.
 */

import type { Watermarks } from '../../ask/watermarks.ts'
import { type ClientError, ERR } from '../../client-error.ts'

/** How far one partition is read. */
export interface Reading {
  readonly partition: number
  /** Offset of the record to come next. */
  readonly position: number
  /** When something of it came last, or reading it began. */
  readonly since: number
}

/** What speaks against it that a partition of which nothing comes is damaged. */
export interface SignsOfLife {
  /** When the broker held answers back last, or was to; undefined: never. */
  readonly throttledUntil: number | undefined
  /** The broker of the partition answers fetches at present. */
  readonly isAnswered: boolean
  /** When records came last of another partition, of which not all has come since; undefined: never. */
  readonly othersCame: number | undefined
}

/** The records that can be read. */
type Marks = Pick<Watermarks, 'low' | 'high'>

export type Finding =
  /** Records are there and do not come. */
  | { readonly kind: 'stalled' }
  /** Records `position` to `low - 1` were deleted before they were read. */
  | { readonly kind: 'overtaken' }
  /** The log ends below what was read of it. */
  | { readonly kind: 'beyond-end' }

/**
 * What is wrong with a partition that nothing came from for `stallMs`; undefined when nothing is. One that is slow is not
 * damaged: records stall only where fetches are answered, not held back, and nothing else fills the answers.
 */
export function examine(
  { position, since }: Reading,
  { low, high }: Marks,
  signsOfLife: () => SignsOfLife,
  now: number,
  stallMs: number,
): Finding | undefined {
  if (now - since < stallMs) return undefined
  if (position > high) return { kind: 'beyond-end' }
  if (position < low) return { kind: 'overtaken' }
  if (position === high) return undefined
  const { throttledUntil = 0, isAnswered, othersCame = 0 } = signsOfLife()
  if (!isAnswered) return undefined
  return now - Math.max(since, throttledUntil, othersCame) < stallMs ? undefined : { kind: 'stalled' }
}

export interface WatchdogDeps {
  /** Partitions that are owned and not paused. */
  readings(): readonly Reading[]
  signsOfLife(reading: Reading): SignsOfLife
  /** Partitions that are owned. */
  owned(): readonly number[]
  watermarks(partitions: readonly number[]): Promise<ReadonlyMap<number, Marks>>
  /** Whether the topic is another one of the same name; true once. */
  hasNewTopic(): Promise<boolean>
  onFinding(finding: Finding, reading: Reading, marks: Marks): void
  /** The oldest record of a partition, at the first look and whenever it is another one. */
  onLow(partition: number, low: number): void
  /** The topic is another one of the same name. */
  onNewTopic(): void
  /** The broker does not answer: `error` as the client gives it. */
  onUnanswered(error: unknown): void
  now(): number
}

export interface Watchdog {
  /** One look; what was found has been told when it resolves. */
  look(): Promise<void>
}

/** A look that is still open at the next one. */
const NO_ANSWER: ClientError = { code: ERR.TIMED_OUT, message: 'no answer yet' }

export const LOOK_EVERY_MS = 5_000
export const STALL_MS = 30_000

export function watchdog(deps: WatchdogDeps): Watchdog {
  const lows = new Map<number, number>()
  let looking = false

  async function lookAtAll(): Promise<void> {
    if (await deps.hasNewTopic()) {
      lows.clear()
      return deps.onNewTopic()
    }
    const found = await deps.watermarks(deps.owned())
    const readings = new Map(deps.readings().map(reading => [reading.partition, reading]))
    for (const [partition, marks] of found) {
      const before = lows.get(partition)
      lows.set(partition, marks.low)
      if (marks.low !== before) deps.onLow(partition, marks.low)
      const reading = readings.get(partition)
      const finding =
        reading && examine(reading, marks, () => deps.signsOfLife(reading), deps.now(), STALL_MS)
      if (finding) deps.onFinding(finding, reading, marks)
    }
  }

  return {
    async look() {
      if (looking) return deps.onUnanswered(NO_ANSWER)
      looking = true
      try {
        await lookAtAll()
      } catch (error) {
        deps.onUnanswered(error)
      } finally {
        looking = false
      }
    },
  }
}
