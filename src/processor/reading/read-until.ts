/**
 * Up to when everything that had arrived was read. A file whose last chunk lies long enough before makes no progress:
 * neither a backlog nor a pause, in which chunks may still be waiting, lets a file grow old.
 */
export interface ReadUntil {
  /** A partition is read from now on. */
  assign(partition: number): void
  revoke(partition: number): void
  /** Everything that the partition has was read. */
  atEnd(partition: number): void
  /** A record of it came. */
  moved(partition: number): void
  /** Reading pauses, or goes on. */
  paused(isPaused: boolean): void
  /** Milliseconds of the clock; -Infinity before each partition was read to its end once. */
  time(): number
}

/** After a pause the first records may take this long. */
const RESUME_MS = 5_000

export function readUntil(now: () => number): ReadUntil {
  const lastEnds = new Map<number, number>() // of partitions that are not at their end
  const there = new Set<number>() // those at their end
  let pause: { readonly from: number; to: number } | undefined
  /** When the pause began after which records may still be on their way; undefined without one. */
  const pausedFrom = (at: number) => (pause && at - pause.to < RESUME_MS ? pause.from : undefined)
  return {
    assign: partition => void lastEnds.set(partition, Number.NEGATIVE_INFINITY),
    revoke(partition) {
      lastEnds.delete(partition)
      there.delete(partition)
    },
    atEnd(partition) {
      lastEnds.delete(partition)
      there.add(partition)
    },
    moved(partition) {
      // What comes after a pause may have lain there since it began.
      if (there.delete(partition)) lastEnds.set(partition, pausedFrom(now()) ?? now())
    },
    paused(isPaused) {
      if (isPaused) pause = { from: pausedFrom(now()) ?? now(), to: Number.POSITIVE_INFINITY }
      else if (pause) pause.to = now()
    },
    time() {
      if (lastEnds.size + there.size === 0) return Number.NEGATIVE_INFINITY
      let least = now()
      for (const at of lastEnds.values()) least = Math.min(least, at)
      return Math.min(least, pausedFrom(least) ?? least)
    },
  }
}
