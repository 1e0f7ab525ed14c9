/** What a run would find, in words: for `run --dry-run` and `config check --connect`. */
import { listText } from '../../core/text/list-text.ts'
import { formatBytes, formatCount } from '../quantities.ts'

export interface Forecast {
  /** Records from the starts to the ends. */
  readonly records: number
  /** Of those that were read: records that are processed already. */
  readonly processed: number
  /** Files that wait and are whole, and their bytes. */
  readonly files: number
  readonly bytes: number
  /** Files of which chunks are missing. */
  readonly incomplete: number
  /** Files that --files leaves out are not told; records that are no chunks are. */
  readonly undecodable: number
  /** Records that were read of `records`, when time was up. */
  readonly read: number
  /** Time was up before the ends: the files are the least that wait. */
  readonly isPartial: boolean
}

export interface ShownGroup {
  readonly described:
    | {
        readonly state: string
        readonly members: readonly { readonly clientId: string; readonly host: string }[]
      }
    | undefined
  readonly partitions: readonly { readonly committed: number | undefined }[]
}

/** "1,330 files (18 GiB), 3 incomplete ones". */
export function waitingText({
  records,
  processed,
  files,
  bytes,
  incomplete,
  undecodable,
  read,
  isPartial,
}: Forecast): string {
  if (records === 0 && !isPartial) return 'no records'
  const least = isPartial ? 'at least ' : ''
  const parts = [
    `${least}${formatCount(files)} ${files === 1 ? 'file' : 'files'} (${formatBytes(bytes)})`,
    ...(incomplete > 0 ? [`${formatCount(incomplete)} incomplete`] : []),
    ...(undecodable > 0 ? [`${formatCount(undecodable)} records that are no chunks`] : []),
  ]
  const before = processed > 0 ? `; ${formatCount(processed)} are processed already` : ''
  const looked = isPartial ? `; ${formatCount(read)} were looked at` : ''
  return `${parts.join(', ')} in ${formatCount(records)} ${records === 1 ? 'record' : 'records'}${before}${looked}`
}

/** "is new", "Stable: dfsp-lab1-71 on 10.0.4.9 is in it", "Empty, has committed in 4 of 4 partitions". */
export function groupText({ described, partitions }: ShownGroup): string {
  const committed = partitions.filter(each => each.committed !== undefined).length
  const members = described?.members ?? []
  if (members.length > 0) {
    const named = listText(members.map(({ clientId, host }) => `${clientId} on ${host}`))
    return `is ${described?.state}: ${named} ${members.length === 1 ? 'is' : 'are'} in it`
  }
  return committed === 0 ? 'is new' : `has committed in ${committed} of ${partitions.length} partitions`
}
