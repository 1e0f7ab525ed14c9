/** The files that a group has left unfinished, for people and as --json lines. */

import { type OffsetRange, rangesText } from '../core/offset-ranges.ts'
import { jsonLine, oneLine } from '../core/shown-text.ts'
import { formatBytes } from './quantities.ts'

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
}

export interface UnfinishedPlan {
  readonly files: readonly Omit<UnfinishedFile, 'sentAt'>[]
  /** Records that are no chunks. */
  readonly records: number
}

export function unfinishedText({ files, records }: UnfinishedPlan, topic: string): string[] {
  const lines = files.map(({ path, chunks, present, bytes, attempts, ranges }) => {
    const state =
      present < chunks
        ? `${present} of ${chunks} chunks`
        : `whole, ${attempts} ${attempts === 1 ? 'try' : 'tries'}`
    return `${present < chunks ? 'leave' : 'retry'}  ${path}  ${formatBytes(bytes)}  ${state}  ${topic} ${rangesText(ranges)}`
  })
  const whole = files.filter(({ chunks, present }) => present === chunks).length
  const left = files.length - whole + records
  return [...lines, `${whole} ${whole === 1 ? 'file' : 'files'} to retry, ${left} left alone`].map(oneLine)
}

export function unfinishedJson({ files }: UnfinishedPlan, topic: string): string[] {
  return files.map(({ path, chunks, present, bytes, attempts, ranges }) =>
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
      ranges: ranges.map(({ partition, from, to }) => [partition, from, to]),
    }),
  )
}
