/**
 * Headers of a record that say that all chunks of its file lie in one partition.
 *
 * - `dfsp.by: path`: whoever sent it chose the partition by the file's path.
 * - `dfsp.from: topic/partition/offset`: it is a copy of that record, made into the partition of its path.
 */
export const BY_PATH = { 'dfsp.by': 'path' } as const

const FROM = 'dfsp.from'

export function isKeyed(headers: ReadonlyMap<string, Uint8Array> | undefined): boolean {
  if (headers === undefined) return false
  return headers.has(FROM) || String(headers.get('dfsp.by') ?? '') === BY_PATH['dfsp.by']
}
