/**
 * Which content of a path was processed last. An earlier one that is sent again after that is no copy of what is done: it
 * is the newest content of its path, and runs again, or whoever writes by path would be left with the other one.
 */
import type { ConsumedRecord } from '../../kafka/consumer/consumer.ts'
import type { OpenFile } from '../table/open-file.ts'

export interface LastContents {
  /** A file was processed. Returns the digest of the content that was processed before it, if it was another one. */
  done(file: Pick<OpenFile, 'path' | 'digest' | 'lastSentAt'>): string | undefined
  /** A partition was read up to `position`, and may be read again. */
  readUpTo(partition: number, position: number): void
  /**
   * Whether a record of a content that is done is of a new delivery: it was never read before, and was sent after the
   * other content that was processed last. What the producer doubled was sent before.
   */
  isSentAgain(
    r: Pick<ConsumedRecord, 'partition' | 'offset' | 'timestamp'>,
    path: string,
    digest: string,
  ): boolean
}

/** As many as contents that are known to be finished, and of so many characters together. */
const MOST = 100_000
const MOST_CHARS = 4_000_000

export function lastContents(): LastContents {
  /** By path. */
  const last = new Map<string, { readonly digest: string; readonly sentAt: number }>()
  let chars = 0
  const readTo = new Map<number, number>()

  function forget(path: string): void {
    if (last.delete(path)) chars -= path.length
  }

  return {
    done({ path, digest, lastSentAt }) {
      const before = last.get(path)?.digest
      if (before !== undefined) forget(path)
      last.set(path, { digest, sentAt: lastSentAt })
      chars += path.length
      while (last.size > MOST || chars > MOST_CHARS) forget(last.keys().next().value as string)
      return before === digest ? undefined : before
    },
    readUpTo(partition, position) {
      readTo.set(partition, Math.max(position, readTo.get(partition) ?? 0))
    },
    isSentAgain({ partition, offset, timestamp }, path, digest) {
      if (offset < (readTo.get(partition) ?? 0)) return false
      const newest = last.get(path)
      return newest !== undefined && newest.digest !== digest && timestamp >= newest.sentAt
    },
  }
}
