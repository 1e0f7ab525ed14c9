/**
 * Headers of a record that say that all chunks of its file lie in one partition.
 *
 * - `dfsp.by: path`: whoever sent it chose the partition by the file's path.
 * - `dfsp.from: topic/partition/offset`: it is a copy of that record, made into the partition of its path.
 */
export const BY_PATH = { 'dfsp.by': 'path' } as const

export const FROM = 'dfsp.from'

export function isKeyed(headers: ReadonlyMap<string, Uint8Array> | undefined): boolean {
  if (headers === undefined) return false
  return headers.has(FROM) || String(headers.get('dfsp.by') ?? '') === BY_PATH['dfsp.by']
}

/** The record that a copy was made of. */
export interface Origin {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** Names of topics have no "/". */
const ORIGIN = /^([^/]+)\/(\d+)\/(\d+)$/

export function originHeader({ topic, partition, offset }: Origin): { readonly [FROM]: string } {
  return { [FROM]: `${topic}/${partition}/${offset}` }
}

/** Undefined where the header is not there, or is none of ours. */
export function originOf(header: Uint8Array | undefined): Origin | undefined {
  const [, topic, partition, offset] = ORIGIN.exec(String(header ?? '')) ?? []
  return topic === undefined ? undefined : { topic, partition: Number(partition), offset: Number(offset) }
}
