/** The partition in which all chunks of a file lie, where a topic is keyed by path. */
import { partitionOfKey } from './murmur2.ts'
import { namedChunk } from './named-chunk.ts'

/** Of a record that is a chunk of a file. */
export function pathOf(value: Uint8Array | null): string | undefined {
  const found = namedChunk(value)
  return 'path' in found ? found.path : undefined
}

/** Without a path, of a record that was in `partition`: it keeps its company. */
export function homeOf(path: string | undefined, partition: number, count: number): number {
  return path === undefined ? partition % count : partitionOfKey(Buffer.from(path), count)
}
