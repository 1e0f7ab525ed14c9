/**
 * What identifies a file. One path may carry several contents over time: each is a *generation*, told apart by the
 * whole file's SHA-512 and its number of chunks. Rules, in one place:
 *
 * | a record carries                                     | what happens                                             |
 * |------------------------------------------------------|----------------------------------------------------------|
 * | a chunk of an open generation                        | placed there, or attached to it as a duplicate           |
 * | a chunk of another generation of an open path        | a second file, assembled beside the first                |
 * | a chunk of a generation that was finished lately     | resolved without another run (unless asked to reprocess) |
 * | the same, sent after another one of its path that was| a file again: it is the newest content                   |
 * | processed since                                       |                                                          |
 * | nothing new for an older generation while a newer of | the older one is *superseded*: resolved and counted      |
 * | the same path was processed                          |                                                          |
 * | the last chunk of an older generation                | runs after those of its path that became whole before it |
 * | -, and it fails and is given up, and a newer one of   | the older one is superseded: it does not run any more    |
 * | the same path is processed                            |                                                          |
 */
import { type Chunk, HASH_BYTES } from './chunk.ts'

/** Text that is equal for two chunks exactly when they belong to one generation of one path. */
export type FileId = string

/**
 * `path`, the number of chunks and the file's SHA-512 in hexadecimal, with a NUL between each: a path has none, so the
 * parts cannot run into each other. A file's digest, by which it is known across restarts, is the first 16 bytes of
 * the SHA-256 of this as UTF-8.
 */
export function fileId(path: string, { total, fileHash }: Pick<Chunk, 'fileHash' | 'total'>): FileId {
  return `${path}\0${total}\0${hexOf(fileHash)}`
}

/** The file's SHA-512 in hexadecimal: a part of the id, and no text of its own in memory. */
export function sha512Of(id: FileId): string {
  return id.slice(-2 * HASH_BYTES)
}

/** Equal for every attempt at one content of one path from `topic`, also after a restart: 32 characters in lower-case hex. */
export function deliveryId(topic: string, id: FileId, digest128: (text: string) => string): string {
  return Buffer.from(digest128(`${topic}\0${id}`), 'latin1').toString('hex')
}

export function hexOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex')
}

/**
 * The generations finished most recently, as 128-bit digests of their ids (a collision would lose a file, so nothing
 * shorter). Best effort: it is forgotten on restart and beyond `limit` entries.
 */
export interface FinishedGenerations {
  add(digest: string): void
  delete(digest: string): void
  has(digest: string): boolean
  /** All of them, newest first. */
  digests(): string[]
}

export function finishedGenerations(limit = 100_000): FinishedGenerations {
  const digests = new Set<string>()
  return {
    add(digest) {
      digests.delete(digest)
      digests.add(digest)
      if (digests.size > limit) digests.delete(digests.values().next().value as string)
    },
    delete: digest => void digests.delete(digest),
    has: digest => digests.has(digest),
    digests: () => [...digests].reverse(),
  }
}
