/**
 * Which partitions this process owns. A file's chunks are spread over all partitions of the topic, so records are
 * handed on only while it owns every one of them:
 *
 * - **partial**: some or none are owned. They are assigned and paused; what is missing is waited for.
 * - **whole**: an epoch. All were assigned to the handlers at once, at their committed offsets; records flow.
 * - **draining**: a partition is about to go, or a new one came. Nothing is handed on, the handlers finish and
 *   commit; then the epoch is over for all partitions, and those that stay wait, paused, for the next one.
 *
 * The same under the three protocols of groups: eager takes all partitions away before it gives some back,
 * cooperative-sticky and `group.protocol=consumer` take and give single ones, and may give none.
 */
import type RdKafka from '@confluentinc/kafka-javascript'
import { type ClientError, ERR } from '../client-error.ts'
import { assigner } from './assigner.ts'
import type { AssignedPartition } from './assignment.ts'
import type { Came } from './group.ts'
import type { ReadLoop } from './read-loop.ts'

export interface Position {
  /** Offset of the record to come next. */
  next: number
  /** When something came last, or reading began. */
  since: number
  /** When it was read to its end last; undefined: never. */
  endedAt?: number
}

/** The time in which all partitions are owned. */
export interface Epoch {
  /** The turn with which it began. */
  readonly turn: number
  readonly positions: ReadonlyMap<number, Position>
  draining: boolean
  /** Nothing of it may be committed any more: its offsets are those of another log. */
  stale: boolean
}

export interface OwnershipDeps {
  readonly client: RdKafka.KafkaConsumer
  readonly topic: string
  readonly loop: Pick<ReadLoop, 'between'>
  /** All partitions that the topic has. */
  partitions(): Promise<readonly number[]>
  /** Where to begin; `anew` where the topic is another one of the same name, for which no commit counts. */
  starts(partitions: readonly number[], anew: boolean): Promise<readonly AssignedPartition[]>
  onAssign(partitions: readonly AssignedPartition[]): void
  onRevoke(partitions: readonly number[], lost: boolean): Promise<void>
  /** Resolves when there is nothing to wait for any more, or rejects with the reason to give up. */
  waitForRest(owned: () => ReadonlySet<number>, came: Came, over: () => boolean): Promise<void>
  /** A question to the broker failed and is asked again; what it throws ends the waiting. */
  onRetry(error: unknown): void
  onFailed(error: unknown): void
  /** Whether the client has paused what is owned. */
  isStopped(): boolean
  now(): number
}

export interface Ownership {
  /** Count of changes of the assignment. */
  readonly turn: number
  readonly epoch: Epoch | undefined
  /** What is owned belongs to somebody else already. */
  readonly isLost: boolean
  /** librdkafka's rebalance callback; it waits until the change was answered with an assign or unassign. */
  rebalance(error: ClientError | undefined, list: readonly RdKafka.TopicPartition[]): void
  /** Ends the epoch as lost and begins another at the committed offsets, or at the oldest records. */
  restart(anew: boolean): void
  /** Reads a partition from `offset` on, unless something of it came meanwhile: it stands at `position` no longer. */
  reread(partition: number, position: number, offset: number): void
  /**
   * From now on partitions are given up at once: nothing can be committed while the client disconnects. Resolves when
   * no change and no question is open.
   */
  close(): Promise<void>
}

const RETRY_MS = 1_000
export function ownership(deps: OwnershipDeps): Ownership {
  const { client, topic, loop } = deps
  const assign = assigner(client)
  const owned = new Set<number>()
  let epoch: Epoch | undefined
  let turn = 0
  let came: Came = 'new'
  let waiting = false
  let closing = false
  let work: Promise<void> = Promise.resolve()
  let rest: Promise<void> = Promise.resolve()

  const toppars = (partitions: Iterable<number>) => [...partitions].map(partition => ({ topic, partition }))

  /** One change after the other. */
  function inTurn(change: () => Promise<void>): void {
    work = work.then(change).catch(error => {
      if (!closing) deps.onFailed(error)
    })
  }

  async function assigned(list: readonly number[]): Promise<void> {
    const mine = [...new Set([...(assign.isCooperative ? owned : []), ...list])].sort((a, b) => a - b)
    const all = await persistently(() => deps.partitions())
    const isWhole = all?.every(p => mine.includes(p)) ?? false
    if (epoch && isWhole && list.length === 0) return await take([])
    if (epoch) await endEpoch(false)
    const starts = isWhole ? await persistently(() => deps.starts(mine, false)) : undefined
    if (starts) return await beginEpoch(starts, list)
    await take(list)
    awaitRest()
  }

  /** Answers an ASSIGN whose partitions have to wait. */
  async function take(list: readonly number[]): Promise<void> {
    await loop.between(() => {
      turn++
      if (!assign.isCooperative) owned.clear()
      for (const partition of list) owned.add(partition)
      assign.accept(toppars(list))
      if (list.length > 0) client.pause(toppars(list))
    })
  }

  /** `added` are those among `starts` that an ASSIGN brings; undefined where there is none to be answered. */
  async function beginEpoch(
    starts: readonly AssignedPartition[],
    added: readonly number[] | undefined,
  ): Promise<void> {
    const offsets = starts.map(({ partition, start }) => ({ topic, partition, offset: start }))
    const isNew = new Set(added)
    const kept = offsets.filter(({ partition }) => !isNew.has(partition))
    await loop.between(async () => {
      for (const at of kept) await assign.seek(at, isClosing)
      turn++
      came = 'whole'
      if (!assign.isCooperative) owned.clear()
      for (const { partition } of starts) owned.add(partition)
      const since = deps.now()
      epoch = {
        turn,
        positions: new Map(starts.map(({ partition, start }) => [partition, { next: start, since }])),
        draining: false,
        stale: false,
      }
      deps.onAssign(starts)
      if (added) assign.accept(offsets.filter(({ partition }) => isNew.has(partition)))
      if (deps.isStopped()) client.pause(offsets)
      else client.resume(offsets)
    })
  }

  async function endEpoch(lost: boolean): Promise<void> {
    if (!epoch) return
    const partitions = [...epoch.positions.keys()]
    epoch.draining = true
    client.pause(toppars(partitions))
    await deps.onRevoke(partitions, lost)
    epoch = undefined
    turn++
  }

  async function revoked(list: readonly number[]): Promise<void> {
    if (assign.isLost) came = 'lost'
    await endEpoch(assign.isLost)
    await loop.between(() => {
      turn++
      if (!assign.isCooperative) owned.clear()
      for (const partition of list) owned.delete(partition)
      assign.giveUp(toppars(list))
    })
    if (owned.size > 0) awaitRest()
  }

  function awaitRest(): void {
    if (waiting) return
    waiting = true
    const over = () => closing || epoch !== undefined
    rest = deps
      .waitForRest(() => owned, came, over)
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
      if (closing || assign.isLost) return undefined
      try {
        return await ask()
      } catch (error) {
        deps.onRetry(error)
        await new Promise(resolve => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  const isClosing = () => closing

  return {
    get turn() {
      return turn
    },
    get epoch() {
      return epoch
    },
    get isLost() {
      return assign.isLost
    },
    rebalance(error, list) {
      const partitions = list.filter(tp => tp.topic === topic).map(tp => tp.partition)
      const isAssign = error?.code === ERR.ASSIGN_PARTITIONS
      if (closing) return isAssign ? assign.accept(toppars(partitions)) : assign.giveUp(toppars(partitions))
      // Late results must not be taken for those of an owner while the change waits for its turn.
      if (!isAssign && epoch) epoch.draining = true
      inTurn(() => (isAssign ? assigned(partitions) : revoked(partitions)))
    },
    restart(anew) {
      if (epoch) {
        epoch.draining = true
        epoch.stale = true
      }
      inTurn(async () => {
        if (!epoch) return
        await endEpoch(true)
        const starts = await persistently(() => deps.starts([...owned], anew))
        if (starts) await beginEpoch(starts, undefined)
      })
    },
    reread(partition, found, offset) {
      inTurn(async () => {
        const position = epoch?.positions.get(partition)
        if (!position || epoch?.draining) return
        await loop.between(async () => {
          // What the last call brought must not come twice.
          if (position.next !== found || epoch?.draining) return
          await assign.seek({ topic, partition, offset }, isClosing)
          // It may stand still because a resume got lost.
          if (!deps.isStopped()) client.resume(toppars([partition]))
          position.next = offset
          position.since = deps.now()
        })
      })
    },
    async close() {
      closing = true
      await Promise.all([work, rest])
    },
  }
}
