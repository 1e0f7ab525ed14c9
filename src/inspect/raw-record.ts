/** One record of a topic, read by its place. */

import { createHash } from 'node:crypto'
import { DfspError } from '../base/errors.ts'
import { HASH } from '../core/chunks/chunk.ts'
import { namedChunk } from '../core/chunks/named-chunk.ts'
import { listText } from '../core/text/list-text.ts'
import { openRefetcher } from '../kafka/refetch/refetch.ts'
import type { RawRecord } from '../report/commands/raw-record-text.ts'

export interface RecordPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** Throws E_NOT_FOUND that says what the topic has, where there is no such record. */
export async function readRecord(
  { topic, partition, offset }: RecordPlace,
  properties: Readonly<Record<string, string>>,
): Promise<RawRecord> {
  const refetcher = openRefetcher({ topic, properties })
  try {
    let found: RawRecord | undefined
    await refetcher.read(
      [{ partition, from: offset, to: offset }],
      ({ timestamp, value }, frame) => {
        found = { topic, partition, offset, timestamp, value, ...frame(), chunk: meaningOf(value) }
      },
      new AbortController().signal,
    )
    if (found !== undefined) return found
    throw missing({ topic, partition, offset }, await refetcher.extents())
  } finally {
    await refetcher.close()
  }
}

function missing(
  { topic, partition, offset }: RecordPlace,
  extents: ReadonlyMap<number, { readonly low: number; readonly high: number }>,
): DfspError {
  const extent = extents.get(partition)
  const fact =
    extent === undefined
      ? `${topic} has partitions ${listText([...extents.keys()])}`
      : extent.low === extent.high
        ? `the partition is empty; its next offset is ${extent.high}`
        : offset >= extent.low && offset < extent.high
          ? 'the offset is taken by a transaction marker, or its record was compacted away'
          : `the partition has offsets ${extent.low}-${extent.high - 1}`
  return new DfspError('E_NOT_FOUND', `there is no record ${topic}[${partition}]@${offset}`, {
    facts: [fact],
  })
}

function meaningOf(value: Buffer | null): RawRecord['chunk'] {
  const found = namedChunk(value)
  if ('refused' in found) return { reason: found.refused }
  const { path, chunk } = found
  const { index, total, offset: from, data, mtime } = chunk
  return {
    path,
    ...{ index, total, from, mtime },
    bytes: data.length,
    sha512: Buffer.from(chunk.fileHash).toString('hex'),
    isIntact: createHash(HASH).update(data).digest().equals(chunk.chunkHash),
  }
}
