/**
 * Which partitions are read, and how far. A partition has epochs: it is **read** from the offset on at which the epoch
 * begins; then it **goes**: nothing of it is handed on, what was is finished and committed; then it is gone, and may come
 * back. `ownership.ts` decides which epoch begins and ends when.
 */

export interface Position {
  /** Offset of the record to come next. */
  next: number
  /** When something came last, or reading began. */
  since: number
  /** When it was read to its end last; undefined: never. */
  endedAt?: number
  /** Count of changes when its epoch began. */
  readonly turn: number
  readonly isGoing: boolean
}

export interface Owned {
  /** Count of changes. */
  readonly turn: number
  /** By partition, of those that are read or go. */
  readonly positions: ReadonlyMap<number, Position>
  readonly isAnyRead: boolean
  /** Where a partition is read, if it was read already when a call began in `turn`. */
  readSince(turn: number, partition: number): Position | undefined
  mayCommit(partition: number): boolean
  /** Partitions are read from these offsets on. */
  begin(starts: readonly { readonly partition: number; readonly start: number }[], since: number): void
  /** They go; without effect on those that are not read. */
  drain(partitions: Iterable<number>): void
  /** All go, and nothing may be committed of them any more: the offsets are those of another log. */
  spoil(): void
  /** They are gone. Throws where one of them was not about to go. */
  end(partitions: Iterable<number>): void
}

export function ownedPartitions(): Owned {
  const positions = new Map<number, Position>()
  const spoilt = new Set<number>()
  let turn = 0

  function drain(partitions: Iterable<number>): void {
    for (const partition of partitions) {
      const position = positions.get(partition) as { isGoing: boolean } | undefined
      if (position) position.isGoing = true
    }
  }

  return {
    get turn() {
      return turn
    },
    positions,
    get isAnyRead() {
      for (const { isGoing } of positions.values()) if (!isGoing) return true
      return false
    },
    readSince(asked, partition) {
      const position = positions.get(partition)
      return position === undefined || position.isGoing || position.turn > asked ? undefined : position
    },
    mayCommit: partition => positions.has(partition) && !spoilt.has(partition),
    begin(starts, since) {
      turn++
      for (const { partition, start } of starts) {
        if (positions.has(partition)) throw new Error(`an epoch of partition ${partition} has begun already`)
        positions.set(partition, { next: start, since, turn, isGoing: false })
      }
    },
    drain,
    spoil() {
      drain(positions.keys())
      for (const partition of positions.keys()) spoilt.add(partition)
    },
    end(partitions) {
      for (const partition of partitions) {
        if (!positions.get(partition)?.isGoing) throw new Error(`partition ${partition} was not about to go`)
        positions.delete(partition)
        spoilt.delete(partition)
      }
    },
  }
}
