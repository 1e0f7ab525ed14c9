/**
 * The broker: the log of a topic, and what the group has committed. All that survives whatever happens to a process.
 */
import type { OffsetCommit } from '../../src/kafka/consumer/committer.ts'
import type { What } from './files.ts'

export interface LogRecord {
  readonly offset: number
  readonly value: Buffer | null
  readonly what: What
}

export interface Committed {
  readonly offset: number
  readonly metadata: string | undefined
}

export interface Partition {
  readonly number: number
  /** Delivered records in order of offset; gaps between them. */
  readonly records: readonly LogRecord[]
  /** The lowest offset that is still there. */
  readonly low: number
  /** Offset of the record to come next. */
  readonly end: number
  committed: Committed | undefined
}

export interface Broker {
  readonly partitions: readonly Partition[]
  /** Who may commit: a count of group generations. */
  readonly generation: number
  /** Ends the present generation: its commits that have not arrived are refused from now on. */
  nextGeneration(): number
  append(partition: number, value: Buffer | null, what: What): void
  deleteBelow(partition: number, offset: number): void
  store(commits: readonly OffsetCommit[]): void
}

export function broker(count: number): Broker {
  const partitions = Array.from({ length: count }, (_, number) => ({
    number,
    records: [] as LogRecord[],
    low: 0,
    end: 0,
    committed: undefined as Committed | undefined,
  }))
  let generation = 0
  const at = (partition: number) => partitions[partition] as (typeof partitions)[number]
  return {
    partitions,
    get generation() {
      return generation
    },
    nextGeneration: () => ++generation,
    append(partition, value, what) {
      const p = at(partition)
      const offset = p.end++
      if (what.kind !== 'gap') p.records.push({ offset, value, what })
    },
    deleteBelow(partition, offset) {
      const p = at(partition)
      p.low = Math.max(p.low, Math.min(offset, p.end))
    },
    store(commits) {
      for (const { partition, offset, metadata } of commits) at(partition).committed = { offset, metadata }
    },
  }
}

/** Index of the first record at or above `offset`. */
export function indexAt(records: readonly LogRecord[], offset: number): number {
  let [low, high] = [0, records.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((records[middle] as LogRecord).offset < offset) low = middle + 1
    else high = middle
  }
  return low
}
