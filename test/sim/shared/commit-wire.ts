/** Commits of one process on their way to the broker and back: slow, refused, or unanswered. */
import { type ClientError, ERR } from '../../../src/kafka/client-error.ts'
import type { committer, OffsetCommit } from '../../../src/kafka/consumer/committer.ts'
import type { Broker } from '../broker.ts'
import type { Group, Member } from './group.ts'
import type { HostWorld } from './world.ts'

type Client = Parameters<typeof committer>[0]
type Hear = (error: ClientError | null, offsets: readonly OffsetCommit[]) => void

const LONGEST_MS = 60_000
/** librdkafka's numbers of what the coordinator answers. */
const CODES: Readonly<Record<string, number>> = {
  'unknown member': ERR.UNKNOWN_MEMBER,
  'illegal generation': ERR.ILLEGAL_GENERATION,
  refused: ERR.REBALANCE_IN_PROGRESS,
  'no answer': ERR.TIMED_OUT,
}

export interface CommitWire {
  /** As `committer` knows it. */
  readonly client: Client
  /** What is on its way stays without an answer. */
  drop(): void
}

export function commitWire(
  world: HostWorld,
  broker: Broker,
  coordinator: Group,
  sender: () => { readonly self: Member | undefined; readonly generation: number },
): CommitWire {
  const { plan, clock, network, chance, checks, happened, trace } = world
  let hear: Hear = () => {}
  let open: readonly OffsetCommit[] = []

  function send(offsets: readonly OffsetCommit[]): void {
    trace(() => `commit ${offsets.map(c => `${c.partition}@${c.offset} ${c.metadata ?? ''}`).join(', ')}`)
    open = offsets
    const { self, generation } = sender()
    const sent = checks.onCommitSent(offsets)
    const slow = plan.on.has('slowCommits') && !world.calm
    const way = () => (slow ? chance.delay(1, 5_000) : chance.delay(1, 30))
    const back = way()
    const isRefused = plan.shared.has('refusals') && !world.calm && chance.chance(0.2)
    const isLost = plan.on.has('lostAnswers') && !world.calm && chance.chance(0.3)
    // The request is on its way whatever becomes of its sender.
    network.after(way(), () => {
      const fenced = self === undefined ? 'unknown member' : coordinator.refuses(self, generation)
      const error = isRefused ? 'refused' : fenced
      trace(() => `commit ${error ?? 'applied'}`)
      happened(`commit ${error ?? 'applied'}`)
      if (error === undefined) {
        sent.applied()
        broker.store(offsets)
      }
      const isUnanswered = error === undefined && isLost
      clock.after(isUnanswered && chance.chance(0.5) ? LONGEST_MS : back, () => {
        const told = isUnanswered ? 'no answer' : error
        sent.answered(told)
        hear(told === undefined ? null : { code: CODES[told] as number, message: told }, offsets)
      })
    })
  }

  const client = {
    on(event: string, then: unknown) {
      if (event === 'offset.commit') hear = then as Hear
    },
    commit: send,
  }
  return {
    client: client as unknown as Client,
    drop: () => hear({ code: ERR.TIMED_OUT, message: 'the process is gone' }, open),
  }
}
