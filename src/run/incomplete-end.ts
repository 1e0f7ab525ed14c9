/** Files of which chunks are missing when a run ends by itself: who waits, for how long, and whether that is too long. */

import { setImmediate } from 'node:timers/promises'
import { cutText } from '../core/text/shown-text.ts'
import type { OpenFile } from '../processor/table/open-file.ts'
import type { RunEvent } from '../report/events.ts'
import { formatCount } from '../report/quantities.ts'

/** What of an open file is looked at. */
export type Waiting = Pick<OpenFile, 'path' | 'lastSentAt'> & {
  readonly assembly: Pick<OpenFile['assembly'], 'count' | 'total'>
}

const NONE = () => false

export interface IncompleteAtEnd {
  readonly events: readonly RunEvent[]
  /** Files whose newest chunk is older than `incompleteAfterMs`, and those that can only be sent again. */
  readonly overdue: number
}

const NAMED = 20
/** Characters of a path among others. */
const MOST_SHOWN = 200
/** Files that are looked at in one turn of the event loop. */
const TURN_FILES = 4_096

/**
 * `readUpTo`: up to when all that had been sent was read, in milliseconds since the epoch. Without it the run ended
 * before that, and what is missing may lie on the topic: such files are named, and none is overdue.
 */
export async function incompleteAtEnd<F extends Waiting>(
  files: readonly F[],
  readUpTo: number | undefined,
  incompleteAfterMs: number,
  isCut: (file: F) => boolean = NONE,
): Promise<IncompleteAtEnd> {
  if (files.length === 0) return { events: [], overdue: 0 }
  if (readUpTo === undefined) {
    const paths = files.slice(0, NAMED).map(({ path }) => cutText(path, MOST_SHOWN))
    const text = `${filesText(files.length)} read in part: the run ended before the end of the topic, and the next one goes on`
    return { events: [{ type: 'info', text, fields: { files: paths.join(', ') } }], overdue: 0 }
  }
  const idleMs = ({ lastSentAt }: Waiting) =>
    lastSentAt < 0 ? undefined : Math.max(0, readUpTo - lastSentAt)
  const cut = new Set<F>()
  for (const [i, file] of files.entries()) {
    if (isCut(file)) cut.add(file)
    // There may be very many.
    if (i % TURN_FILES === TURN_FILES - 1) await setImmediate()
  }
  const oldestFirst = files.toSorted(
    (a, b) => Number(cut.has(b)) - Number(cut.has(a)) || a.lastSentAt - b.lastSentAt,
  )
  const named = oldestFirst.slice(0, NAMED).map((file): RunEvent => {
    const { path, assembly } = file
    const ms = idleMs(file)
    return {
      ...{ type: 'incomplete', path, chunks: assembly.count, total: assembly.total },
      idleSeconds: ms === undefined ? null : Math.round(ms / 100) / 10,
      ...(cut.has(file) ? { deleted: true } : {}),
    }
  })
  const more = files.length - named.length
  const rest: RunEvent = {
    type: 'problem',
    text: `${formatCount(more)} more files are incomplete: dfsp status lists them`,
  }
  return {
    events: more > 0 ? [...named, rest] : named,
    overdue: files.filter(file => cut.has(file) || (idleMs(file) ?? 0) >= incompleteAfterMs).length,
  }
}

function filesText(count: number): string {
  return count === 1 ? '1 file was' : `${formatCount(count)} files were`
}
