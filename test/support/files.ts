/** Files as records: what a producer would send of them, made by the product's codec. */
import { createHash } from 'node:crypto'
import { chunkKey, encodeChunk } from '../../src/core/chunks/chunk-codec.ts'
import type { RawRecord } from './topics.ts'

export type FileToSend = {
  /** Relative, with `/`. */
  path: string
  content: Buffer
  chunkSize?: number
  /** Seconds since the epoch. */
  mtime?: number
}

export const sha512 = (data: Uint8Array): Buffer => createHash('sha512').update(data).digest()

/** One record per chunk, in order of index; spread over partitions by key unless a partition is named. */
export function recordsOf(
  { path, content, chunkSize = 1024, mtime = 0 }: FileToSend,
  partition?: number,
): RawRecord[] {
  const slash = path.lastIndexOf('/')
  const fileHash = sha512(content)
  const total = Math.max(1, Math.ceil(content.length / chunkSize))
  return Array.from({ length: total }, (_, i) => {
    const data = content.subarray(i * chunkSize, (i + 1) * chunkSize)
    const chunk = {
      filename: path.slice(slash + 1),
      subdir: slash === -1 ? '' : path.slice(0, slash),
      append: '',
      fileHash,
      chunkHash: sha512(data),
      offset: i * chunkSize,
      index: i + 1,
      total,
      data,
      mtime,
    }
    return {
      key: chunkKey(chunk),
      value: Buffer.from(encodeChunk(chunk)),
      ...(partition === undefined ? {} : { partition }),
    }
  })
}
