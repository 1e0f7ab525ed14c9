/** The plan of `dfsp retry`: what it found among the dead letters, for people and as --json lines. */

import type { FileLetter, RecordLetter } from '../../core/dead-letter.ts'
import { type OffsetRange, rangesText } from '../../core/offsets/offset-ranges.ts'
import { jsonLine, oneLine } from '../../core/text/shown-text.ts'
import { formatBytes } from '../quantities.ts'

export interface PlannedFile {
  /** The newest of its letters. */
  readonly letter: FileLetter
  /** Where its records lie, by all of them. */
  readonly ranges: readonly OffsetRange[]
  /** What of `ranges` is no longer there. */
  readonly gone: readonly OffsetRange[]
  /** Some of that lies beyond the end of the log: the topic was made anew, or the letter is forged. */
  readonly isBeyond?: true
}

export interface ShownPlan {
  readonly files: readonly PlannedFile[]
  /** Of which too few records are left. */
  readonly lost: readonly PlannedFile[]
  /** Of whose path a newer content was sent. */
  readonly superseded: readonly PlannedFile[]
  readonly leftAlone: readonly { readonly file: PlannedFile; readonly why: string }[]
  readonly records: readonly { readonly letter: RecordLetter }[]
  /** Records of the dead-letter topic that are no letters. */
  readonly refused: readonly {
    readonly reason: string
    readonly received: { readonly partition: number; readonly offset: number }
  }[]
}

const SUPERSEDED = 'superseded: a newer content of its path was sent; name it to run it all the same'

/** Why it cannot be fetched. */
export function lostText({ isBeyond }: Pick<PlannedFile, 'isBeyond'>, records = 'records of it'): string {
  const why = isBeyond ? `${records} would lie beyond the end of the log` : `retention deleted ${records}`
  return `${why}: it can only be sent again`
}

export function retryPlanText(plan: ShownPlan, dlq: string): string[] {
  const { files, lost, superseded, leftAlone, records, refused } = plan
  return [
    ...files.flatMap(file => fileLines('retry', file)),
    ...lost.flatMap(file => [...fileLines('leave', file), `       ${lostText(file)}`]),
    ...superseded.flatMap(file => [...fileLines('leave', file), `       ${SUPERSEDED}`]),
    ...leftAlone.flatMap(({ file, why }) => [...fileLines('leave', file), `       ${why}`]),
    ...records.map(
      ({ letter: { topic, partition, offset, bytes, error } }) =>
        `leave  record ${topic}[${partition}]@${offset}  ${formatBytes(bytes)}  no chunk: ${error}`,
    ),
    ...refused.map(
      ({ reason, received: { partition, offset } }) =>
        `leave  ${dlq}[${partition}]@${offset}  no dead letter: ${reason}`,
    ),
    summaryLine(plan),
  ].map(oneLine)
}

function fileLines(action: string, { letter, ranges, gone, isBeyond }: PlannedFile): string[] {
  const { path, bytes, reason, attempts, rounds, topic, error } = letter
  const tries = `${attempts} ${attempts === 1 ? 'try' : 'tries'}${rounds > 0 ? `, retried ${rounds}x` : ''}`
  return [
    `${action}  ${path}  ${formatBytes(bytes)}  ${reason} after ${tries}  ${topic} ${rangesText(ranges)}`,
    `       ${error}`,
    ...(gone.length > 0 ? [`       ${isBeyond ? 'not' : 'no longer'} there: ${rangesText(gone)}`] : []),
  ]
}

function summaryLine({ files, lost, superseded, leftAlone, records, refused }: ShownPlan): string {
  const left = lost.length + superseded.length + leftAlone.length + records.length + refused.length
  return `${files.length} ${files.length === 1 ? 'file' : 'files'} to retry, ${left} left alone`
}

export function retryPlanJson({ files, lost, superseded, leftAlone, records, refused }: ShownPlan): string[] {
  const line = (fields: object) => jsonLine({ v: 1, type: 'planned', ...fields })
  const file = ({ letter, ranges, gone }: PlannedFile) => {
    const { topic, path, sha512, bytes, reason, attempts, rounds, error } = letter
    return {
      topic,
      path,
      sha512,
      bytes,
      reason,
      attempts,
      rounds,
      error,
      ranges: triples(ranges),
      gone: triples(gone),
    }
  }
  return [
    ...files.map(planned => line({ action: 'retry', ...file(planned) })),
    ...lost.map(planned => line({ action: 'leave', ...file(planned), why: lostText(planned) })),
    ...superseded.map(planned => line({ action: 'leave', ...file(planned), why: SUPERSEDED })),
    ...leftAlone.map(({ file: planned, why }) => line({ action: 'leave', ...file(planned), why })),
    ...records.map(({ letter: { topic, partition, offset, bytes, reason, error } }) =>
      line({ action: 'leave', topic, partition, offset, bytes, reason, error }),
    ),
    ...refused.map(({ reason, received: { partition, offset } }) =>
      line({ action: 'leave', letter: { partition, offset }, reason: 'no dead letter', error: reason }),
    ),
  ]
}

function triples(ranges: readonly OffsetRange[]): [number, number, number][] {
  return ranges.map(({ partition, from, to }) => [partition, from, to])
}
