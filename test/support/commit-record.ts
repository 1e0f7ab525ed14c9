/** What a commit says, for tests that do not ask why a text says nothing. */
import { type CommitRecord, readCommitRecord } from '../../src/core/offsets/commit-record.ts'

/** Undefined for text that is absent or refused. */
export function decodeCommitRecord(text: string | undefined | null): CommitRecord | undefined {
  const found = text ? readCommitRecord(text) : undefined
  return found === undefined || 'refused' in found ? undefined : found
}
