/**
 * When an epoch of a partition begins and ends (`owned.ts` holds them). At its begin the handlers are told where it is
 * read from, the committed offset; at its end they finish and commit.
 *
 * Where partitions are **shared** with other processes each has its epochs by itself: one begins when the partition is
 * assigned and ends when it is revoked, while the others are read on.
 *
 * Else a file's chunks are spread over all partitions of the topic, so all have their epochs together, or none: what is
 * assigned in part is paused, and waits for the rest. Where one is about to go, or a new one came, the epochs of all end,
 * and those that stay wait, paused, for the next ones.
 *
 * Where the topic was made anew, or its log was cut, `restart` ends all epochs as lost without a rebalance, and begins the
 * next ones with the same partitions.
 *
 * The same under the three protocols of groups: eager takes all partitions away before it gives some back (and cannot be
 * shared), cooperative-sticky and `group.protocol=consumer` take and give single ones, and may give none.
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
  /** Others may own partitions of the topic beside this process. */
  readonly shared: boolean
  readonly owned: Owned
  readonly assign: Assigner
  readonly gate: Pick<CallGate, 'between'>
  /** All partitions that the topic has. */
  partitions(): Promise<readonly number[]>
  /** Where to begin; `anew` where the topic is another one of the same name, for which no commit counts. */
  starts(partitions: readonly number[], anew: boolean): Promise<readonly AssignedPartition[]>
  onAssign(partitions: readonly AssignedPartition[]): void
  onRevoke(partitions: readonly number[], lost: boolean): Promise<void>
  /** The group has given this process up, and others have what it read. */
  onLost(): void
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
  /** The group has let it in, and has not given it up since. */
  readonly isMember: boolean
  /** Ends the epoch as lost and begins another at the committed offsets, or at the oldest records. */
  restart(anew: boolean): void
  /** Reads a partition from `offset` on, unless something of it came meanwhile: it stands at `position` no longer. */
  reread(partition: number, position: number, offset: number): void
  /** Resolves when no change and no question is open; to be called while it closes. */
  end(): Promise<void>
}

const RETRY_MS = 1_000

export function ownership(deps: OwnershipDeps): Ownership {
  const { topic, shared, owned, assign, gate, isClosing } = deps
  /** What the client was assigned, read or paused. */
  const mine = new Set<number>()
  let came: Came = 'new'
  let isMember = false
  let work: Promise<void> = Promise.resolve()
  const isOver = () => isClosing() || owned.positions.size > 0
  const rest = restWait(() => deps.waitForRest(() => mine, came, isOver), isOver, deps.onFailed)

  /** Those whose epochs end where these go. */
  const goingWith = (list: readonly number[]) => (shared ? list : owned.positions.keys())

  /** One change after the other. */
  function inTurn(change: () => Promise<void>): void {
    work = work.then(change).catch(error => {
      if (!isClosing()) deps.onFailed(error)
    })
  }

  async function assigned(list: readonly number[]): Promise<void> {
    const isNone = shared && list.length === 0
    // What came to others may be new: how many there are is asked beside the answer.
    if (isNone) void deps.partitions().catch(() => {})
    const ask = () => persistently(() => deps.starts(list, false))
    const starts = isNone ? [] : await (shared ? ask() : startsOfAll(list))
    if (starts) return await beginEpochs(starts, list)
    await take(list)
    if (!shared && owned.positions.size === 0) rest.begin()
  }

  /** Of all partitions of the topic, if they are here now; undefined where they are not, or are read already. */
  async function startsOfAll(list: readonly number[]): Promise<readonly AssignedPartition[] | undefined> {
    const together = [...new Set([...(assign.isCooperative ? mine : []), ...list])].sort((a, b) => a - b)
    const all = await persistently(() => deps.partitions())
    const isWhole = all?.every(p => together.includes(p)) ?? false
    if (owned.positions.size > 0 && isWhole && list.length === 0) return undefined
    await endEpochs(owned.positions.keys(), false)
    return isWhole ? await persistently(() => deps.starts(together, false)) : undefined
  }

  function hold(list: readonly number[]): void {
    if (!assign.isCooperative) mine.clear()
    for (const partition of list) mine.add(partition)
    isMember = true
  }

  /** Answers an ASSIGN whose partitions have to wait. */
  async function take(list: readonly number[]): Promise<void> {
    await gate.between(() => {
      hold(list)
      assign.accept(list.map(partition => ({ partition })))
      assign.pause(list)
    })
  }

  /** `added` are those among `starts` that an ASSIGN brings; undefined where there is none to be answered. */
  async function beginEpochs(
    starts: readonly AssignedPartition[],
    added: readonly number[] | undefined,
  ): Promise<void> {
    const places = starts.map(({ partition, start }) => ({ partition, offset: start }))
    const begun = starts.map(({ partition }) => partition)
    const isNew = new Set(added)
    await gate.between(async () => {
      for (const place of places) if (!isNew.has(place.partition)) await assign.seek(place, isClosing)
      came = 'whole'
      hold(begun)
      owned.begin(starts, deps.now())
      deps.onAssign(starts)
      if (added) assign.accept(places.filter(({ partition }) => isNew.has(partition)))
      assign[deps.isStopped() ? 'pause' : 'resume'](begun)
    })
  }

  async function endEpochs(partitions: Iterable<number>, lost: boolean): Promise<void> {
    const going = [...partitions].filter(partition => owned.positions.has(partition))
    if (going.length === 0) return
    owned.drain(going)
    assign.pause(going)
    await deps.onRevoke(going, lost)
    owned.end(going)
  }

  async function revoked(list: readonly number[]): Promise<void> {
    if (assign.isLost) {
      if (owned.positions.size > 0) deps.onLost()
      came = 'lost'
      isMember = false
    }
    await endEpochs(goingWith(list), assign.isLost)
    await gate.between(() => {
      if (!assign.isCooperative) mine.clear()
      for (const partition of list) mine.delete(partition)
      assign.giveUp(list)
    })
    if (mine.size > 0 && !shared) rest.begin()
  }

  /** Undefined when the answer has no use any more. */
  function persistently<T>(ask: () => Promise<T>): Promise<T | undefined> {
    return askUntilAnswered(ask, () => isClosing() || assign.isLost, deps.onRetry)
  }

  return {
    get isMember() {
      return isMember
    },
    rebalance(error, list) {
      const partitions = list.filter(tp => tp.topic === topic).map(tp => tp.partition)
      const isAssign = error?.code === ERR.ASSIGN_PARTITIONS
      if (isClosing()) return answerAtOnce(assign, isAssign, partitions)
      // Late results must not be taken for those of an owner while the change waits for its turn.
      if (!isAssign) owned.drain(goingWith(partitions))
      inTurn(() => (isAssign ? assigned(partitions) : revoked(partitions)))
    },
    restart(anew) {
      owned.spoil()
      inTurn(async () => {
        if (owned.positions.size === 0) return
        await endEpochs(owned.positions.keys(), true)
        const starts = await persistently(() => deps.starts([...mine], anew))
        if (starts) await beginEpochs(starts, undefined)
      })
    },
    reread(partition, found, offset) {
      inTurn(() =>
        gate.between(async () => {
          const position = owned.positions.get(partition)
          // What the last call brought must not come twice.
          if (position === undefined || position.isGoing || position.next !== found) return
          await assign.seek({ partition, offset }, isClosing)
          // It may stand still because a resume got lost.
          if (!deps.isStopped()) assign.resume([partition])
          position.next = offset
          position.since = deps.now()
        }),
      )
    },
    async end() {
      await Promise.all([work, rest.ended()])
    },
  }
}

/** A client that disconnects takes no assignment any more, and waits for an answer all the same. */
export function answerAtOnce(assign: Assigner, isAssign: boolean, list: readonly number[]): void {
  try {
    if (isAssign) assign.accept(list.map(partition => ({ partition })))
    else assign.giveUp(list)
  } catch {
    assign.giveUp(list)
  }
}

async function askUntilAnswered<T>(
  ask: () => Promise<T>,
  isOver: () => boolean,
  onRetry: (error: unknown) => void,
): Promise<T | undefined> {
  while (!isOver()) {
    try {
      return await ask()
    } catch (error) {
      onRetry(error)
      await delay(RETRY_MS)
    }
  }
  return undefined
}

/** Waits for the rest of the topic, once at a time. */
function restWait(wait: () => Promise<void>, isOver: () => boolean, onFailed: (error: unknown) => void) {
  let waiting: Promise<void> | undefined
  return {
    begin() {
      waiting ??= wait()
        .catch(error => {
          if (!isOver()) onFailed(error)
        })
        .finally(() => {
          waiting = undefined
        })
    },
    ended: async () => await waiting,
  }
}
