/** The files of a topic as `dfsp ls` shows them, and single records. */

import type { IndexedFile } from '../../core/chunks/file-index.ts'
import { rangesText } from '../../core/offsets/offset-ranges.ts'
import { jsonLine, oneLine } from '../../core/text/shown-text.ts'
import { formatBytes } from '../quantities.ts'
import { RESEND } from './unfinished-text.ts'

export type ListedState = 'complete' | 'incomplete' | 'damaged'

export function stateOf({
  chunks,
  present,
  wrong,
}: Pick<IndexedFile, 'chunks' | 'present' | 'wrong'>): ListedState {
  if (present < chunks) return 'incomplete'
  return wrong === undefined ? 'complete' : 'damaged'
}

/** Of a path, to bring columns in line: one name of a thousand characters does not push all others out of sight. */
const MOST_PAD = 80

/** One line each with columns in line; with `long` two more below it. `files` are gone through twice. */
export function* listingLines(files: Iterable<IndexedFile>, long: boolean): Generator<string> {
  const cells = (file: IndexedFile) => [
    oneLine(file.path),
    formatBytes(file.bytes),
    `${file.present}/${file.chunks}`,
    timeText(file.lastSent),
  ]
  const widths = [0, 0, 0, 0]
  for (const file of files)
    cells(file).forEach((cell, i) => {
      widths[i] = Math.max(widths[i] as number, cell.length)
    })
  for (const file of files) {
    const [path = '', size = '', chunks = '', sent = ''] = cells(file)
    const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = widths
    const older = file.newest ? '' : ', older content'
    const why = file.wrong ?? (file.isCut ? RESEND : undefined)
    const state = `${stateOf(file)}${why === undefined ? '' : ` (${oneLine(why)})`}${older}`
    yield `${path.padEnd(Math.min(w0, MOST_PAD))}  ${size.padStart(w1)}  ${chunks.padStart(w2)}  ${sent.padEnd(w3)}  ${state}`
    if (long) yield* longLines(file)
  }
}

function longLines({ sha512, mtime, firstSent, duplicates, ranges }: IndexedFile): string[] {
  const modified = mtime === 0 ? 'unknown' : timeText(mtime * 1_000)
  const twice = duplicates === 0 ? '' : `  ${duplicates} duplicate${duplicates === 1 ? '' : 's'}`
  return [
    `    sha512 ${sha512}`,
    `    modified ${modified}  first sent ${timeText(firstSent)}${twice}  records ${rangesText(ranges)}`,
  ]
}

export function listingJson(file: IndexedFile): string {
  const { path, bytes, chunks, present, sha512, newest, generations, duplicates, ranges, wrong, isCut } = file
  return jsonLine({
    v: 1,
    type: 'file',
    path,
    bytes,
    chunks,
    present,
    state: stateOf(file),
    ...(wrong === undefined ? {} : { wrong }),
    ...(isCut ? { deleted: true } : {}),
    sent: isoTime(file.lastSent),
    firstSent: isoTime(file.firstSent),
    modified: file.mtime === 0 ? null : isoTime(file.mtime * 1_000),
    sha512,
    newest,
    generations,
    duplicates,
    ranges: ranges.map(({ partition, from, to }) => [partition, from, to]),
  })
}

/** "2026-11-24T15:01:02Z": what --from and --to take. */
export function timeText(ms: number): string {
  return ms < 0 ? 'no time' : `${new Date(ms).toISOString().slice(0, 19)}Z`
}

export function isoTime(ms: number): string | null {
  return ms < 0 ? null : new Date(ms).toISOString()
}
