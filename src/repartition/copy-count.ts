/** Into how many partitions a topic is copied: fixed once something was, as the number decides where a file lies. */
import { DfspError } from '../base/errors.ts'
import { partitionsOfCopy } from '../core/offsets/copy-record.ts'

export interface CopyCountFacts {
  readonly target: string
  /** As was asked for. */
  readonly wanted: number | undefined
  /** Partitions that the target has. */
  readonly there: number
  /** Of the group's commits. */
  readonly metadata: readonly (string | undefined)[]
}

/** Throws a DfspError where these contradict each other. */
export function copyCount(
  { target, wanted, there, metadata }: CopyCountFacts,
  onProblem: (text: string) => void,
): number {
  const kept = metadata.map(partitionsOfCopy).find(count => count !== undefined)
  const count = kept ?? there
  if (wanted !== undefined && wanted !== count)
    throw new DfspError('E_USAGE', `${target} is a copy into ${count} partitions, for good`, {
      facts: [`--partitions ${wanted} would scatter the files whose chunks lie there already`],
      next: 'leave out --partitions, or copy into another topic: --to NAME',
    })
  if (there < count)
    throw new DfspError(
      'E_TOPIC_MISSING',
      `topic ${target} has ${there} partitions, and is copied into ${count}`,
      {
        facts: ['it was deleted and made anew, or is not the one that was copied into'],
        next: `make it with ${count} partitions, or start over in another topic`,
      },
    )
  if (there > count)
    onProblem(
      `${target} has ${there} partitions by now: copies go into the first ${count}, as before, for each file lies in one`,
    )
  return count
}
