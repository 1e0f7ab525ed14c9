/**
 * Looks after partitions from outside: the client neither tells of every error of a partition (consume(n) drops one
 * that follows a record) nor of records that it jumped over.
 */
import type { Watermarks } from './topic.ts'

/** How far one partition is read. */
export interface Reading {
  readonly partition: number
  /** Offset of the record to come next. */
  readonly position: number
  /** When something of it came last, or reading it began. */
  readonly since: number
}

export type Finding =
  /** Records are there and do not come. */
  | { readonly kind: 'stalled' }
  /** Records `position` to `low - 1` were deleted before they were read. */
  | { readonly kind: 'overtaken' }
  /** The log ends below what was read of it. */
  | { readonly kind: 'beyond-end' }

/** What is wrong with a partition that nothing came from for `stallMs`; undefined when nothing is. */
export function examine(
  { position, since }: Reading,
  { low, high }: Watermarks,
  now: number,
  stallMs: number,
): Finding | undefined {
  if (now - since < stallMs) return undefined
  if (position > high) return { kind: 'beyond-end' }
  if (position < low) return { kind: 'overtaken' }
  return position < high ? { kind: 'stalled' } : undefined
}

export interface WatchdogDeps {
  /** Partitions that are owned and not paused. */
  readings(): readonly Reading[]
  /** Partitions that are owned. */
  owned(): readonly number[]
  watermarks(partitions: readonly number[]): Promise<ReadonlyMap<number, Watermarks>>
  /** Whether the topic is another one of the same name; true once. */
  hasNewTopic(): Promise<boolean>
  onFinding(finding: Finding, reading: Reading, marks: Watermarks): void
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

export const LOOK_EVERY_MS = 10_000
export const STALL_MS = 30_000

export function watchdog(deps: WatchdogDeps): Watchdog {
  const lows = new Map<number, number>()
  let looking = false

  async function lookAtAll(): Promise<void> {
    if (await deps.hasNewTopic()) {
      lows.clear()
      return deps.onNewTopic()
    }
    for (const [partition, marks] of await deps.watermarks(deps.owned())) {
      const before = lows.get(partition)
      lows.set(partition, marks.low)
      if (marks.low !== before) deps.onLow(partition, marks.low)
      const reading = deps.readings().find(r => r.partition === partition)
      const finding = reading && examine(reading, marks, deps.now(), STALL_MS)
      if (finding) deps.onFinding(finding, reading, marks)
    }
  }

  return {
    async look() {
      if (looking) return
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
