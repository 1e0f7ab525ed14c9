/** The plan of `dfsp replay`, for people and as --json lines. */

import type { IndexedFile } from '../../core/chunks/file-index.ts'
import { jsonLine, oneLine } from '../../core/text/shown-text.ts'
import { formatBytes, formatCount } from '../quantities.ts'
import { stateOf, timeText } from './listing.ts'
import { RESEND } from './unfinished-text.ts'

export interface ReplayPlan {
  readonly files: readonly IndexedFile[]
  /** Incomplete or damaged. */
  readonly leftAlone: readonly IndexedFile[]
}

export function replayPlanText({ files, leftAlone }: ReplayPlan): string[] {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const count = `${formatCount(files.length)} ${files.length === 1 ? 'file' : 'files'}`
  return [
    ...files.map(file => planLine('replay', file)),
    ...leftAlone.map(file => planLine('leave ', file)),
    `${count} to replay (${formatBytes(bytes)}), ${formatCount(leftAlone.length)} left alone`,
  ].map(oneLine)
}

function planLine(action: string, file: IndexedFile): string {
  const { path, bytes, present, chunks, lastSent, wrong, isCut } = file
  const state = stateOf(file)
  const why = state === 'complete' ? '' : `  ${wrong ?? (isCut ? `${state}, ${RESEND}` : state)}`
  return `${action}  ${path}  ${formatBytes(bytes)}  ${present}/${chunks}  sent ${timeText(lastSent)}${why}`
}

export function replayPlanJson({ files, leftAlone }: ReplayPlan, topic: string): string[] {
  const line = (action: string, file: IndexedFile) => {
    const { path, sha512, bytes, present, chunks, ranges } = file
    return jsonLine({
      ...{ v: 1, type: 'planned', action, topic, path, sha512, bytes, chunks, present, state: stateOf(file) },
      ranges: ranges.map(({ partition, from, to }) => [partition, from, to]),
    })
  }
  return [...files.map(file => line('replay', file)), ...leftAlone.map(file => line('leave', file))]
}
