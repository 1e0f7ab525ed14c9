/**
 * Which partitions this process owns. A file's chunks are spread over all partitions of the topic, so records are
 * handed on only while it owns every one of them:
 *
 * - **partial**: some or none are owned. They are assigned and paused; what is missing is waited for.
 * - **whole**: an epoch. All were assigned to the handlers at once, at their committed offsets; records flow.
 * - **draining**: a partition is about to go, or a new one came. Nothing is handed on, the handlers finish and
 *   commit; then the epoch is over for all partitions, and those that stay wait, paused, for the next one.
 *
 * Where the topic was made anew, or its log was cut, `restart` ends the epoch as lost without a rebalance, and begins the
 * next one with the same partitions.
 *
 * The same under the three protocols of groups: eager takes all partitions away before it gives some back,
 * cooperative-sticky and `group.protocol=consumer` take and give single ones, and may give none. `owned.ts` holds the
 * state and moves it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type RdKafka from '@confluentinc/kafka-javascript'
import { type ClientError, ERR } from '../client-error.ts'
import type { Assigner } from './assigner.ts'
import type { AssignedPartition } from './assignment.ts'
import type { CallGate } from './call-gate.ts'
import type { Came } from './group.ts'
import type { Owned } from './owned.ts'

export interface OwnershipDeps {
  readonly topic: string
  readonly owned: Owned
  readonly assign: Assigner
  readonly gate: Pick<CallGate, 'between'>
  /** All partitions that the topic has. */
  partitions(): Promise<readonly number[]>
  /** Where to begin; `anew` where the topic is another one of the same name, for which no commit counts. */
  starts(partitions: readonly number[], anew: boolean): Promise<readonly AssignedPartition[]>
  onAssign(partitions: readonly AssignedPartition[]): void
  onRevoke(partitions: readonly number[], lost: boolean): Promise<void>
  /** Resolves when there is nothing to wait for any more, or rejects with the reason to give up. */
  waitForRest(mine: () => ReadonlySet<number>, came: Came, over: () => boolean): Promise<void>
  /** A question to the broker failed and is asked again; what it throws ends the waiting. */
  onRetry(error: unknown): void
  onFailed(error: unknown): void
  /** Whether the client has paused what is owned. */
  isStopped(): boolean
  /** From then on partitions are given up at once: nothing can be committed while the client disconnects. */
  isClosing(): boolean
  now(): number
}

export interface Ownership {
  /** librdkafka's rebalance event; it waits until the change was answered with an assign or unassign. */
  rebalance(error: ClientError | undefined, list: readonly RdKafka.TopicPartition[]): void
  /** Ends the epoch as lost and begins another at the committed offsets, or at the oldest records. */
  restart(anew: boolean): void
  /** Reads a partition from `offset` on, unless something of it came meanwhile: it stands at `position` no longer. */
  reread(partition: number, position: number, offset: number): void
  /** Resolves when no change and no question is open; to be called while it closes. */
  end(): Promise<void>
}

const RETRY_MS = 1_000

export function ownership(deps: OwnershipDeps): Ownership {
  const { topic, owned, assign, gate, isClosing } = deps
  /** What the client was assigned, read or paused. */
  const mine = new Set<number>()
  let came: Came = 'new'
  let waiting = false
  let work: Promise<void> = Promise.resolve()
  let rest: Promise<void> = Promise.resolve()

  /** One change after the other. */
  function inTurn(change: () => Promise<void>): void {
    work = work.then(change).catch(error => {
      if (!isClosing()) deps.onFailed(error)
    })
  }

  async function assigned(list: readonly number[]): Promise<void> {
    const together = [...new Set([...(assign.isCooperative ? mine : []), ...list])].sort((a, b) => a - b)
    const all = await persistently(() => deps.partitions())
    const isWhole = all?.every(p => together.includes(p)) ?? false
    if (owned.state !== 'partial' && isWhole && list.length === 0) return await take([])
    await endEpoch(false)
    const starts = isWhole ? await persistently(() => deps.starts(together, false)) : undefined
    if (starts) return await beginEpoch(starts, list)
    await take(list)
    awaitRest()
  }

  /** Answers an ASSIGN whose partitions have to wait. */
  async function take(list: readonly number[]): Promise<void> {
    await gate.between(() => {
      if (!assign.isCooperative) mine.clear()
      for (const partition of list) mine.add(partition)
      assign.accept(list.map(partition => ({ partition })))
      assign.pause(list)
    })
  }

  /** `added` are those among `starts` that an ASSIGN brings; undefined where there is none to be answered. */
  async function beginEpoch(
    starts: readonly AssignedPartition[],
    added: readonly number[] | undefined,
  ): Promise<void> {
    const places = starts.map(({ partition, start }) => ({ partition, offset: start }))
    const isNew = new Set(added)
    await gate.between(async () => {
      for (const place of places) if (!isNew.has(place.partition)) await assign.seek(place, isClosing)
      came = 'whole'
      if (!assign.isCooperative) mine.clear()
      for (const { partition } of starts) mine.add(partition)
      owned.begin(starts, deps.now())
      deps.onAssign(starts)
      if (added) assign.accept(places.filter(({ partition }) => isNew.has(partition)))
      if (deps.isStopped()) assign.pause(owned.positions.keys())
      else assign.resume(owned.positions.keys())
    })
  }

  async function endEpoch(lost: boolean): Promise<void> {
    if (owned.state === 'partial') return
    owned.drain()
    const partitions = [...owned.positions.keys()]
    assign.pause(partitions)
    await deps.onRevoke(partitions, lost)
    owned.end()
  }

  async function revoked(list: readonly number[]): Promise<void> {
    if (assign.isLost) came = 'lost'
    await endEpoch(assign.isLost)
    await gate.between(() => {
      if (!assign.isCooperative) mine.clear()
      for (const partition of list) mine.delete(partition)
      assign.giveUp(list)
    })
    if (mine.size > 0) awaitRest()
  }

  function awaitRest(): void {
    if (waiting) return
    waiting = true
    const over = () => isClosing() || owned.state !== 'partial'
    rest = deps
      .waitForRest(() => mine, came, over)
      .catch(error => {
        if (!over()) deps.onFailed(error)
      })
      .finally(() => {
        waiting = false
      })
  }

  /** Asks until it is answered; undefined when meanwhile the answer has no use any more. */
  async function persistently<T>(ask: () => Promise<T>): Promise<T | undefined> {
    for (;;) {
      if (isClosing() || assign.isLost) return undefined
      try {
        return await ask()
      } catch (error) {
        deps.onRetry(error)
        await delay(RETRY_MS)
      }
    }
  }

  return {
    rebalance(error, list) {
      const partitions = list.filter(tp => tp.topic === topic).map(tp => tp.partition)
      const isAssign = error?.code === ERR.ASSIGN_PARTITIONS
      if (isClosing()) return answerAtOnce(assign, isAssign, partitions)
      // Late results must not be taken for those of an owner while the change waits for its turn.
      if (!isAssign) owned.drain()
      inTurn(() => (isAssign ? assigned(partitions) : revoked(partitions)))
    },
    restart(anew) {
      owned.spoil()
      inTurn(async () => {
        if (owned.state === 'partial') return
        await endEpoch(true)
        const starts = await persistently(() => deps.starts([...mine], anew))
        if (starts) await beginEpoch(starts, undefined)
      })
    },
    reread(partition, found, offset) {
      inTurn(() =>
        gate.between(async () => {
          const position = owned.positions.get(partition)
          // What the last call brought must not come twice.
          if (owned.state !== 'whole' || position?.next !== found) return
          await assign.seek({ partition, offset }, isClosing)
          // It may stand still because a resume got lost.
          if (!deps.isStopped()) assign.resume([partition])
          position.next = offset
          position.since = deps.now()
        }),
      )
    },
    async end() {
      await Promise.all([work, rest])
    },
  }
}

/** A client that disconnects takes no assignment any more, and waits for an answer all the same. */
function answerAtOnce(assign: Assigner, isAssign: boolean, list: readonly number[]): void {
  try {
    if (isAssign) assign.accept(list.map(partition => ({ partition })))
    else assign.giveUp(list)
  } catch {
    assign.giveUp(list)
  }
}
