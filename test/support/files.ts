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

export type ChunkFields = Parameters<typeof encodeChunk>[0]

/** The first and only chunk of its file, and right, but for what is given. */
export function onlyChunk(path: string, given: Partial<ChunkFields> = {}): ChunkFields {
  const data = given.data ?? Buffer.from('x')
  const slash = path.lastIndexOf('/')
  return {
    filename: path.slice(slash + 1),
    subdir: slash === -1 ? '' : path.slice(0, slash),
    append: '',
    fileHash: sha512(data),
    chunkHash: sha512(data),
    offset: 0,
    index: 1,
    total: 1,
    data,
    mtime: 0,
    ...given,
  }
}

/** All chunks of a file, in order. */
export function chunksOf({ path, content, chunkSize = 1024, mtime = 0 }: FileToSend): ChunkFields[] {
  const fileHash = sha512(content)
  const total = Math.max(1, Math.ceil(content.length / chunkSize))
  return Array.from({ length: total }, (_, i) => {
    const offset = i * chunkSize
    const data = content.subarray(offset, offset + chunkSize)
    return onlyChunk(path, { fileHash, offset, index: i + 1, total, data, mtime })
  })
}

export const encoded = (chunk: ChunkFields): Buffer => Buffer.from(encodeChunk(chunk))

/** One record per chunk, in order of index; spread over partitions by key unless a partition is named. */
export function recordsOf(file: FileToSend, partition?: number): RawRecord[] {
  return chunksOf(file).map(chunk => ({
    key: chunkKey(chunk),
    value: encoded(chunk),
    ...(partition === undefined ? {} : { partition }),
  }))
}
