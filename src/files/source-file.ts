/** A file that is read to be sent: first for its digest, then chunk by chunk. */

import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { HASH } from '../core/chunks/chunk.ts'

export interface SourceFile {
  /** Bytes, when it was opened. */
  readonly size: number
  /** Modification time in seconds since the epoch. */
  readonly mtime: number
  /** SHA-512 of the first `size` bytes; rejects with the signal's reason when that fires. */
  sha512(signal?: AbortSignal): Promise<Buffer>
  /** `length` bytes at `offset`: a view that the `READS_AHEAD`th next call of `read` writes over. */
  read(offset: number, length: number): Promise<Buffer>
  /** Whether it was written to since it was opened. */
  changed(): Promise<boolean>
  close(): Promise<void>
}

/** It became shorter while it was read. */
export class ShorterError extends Error {}

export const READS_AHEAD = 4
const HASH_BYTES = 1024 * 1024

export async function openSource(file: string): Promise<SourceFile> {
  // What came in its place since it was found: a pipe would never open.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  const first = await handle.stat({ bigint: true })
  if (!first.isFile()) {
    await handle.close()
    throw new Error('is no file any more')
  }
  const size = Number(first.size)
  const buffers: Buffer[] = []
  let reads = 0
  const readInto = async (into: Buffer, offset: number) => {
    for (let at = 0; at < into.length; ) {
      const { bytesRead } = await handle.read(into, at, into.length - at, offset + at)
      if (bytesRead === 0) throw new ShorterError()
      at += bytesRead
    }
  }
  return {
    size,
    mtime: Number(first.mtimeNs / BILLION) + Number(first.mtimeNs % BILLION) * 1e-9,
    async sha512(signal) {
      const hash = createHash(HASH)
      const length = Math.min(HASH_BYTES, size)
      // Two of them: the next piece is being read while this one is digested.
      const buffers = [Buffer.allocUnsafe(length), Buffer.allocUnsafe(length)] as const
      const piece = async (at: number, which: 0 | 1) => {
        const part = buffers[which].subarray(0, Math.min(length, size - at))
        await readInto(part, at)
        return part
      }
      let next = piece(0, 0)
      for (let at = 0, which: 0 | 1 = 0; at < size; at += length) {
        const part = await next
        signal?.throwIfAborted()
        which = which === 0 ? 1 : 0
        next = piece(Math.min(size, at + length), which)
        next.catch(() => {}) // heard when it is awaited, if ever
        hash.update(part)
      }
      return hash.digest()
    },
    async read(offset, length) {
      const which = reads++ % READS_AHEAD
      if ((buffers[which]?.length ?? -1) < length) buffers[which] = Buffer.allocUnsafeSlow(length)
      const part = (buffers[which] as Buffer).subarray(0, length)
      await readInto(part, offset)
      return part
    },
    async changed() {
      const now = await handle.stat({ bigint: true })
      return now.size !== first.size || now.mtimeNs !== first.mtimeNs
    },
    close: () => handle.close(),
  }
}

const BILLION = 1_000_000_000n
