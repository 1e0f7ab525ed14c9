/** Whether retention took what a file lacks: then no waiting helps, and it can only be sent again. */

export interface PartOfFile {
  readonly chunks: number
  /** Chunks that are there. */
  readonly present: number
  /** The highest number among them. */
  readonly highest: number
  /** Timestamp of its oldest record that is there. */
  readonly firstSent: number
  /** An earlier run had all of it. */
  readonly wasWhole: boolean
}

/**
 * `begins`: of each partition whose log no longer begins at offset 0, the timestamp of its first record; Infinity where
 * there is none. Chunks are sent in order, so a file that lacks the last ones was not sent to its end; one that lacks
 * earlier ones, and is as old as a log is there, was cut.
 */
export function isCutFile(
  { chunks, present, highest, firstSent, wasWhole }: PartOfFile,
  begins: Iterable<number>,
): boolean {
  if (present >= chunks) return false
  if (wasWhole) return true
  if (highest === present) return false
  for (const begin of begins) if (begin >= firstSent) return true
  return false
}

export interface LogBegins {
  /** Each partition that is read from the beginning of its log, and where that is. */
  add(partition: number, low: number): void
  /** Each record that is read, or at least the first ones. */
  read(record: { readonly partition: number; readonly timestamp: number }): void
  /** As `isCutFile` takes them. */
  times(): Iterable<number>
}

export function logBegins(): LogBegins {
  const first = new Map<number, number>()
  let unread = 0
  return {
    add(partition, low) {
      if (low === 0 || first.has(partition)) return
      first.set(partition, Number.POSITIVE_INFINITY)
      unread++
    },
    read({ partition, timestamp }) {
      if (unread === 0 || first.get(partition) !== Number.POSITIVE_INFINITY) return
      first.set(partition, timestamp)
      unread--
    },
    times: () => first.values(),
  }
}
