/** Where partitions are shared all chunks of a file have to lie in one: those that do not. */
import { DfspError } from '../../base/errors.ts'
import type { Chunk } from '../../core/chunks/chunk.ts'
import { isKeyed } from '../../core/chunks/keyed.ts'
import { partitionOfKey } from '../../core/chunks/murmur2.ts'
import type { ConsumedRecord } from '../../kafka/consumer/consumer.ts'
import type { ProcessorDeps } from '../processor-deps.ts'

export interface StrayChunks {
  /** As far as can be told of one of the file's chunks. */
  has(r: ConsumedRecord, path: string, chunk: Chunk): boolean
  /** With what a run ends that has read one. */
  error(r: ConsumedRecord, path: string): DfspError
}

export function strayChunks({
  settings: { topic },
  partitionCount,
}: Pick<ProcessorDeps, 'settings' | 'partitionCount'>): StrayChunks {
  const homeOf = (path: string) => partitionOfKey(Buffer.from(path), partitionCount())
  return {
    has: ({ partition, headers }, path, { total }) =>
      total > 1 && !isKeyed(headers) && partition !== homeOf(path),
    error: ({ partition, offset }, path) =>
      new DfspError('E_NOT_KEYED', `${topic} holds files whose chunks lie in several partitions`, {
        facts: [
          `record ${topic}[${partition}]@${offset} is a chunk of ${path}, which belongs into partition ${homeOf(path)}`,
        ],
        next: `dfsp repartition -t ${topic} copies it so that it can be shared; or dfsp run without --shared, one process for all partitions`,
      }),
  }
}
