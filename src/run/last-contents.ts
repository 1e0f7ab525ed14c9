/**
 * Which content of a path was processed last. An earlier one that is sent again after that is no copy of what is done: it
 * is the newest content of its path, and runs again, or whoever writes by path would be left with the other one.
 */
import type { ConsumedRecord } from '../kafka/consumer.ts'
import type { OpenFile } from './open-files.ts'

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

/** As many as contents that are known to be finished. */
const MOST = 100_000

export function lastContents(digest128: (text: string) => string): LastContents {
  /** By digest of the path. */
  const last = new Map<string, { readonly digest: string; readonly sentAt: number }>()
  const readTo = new Map<number, number>()
  return {
    done({ path, digest, lastSentAt }) {
      const key = digest128(path)
      const before = last.get(key)?.digest
      last.delete(key)
      last.set(key, { digest, sentAt: lastSentAt })
      if (last.size > MOST) last.delete(last.keys().next().value as string)
      return before === digest ? undefined : before
    },
    readUpTo(partition, position) {
      readTo.set(partition, Math.max(position, readTo.get(partition) ?? 0))
    },
    isSentAgain({ partition, offset, timestamp }, path, digest) {
      if (offset < (readTo.get(partition) ?? 0)) return false
      const newest = last.get(digest128(path))
      return newest !== undefined && newest.digest !== digest && timestamp >= newest.sentAt
    },
  }
}
