/** The files that a group has left unfinished, for people and as --json lines. */

import { type OffsetRange, rangesText } from '../../core/offsets/offset-ranges.ts'
import { jsonLine, oneLine } from '../../core/text/shown-text.ts'
import { formatBytes } from '../quantities.ts'

export interface UnfinishedFile {
  readonly path: string
  readonly chunks: number
  /** Chunks that are there. */
  readonly present: number
  /** Bytes of those chunks. */
  readonly bytes: number
  /** Of the plugin so far, as far as the commit tells. */
  readonly attempts: number
  readonly ranges: readonly OffsetRange[]
  /** Timestamp of its oldest record, in milliseconds since the epoch. */
  readonly sentAt: number
  /** Of its newest one. */
  readonly lastSentAt: number
  /** Retention took what it lacks: it can only be sent again. */
  readonly isCut: boolean
}

type PlannedFile = Omit<UnfinishedFile, 'sentAt' | 'lastSentAt' | 'isCut'> &
  Partial<Pick<UnfinishedFile, 'isCut'>>

export interface UnfinishedPlan {
  readonly files: readonly PlannedFile[]
  /** Records that are no chunks. */
  readonly records: number
}

/** Of a file of which retention took chunks. */
export const RESEND = 'retention deleted the others: it can only be sent again'

export function unfinishedText({ files, records }: UnfinishedPlan, topic: string): string[] {
  const lines = files.map(({ path, chunks, present, bytes, attempts, ranges, isCut }) => {
    const state =
      present < chunks
        ? `${present} of ${chunks} chunks${isCut ? `, ${RESEND}` : ''}`
        : `whole, ${attempts} ${attempts === 1 ? 'try' : 'tries'}`
    return `${present < chunks ? 'leave' : 'retry'}  ${path}  ${formatBytes(bytes)}  ${state}  ${topic} ${rangesText(ranges)}`
  })
  const whole = files.filter(({ chunks, present }) => present === chunks).length
  const left = files.length - whole + records
  return [...lines, `${whole} ${whole === 1 ? 'file' : 'files'} to retry, ${left} left alone`].map(oneLine)
}

export function unfinishedJson({ files }: UnfinishedPlan, topic: string): string[] {
  return files.map(({ path, chunks, present, bytes, attempts, ranges, isCut }) =>
    jsonLine({
      v: 1,
      type: 'planned',
      action: present < chunks ? 'leave' : 'retry',
      topic,
      path,
      chunks,
      present,
      bytes,
      attempts,
      ...(isCut ? { deleted: true } : {}),
      ranges: ranges.map(({ partition, from, to }) => [partition, from, to]),
    }),
  )
}
