/**
 * A chunk: one record's worth of a file. Field meanings follow OpenMSIStream's data file chunk message.
 *
 * core/chunks/ leads from the bytes of a record to a whole file. Like all of core/ it is pure: no client, files,
 * clock or log.
 */
export interface Chunk {
  readonly kind: 'chunk'
  /** Bare name of the file, without directories and before `append` is applied. */
  readonly filename: string
  /** SHA-512 of the whole file, 64 bytes. */
  readonly fileHash: Uint8Array
  /** SHA-512 of `data`, 64 bytes. */
  readonly chunkHash: Uint8Array
  /** Byte offset of `data` within the reconstructed file. */
  readonly offset: number
  /** 1-based index of this chunk. */
  readonly index: number
  /** Number of chunks of the file. */
  readonly total: number
  /** POSIX path of the file's directory relative to the upload root, `""` at the root. */
  readonly subdir: string
  /** Text inserted between stem and suffix of the reconstructed file's name, usually `""`. */
  readonly append: string
  /** The bytes: a view of the record's value, never a copy. */
  readonly data: Uint8Array
  /** Modification time of the source file in seconds since the epoch; 0 when unknown. */
  readonly mtime: number
}

/** Why a record is not a chunk: a value, not a throw, because such records are data to be dealt with. */
export interface Undecodable {
  readonly kind: 'undecodable'
  /** One sentence that names the field and the value, never the data. */
  readonly reason: string
}

/** Of files and chunks, by Node's name, and the same one by Web Crypto's. */
export const HASH = 'sha512'
export const WEB_HASH = 'SHA-512'
export const HASH_BYTES = 64
/** More chunks than any real file has (a 1 TiB file in 64 KiB chunks); bounds what a hostile count can cost. */
export const MAX_CHUNKS = 2 ** 24
/** ext4's largest file, 16 TiB: an end beyond it cannot be a file. */
export const MAX_FILE_BYTES = 2 ** 44

/** The last second that a JavaScript Date can hold. */
export const MAX_SECONDS = 8.64e12

export function undecodable(reason: string): Undecodable {
  return { kind: 'undecodable', reason }
}

/** Checks the numbers of a chunk against each other; returns what is wrong, or undefined. */
export function wrongNumbers(chunk: Chunk): string | undefined {
  const { index, total, offset, data, mtime } = chunk
  if (!isCount(total) || total < 1 || total > MAX_CHUNKS)
    return `total chunks ${total} is not within 1-${MAX_CHUNKS}`
  if (!isCount(index) || index < 1 || index > total) return `chunk index ${index} is not within 1-${total}`
  if (!isCount(offset)) return `byte offset ${offset} is not a whole number from 0`
  if (offset + data.length > MAX_FILE_BYTES) return `byte offset ${offset} is beyond ${MAX_FILE_BYTES}`
  if (index === 1 && offset !== 0 && total === 1) return `the only chunk begins at byte ${offset}, not at 0`
  if (data.length === 0 && total !== 1) return `chunk ${index} of ${total} is empty`
  if (!(Math.abs(mtime) <= MAX_SECONDS)) return `mtime ${mtime} is not a time`
  return undefined
}

/** Its data are those of its own digest. */
export function isRight({ data, chunkHash }: Chunk, sha512: (data: Uint8Array) => Uint8Array): boolean {
  return Buffer.compare(sha512(data), chunkHash) === 0
}

function isCount(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0
}
