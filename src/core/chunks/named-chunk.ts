/** From a record's value to a chunk of a file with a safe path, or why it is none. */
import type { Chunk } from './chunk.ts'
import { decodeChunk } from './chunk-codec.ts'
import { relativePath } from './output-path.ts'

export interface NamedChunk {
  /** Relative to the root, with `/` between its parts. */
  readonly path: string
  readonly chunk: Chunk
}

export interface RefusedRecord {
  readonly refused: string
  /** The path, where nothing is wrong with it but that dfsp keeps its own files there. */
  readonly own?: string
}

export function namedChunk(value: Uint8Array | null): NamedChunk | RefusedRecord {
  const chunk = decodeChunk(value)
  if (chunk.kind !== 'chunk') return { refused: chunk.reason }
  const found = relativePath(chunk.subdir, chunk.filename, chunk.append)
  return 'refused' in found ? found : { path: found.path, chunk }
}
