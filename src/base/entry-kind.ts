/** What stands at a path: to open a pipe, for one, waits for its other end, and nothing else goes on. */
import fs from 'node:fs'

type Kinds = Pick<fs.Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink' | 'isFIFO' | 'isSocket'>

/** In words, with its article; undefined for an ordinary file, and for nothing. */
export function otherThanFile(entry: Kinds | undefined): string | undefined {
  if (entry === undefined || entry.isFile()) return undefined
  if (entry.isDirectory()) return 'a folder'
  if (entry.isSymbolicLink()) return 'a symbolic link'
  if (entry.isFIFO()) return 'a pipe'
  return entry.isSocket() ? 'a socket' : 'a device'
}

/** Throws where a path, or what a link there leads to, is something else than a file. */
export function refuseOtherThanFile(path: string): void {
  const other = otherThanFile(fs.statSync(path, { throwIfNoEntry: false }))
  if (other !== undefined) throw new Error(notAFile(path, other))
}

export function notAFile(path: string, other: string): string {
  return `${path} is ${other}, a file is needed there: remove it`
}
