/** How a file is cut into chunks: the counterpart of assembly. */
import { MAX_CHUNKS } from './chunk.ts'

/** Where one chunk lies in its file. */
export interface ChunkSpan {
  /** 1-based. */
  readonly index: number
  /** Bytes. */
  readonly offset: number
  /** Bytes; 0 for the only chunk of an empty file. */
  readonly length: number
}

export interface Cut {
  readonly total: number
  /** The spans in order of their index, each made when asked for. */
  spans(): Generator<ChunkSpan, void>
}

/**
 * Chunks of `chunkSize` bytes, the last one shorter. An empty file is one empty chunk: without any it would not arrive.
 * Text instead of a cut says why a file cannot be cut so.
 */
export function cutFile(size: number, chunkSize: number): Cut | { readonly refused: string } {
  const total = Math.max(1, Math.ceil(size / chunkSize))
  if (total > MAX_CHUNKS)
    return { refused: `${size} bytes would be ${total} chunks, more than ${MAX_CHUNKS}: use larger ones` }
  return {
    total,
    *spans() {
      for (let index = 1; index <= total; index++) {
        const offset = (index - 1) * chunkSize
        yield { index, offset, length: Math.min(chunkSize, size - offset) }
      }
    },
  }
}
