/**
 * Which partitions of a shared topic are read here, and who has the others, for who looks at a run. The first is known here
 * at each moment; of the others the group is asked, seldom, and nobody waits for long.
 */
import { within } from '../base/within.ts'
import type { FileConsumer } from '../kafka/consumer/consumer.ts'
import { memberName, type OtherMember, type SharingView, unowned } from '../report/monitor/sharing.ts'

export interface PartitionOwners {
  /** As far as is known; asks again where that is old. */
  view(): SharingView
  /** Asks, and waits for a second at most. */
  refresh(): Promise<void>
}

const ANSWER_MS = 1_000
/** The group is asked at most so often, */
const EVERY_MS = 10_000
/** or where its last answer leaves partitions to nobody: they are on their way. */
const UNSETTLED_MS = 2_000
/** An older answer tells nothing any more. */
const KNOWN_MS = 30_000

export function partitionOwners(
  consumer: Pick<FileConsumer, 'reading' | 'otherMembers' | 'partitionCount'>,
  now: () => number,
): PartitionOwners {
  let told: readonly OtherMember[] | undefined
  let toldAt = Number.NEGATIVE_INFINITY
  let asking: Promise<void> | undefined

  async function ask(): Promise<void> {
    const members = await consumer.otherMembers()
    told = members?.map(({ name, clientId, host, partitions }) => {
      return { member: memberName(name, clientId), host, partitions: partitions.toSorted((a, b) => a - b) }
    })
    toldAt = now()
    asking = undefined
  }

  function known(): SharingView {
    const own = consumer.reading()
    const here = new Set(own)
    const others = told?.map(each => {
      return { ...each, partitions: each.partitions.filter(partition => !here.has(partition)) }
    })
    const isOld = now() - toldAt >= KNOWN_MS
    return { own, total: consumer.partitionCount, others: isOld ? undefined : others }
  }

  function view(): SharingView {
    const { own, total, others } = known()
    const isSettled = others === undefined || unowned({ own, total, others }) <= 0
    if (now() - toldAt >= (isSettled ? EVERY_MS : UNSETTLED_MS)) asking ??= ask()
    return { own, total, others }
  }

  return {
    view,
    async refresh() {
      view()
      await within(ANSWER_MS, asking)
    },
  }
}
