/** Which partitions of a shared topic a run reads, and who has the others. */
import { numberRuns } from '../../core/text/number-runs.ts'

export interface SharingView {
  /** Partitions that this process reads at this moment, in order. */
  readonly own: readonly number[]
  /** How many the topic has. */
  readonly total: number
  /** The other members of the group as it was described last, less what is read here; undefined: unknown. */
  readonly others: readonly OtherMember[] | undefined
}

export interface OtherMember {
  readonly member: string
  /** As the broker sees it. */
  readonly host: string
  readonly partitions: readonly number[]
}

/** What a member is called: its --member, or host and process as in its client id. */
export function memberName(name: string | undefined, clientId: string): string {
  return name ?? clientId.slice(clientId.lastIndexOf('+') + 1)
}

/** How many partitions nobody has, as far as is known: they are on their way from one to another. */
export function unowned({ own, total, others = [] }: SharingView): number {
  return others.reduce((left, { partitions }) => left - partitions.length, total - own.length)
}

/** On one line; of a long list of partitions or members `most` are named. */
export function sharingText(sharing: SharingView, most: number): string {
  const { own, total } = sharing
  const here = own.length === 0 ? 'no partition' : `partitions ${numberRuns(own, most)}`
  return [`${here} of ${total}`, ...(own.length < total ? elsewhere(sharing, most) : [])].join(' · ')
}

function elsewhere(sharing: SharingView, most: number): readonly string[] {
  if (sharing.others === undefined) return ['the others: unknown']
  const owners = sharing.others.filter(({ partitions }) => partitions.length > 0)
  const named = owners
    .slice(0, most)
    .map(({ member, partitions }) => `${member}: ${numberRuns(partitions, most)}`)
  const unnamed = owners.length - named.length
  const rest = unowned(sharing)
  return [
    ...named,
    ...(unnamed > 0 ? [`${unnamed} more members`] : []),
    ...(rest > 0 ? [`nobody yet: ${rest}`] : []),
  ]
}
