/** What one request commits of what there is to commit. */
import { encodeCommitRecord, RECORD_CHARS, type RecordContent } from '../../core/offsets/commit-record.ts'
import type { PartitionCut } from '../../core/offsets/ledger.ts'
import type { CommitError, OffsetCommit } from '../../kafka/consumer/committer.ts'

export interface CommitRequest {
  readonly offsets: readonly OffsetCommit[]
  /** Of which partitions. */
  readonly cut: readonly PartitionCut[]
  /** How full the fullest record is, or all together, 0 to 1; above 1 it does not fit. */
  readonly fill: number
  /** Of all records together. */
  readonly chars: number
  /** Whether there is more, for another request. */
  readonly isRest: boolean
}

export interface RequestLimits {
  /** Characters of one record. */
  readonly recordChars: number
  /** What the broker stores of a request. */
  readonly requestBytes: number
  /** Of that, what each partition takes beside its record. */
  readonly partitionBytes: number
}

/** Limits that begin with the format's and the broker's usual ones; that they are lower it tells only by refusing. */
export interface LearnedLimits extends RequestLimits {
  /** What was sent was too long: whether the next request is a shorter one. */
  lower(tooLong: CommitError['tooLong'], sent: readonly OffsetCommit[]): boolean
}

/** The broker stores a request as one batch, by default of 1 MB at most. */
const REQUEST_BYTES = 500_000

export function learnedLimits(partitionBytes: number): LearnedLimits {
  let recordChars = RECORD_CHARS
  let requestBytes = REQUEST_BYTES
  return {
    get recordChars() {
      return recordChars
    },
    get requestBytes() {
      return requestBytes
    },
    partitionBytes,
    lower(tooLong, sent) {
      const lengths = sent.map(({ metadata = '' }) => metadata.length)
      if (tooLong === 'record') {
        recordChars = Math.floor(Math.min(recordChars, Math.max(...lengths)) / 2)
        return true
      }
      const most = lengths.reduce((sum, length) => sum + length, 0) / 2
      if (tooLong === undefined || most < sent.length * LEAST_CHARS) return false
      requestBytes = Math.floor(most) + sent.length * partitionBytes
      return true
    },
  }
}

export type ContentOf = (cut: PartitionCut, isFirst: boolean) => RecordContent

const TOO_FULL = 2
/** Whatever the topic's name and its partitions take: room for each to say what it has to in a few runs. */
const LEAST_CHARS = 64

/** Ways to say less, the last one says what is needed only. */
const SHORTER: readonly ((content: RecordContent) => RecordContent)[] = [
  content => content,
  content => ({ ...content, finished: [] }),
  content => ({ ...content, finished: [], attempts: new Map() }),
]

/**
 * All of `cut`, or nothing where it does not fit: a file is recorded in all its partitions or in none, so they are never
 * spread over two requests. What is best effort goes first.
 */
export function allOrNothing(
  cut: readonly PartitionCut[],
  contentOf: ContentOf,
  limits: RequestLimits,
): CommitRequest {
  const contents = cut.map(part => contentOf(part, part === cut[0]))
  const mostChars = Math.max(
    limits.requestBytes - cut.length * limits.partitionBytes,
    cut.length * LEAST_CHARS,
  )
  for (const shorten of SHORTER) {
    const made = encodedEach(cut, contents.map(shorten), limits.recordChars)
    const isLast = shorten === SHORTER.at(-1)
    // What does not fit by itself does not become shorter.
    if (!isLast && made.fill <= 1 && made.chars > mostChars) continue
    const fill = isLast ? Math.max(made.fill, made.chars / mostChars) : made.fill
    const offsets = fill > 1 ? [] : made.offsets
    return { cut, offsets, fill, chars: made.chars, isRest: false }
  }
  throw new Error('there is a shortest way')
}

/** Leaves out what does not fit at all, and says so by a fill above 1. */
function encodedEach(
  cut: readonly PartitionCut[],
  contents: readonly RecordContent[],
  recordChars: number,
): Pick<CommitRequest, 'fill' | 'chars'> & { readonly offsets: OffsetCommit[] } {
  const offsets: OffsetCommit[] = []
  let fill = 0
  let chars = 0
  for (const [i, content] of contents.entries()) {
    const record = encodeCommitRecord(content, recordChars)
    fill = Math.max(fill, record?.fill ?? TOO_FULL)
    if (record === undefined) continue
    chars += record.text.length
    const { partition } = cut[i] as PartitionCut
    offsets.push({ partition, offset: content.base, metadata: record.text })
  }
  return { offsets, fill, chars }
}

/** As much of `cut` as fits, where each file lies in one partition. A record that does not fit holds back none but its own. */
export function asMuchAsFits(
  cut: readonly PartitionCut[],
  contentOf: ContentOf,
  { recordChars, requestBytes, partitionBytes }: RequestLimits,
): CommitRequest {
  const offsets: OffsetCommit[] = []
  const sent: PartitionCut[] = []
  let fill = 0
  let chars = 0
  for (const part of cut) {
    const record = encodeCommitRecord(contentOf(part, false), recordChars)
    fill = Math.max(fill, record?.fill ?? TOO_FULL)
    if (record === undefined) continue
    const bytes = chars + record.text.length + (sent.length + 1) * partitionBytes
    if (sent.length > 0 && bytes > requestBytes) return { cut: sent, offsets, fill, chars, isRest: true }
    chars += record.text.length
    sent.push(part)
    offsets.push({ partition: part.partition, offset: part.base, metadata: record.text })
  }
  return { cut: sent, offsets, fill, chars, isRest: false }
}
