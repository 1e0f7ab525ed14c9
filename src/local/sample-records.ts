/** A local file as the records in which it would arrive: cut, encoded, in any order. */

import { createHash } from 'node:crypto'
import { HASH } from '../core/chunks/chunk.ts'
import { encodeChunk } from '../core/chunks/chunk-codec.ts'
import type { ChunkSpan, Cut } from '../core/chunks/chunking.ts'
import type { SourceFile } from '../files/source-file.ts'

/** `random` gives numbers from 0 to below 1. */
export async function* sampleRecords(
  source: SourceFile,
  cut: Cut,
  path: string,
  random: () => number,
): AsyncGenerator<Buffer, void> {
  const slash = path.lastIndexOf('/')
  const common = {
    filename: path.slice(slash + 1),
    subdir: slash === -1 ? '' : path.slice(0, slash),
    append: '',
    fileHash: await source.sha512(),
    total: cut.total,
    mtime: source.mtime,
  }
  for (const { index, offset, length } of shuffled([...cut.spans()], random)) {
    const data = await source.read(offset, length)
    const chunkHash = createHash(HASH).update(data).digest()
    const value = encodeChunk({ ...common, chunkHash, offset, index, data })
    yield Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
}

function shuffled(spans: ChunkSpan[], random: () => number): ChunkSpan[] {
  for (let left = spans.length; left > 1; left--) {
    const at = Math.floor(random() * left)
    const last = left - 1
    ;[spans[at], spans[last]] = [spans[last] as ChunkSpan, spans[at] as ChunkSpan]
  }
  return spans
}
