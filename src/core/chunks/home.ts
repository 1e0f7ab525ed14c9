/** The partition in which all chunks of a file lie, where a topic is keyed by path. */
import { partitionOfKey } from './murmur2.ts'
import { namedChunk } from './named-chunk.ts'

/** Of a record that was in `partition`; one that is no chunk of a file goes by that. */
export function homeOf(value: Uint8Array | null, partition: number, count: number): number {
  const found = namedChunk(value)
  return 'path' in found ? partitionOfKey(Buffer.from(found.path), count) : partition % count
}
