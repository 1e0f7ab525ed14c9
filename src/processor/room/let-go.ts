/**
 * Any number of files may be begun and never completed, and each takes its name and some more. Where they are too many,
 * some are let go: taken out of the table, their records left to the next start.
 *
 * Of what stays:
 * - half had a new chunk lately: a file that goes on is kept, whatever else is begun;
 * - half was begun first: where more files arrive side by side than fit, each start gets those done. Going by the newest
 *   chunk alone it would get none, and keeping any others would leave gaps between finished records, which a commit names.
 */
import { troubles } from '../../core/troubles.ts'
import type { Shared } from '../processor-deps.ts'
import { isIdle, type OpenFile } from '../table/open-file.ts'

/** Bytes of the table of open files that do not count against the budget. */
export const FREE_TABLE_BYTES = 4 * 1024 * 1024
/** The share of the budget beyond them that the table may take, and what is left of it when files were let go. */
const TABLE_SHARE = 1 / 4
const TABLE_KEPT = 3 / 4
/** Files that are let go at a time: more than come with one batch of records. */
const MOST_AT_A_TIME = 512

const LET_GO = 'unfinished files are too many for --memory: some were let go, and are left to the next start'

/** Returns what is to be called when the table may have grown. */
export function letGo({ deps, files, counts, ahead }: Shared): () => void {
  const { settings, report, now } = deps
  const mostBytes = FREE_TABLE_BYTES + settings.memoryBytes * TABLE_SHARE
  /** To be let go, unless they had a new chunk since `chosenAt`. */
  let chosen: OpenFile[] = []
  let chosenAt = 0
  const trouble = troubles(text => report({ type: 'problem', text }), now)

  /** Those that have been whole only where the others do not suffice. */
  function choose(bytes: number): OpenFile[] {
    const begun: OpenFile[] = []
    const whole: OpenFile[] = []
    for (const file of files.byNumber.values()) if (isIdle(file)) (file.turn === 0 ? begun : whole).push(file)
    const more = bytes - bytesOf(begun)
    return [...between(begun, bytes), ...between(whole, more)]
  }

  return () => {
    if (chosen.length === 0) {
      if (files.tableBytes <= mostBytes) return
      chosen = choose(files.tableBytes - mostBytes * TABLE_KEPT)
      chosenAt = now()
    }
    const before = counts.letGo
    for (const file of chosen.splice(-MOST_AT_A_TIME)) {
      if (!isIdle(file) || file.lastProgress > chosenAt) continue
      counts.letGo++
      ahead.forget(file)
      file.stored.release()
      files.letGo(file)
    }
    if (counts.letGo > before) trouble.tell(LET_GO)
  }
}

/** Of these, which are in the order in which they were begun, so many bytes: those that neither go on nor were first. */
function between(files: readonly OpenFile[], bytes: number): readonly OpenFile[] {
  if (bytes <= 0) return []
  const idle = files.toSorted((a, b) => a.lastProgress - b.lastProgress)
  for (let lately = (bytesOf(files) - bytes) / 2; lately > 0; ) lately -= idle.pop()?.tableBytes ?? lately
  idle.sort((a, b) => a.number - b.number)
  let from = idle.length
  for (let left = bytes; left > 0 && from > 0; ) left -= idle[--from]?.tableBytes ?? 0
  return idle.slice(from)
}

function bytesOf(files: readonly OpenFile[]): number {
  return files.reduce((sum, { tableBytes }) => sum + tableBytes, 0)
}
