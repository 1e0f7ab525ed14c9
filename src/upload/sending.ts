/** A file on its way to the topic: its chunks as records, and what has become of them. */
import { hash as digest, webcrypto } from 'node:crypto'
import { HASH, WEB_HASH } from '../core/chunks/chunk.ts'
import { chunkKey, encodeChunk } from '../core/chunks/chunk-codec.ts'
import type { ChunkSpan } from '../core/chunks/chunking.ts'
import { BY_PATH } from '../core/chunks/keyed.ts'
import type { SourceFile } from '../files/source-file.ts'
import type { RecordToSend } from '../kafka/producer.ts'
import type { FileOutcome } from '../report/commands/upload-report.ts'

export interface Sending {
  readonly path: string
  readonly subdir: string
  readonly name: string
  readonly source: SourceFile
  readonly hash: Buffer
  readonly total: number
  /** Left to the client's partitioner when undefined. */
  readonly partition: number | undefined
  readonly offsets: Map<number, [number, number]>
  sent: number
  answered: number
  acked: number
  /** Nothing more of it will be handed over. */
  read: boolean
  /** Why it is not whole on the topic, where that is not the broker's answer. */
  wrong: string | undefined
}

/** From here on the thread pool's digest is worth its way there and back. */
const POOL_BYTES = 64 * 1024

export function sendingOf(
  file: Pick<Sending, 'path' | 'subdir' | 'name' | 'source' | 'hash' | 'total' | 'partition'>,
): Sending {
  return { ...file, offsets: new Map(), sent: 0, answered: 0, acked: 0, read: false, wrong: undefined }
}

/** Reads a chunk and encodes it. */
export async function chunkRecord(
  topic: string,
  { source, hash, total, subdir, name, partition }: Sending,
  { index, offset, length }: ChunkSpan,
): Promise<RecordToSend> {
  const data = await source.read(offset, length)
  const chunkHash = total === 1 ? hash : await sha512(data)
  const value = encodeChunk({
    filename: name,
    fileHash: hash,
    chunkHash,
    offset,
    index,
    total,
    subdir,
    append: '',
    data,
    mtime: source.mtime,
  })
  return {
    topic,
    key: chunkKey({ subdir, filename: name, index, total }),
    value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    ...(partition === undefined ? {} : { partition, headers: BY_PATH }),
  }
}

async function sha512(data: Buffer): Promise<Uint8Array> {
  if (data.length < POOL_BYTES) return digest(HASH, data, 'buffer')
  return new Uint8Array(await webcrypto.subtle.digest(WEB_HASH, data))
}

export function noteAck(file: Sending, { partition, offset }: { partition: number; offset: number }): void {
  file.acked++
  const range = file.offsets.get(partition)
  if (!range) file.offsets.set(partition, [offset, offset])
  else file.offsets.set(partition, [Math.min(range[0], offset), Math.max(range[1], offset)])
}

/** What became of it; undefined until that is known. `ended`: what ended the upload, if it is not whole. */
export function outcomeOf(file: Sending, ended: string): FileOutcome | undefined {
  const { path, total, acked, source, hash } = file
  if (!file.read || file.answered < file.sent) return undefined
  if (acked < total || file.wrong !== undefined)
    return {
      path,
      result: 'failed',
      error: `${file.wrong ?? ended}; ${acked} of ${total} chunks are on the topic: upload it again`,
    }
  return {
    path,
    result: 'ok',
    bytes: source.size,
    chunks: total,
    sha512: hash.toString('hex'),
    partitions: Object.fromEntries(file.offsets),
  }
}
