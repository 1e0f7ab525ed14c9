/**
 * The consumer of one process: the parts of `kafka/consumer/` that know no client (ownership, delivery, commits), and in
 * the place of librdkafka what it promises: one change of the assignment at a time, records in order from where reading
 * begins.
 */
import { ERR } from '../../../src/kafka/client-error.ts'
import type { Assigner } from '../../../src/kafka/consumer/assigner.ts'
import {
  type AssignedPartition,
  type CommittedOffset,
  startsOf,
} from '../../../src/kafka/consumer/assignment.ts'
import { callGate } from '../../../src/kafka/consumer/call-gate.ts'
import { type CommitterOptions, committer } from '../../../src/kafka/consumer/committer.ts'
import { delivery } from '../../../src/kafka/consumer/delivery.ts'
import type { ConsumerHandlers } from '../../../src/kafka/consumer/membership.ts'
import { ownedPartitions } from '../../../src/kafka/consumer/owned.ts'
import { ownership } from '../../../src/kafka/consumer/ownership.ts'
import type { PartitionEnd } from '../../../src/kafka/consumer/read-loop.ts'
import { UNCOMMITTED_FROM } from '../../../src/kafka/consumer/shared-starts.ts'
import type { ProcessorDeps } from '../../../src/processor/processor-deps.ts'
import { type Broker, indexAt, type LogRecord, type Partition } from '../broker.ts'
import { commitWire } from './commit-wire.ts'
import type { Change, Group, Member } from './group.ts'
import type { HostWorld } from './world.ts'

export interface SimMember
  extends Pick<ProcessorDeps, 'commit' | 'committedNow' | 'endOffsets' | 'pause' | 'resume'> {
  start(handlers: Pick<ConsumerHandlers, 'onAssign' | 'onRecords' | 'onPartitionEnd' | 'onRevoke'>): void
  /** The group gave it up, and it hears of it. */
  lost(): void
  /** The process is gone: nothing is waited for any more. */
  dropped(): void
  /** Leaves the group; resolves when it is out. */
  close(): Promise<void>
  /** There may be something to read. */
  wake(): void
  /** As the group knows it; undefined while it is none. */
  readonly self: Member | undefined
  /** All of its partitions that is in the log was handed on. */
  readonly atEnds: boolean
}

type Message = Parameters<ReturnType<typeof delivery>>[0][number]

const TOPIC = 'xrd'
const REVOKE_PARTITIONS = -174
const KEYED = [{ 'dfsp.by': Buffer.from('path') }]

export function simMember(world: HostWorld, broker: Broker, coordinator: Group): SimMember {
  const { clock, chance, plan, happened, trace } = world
  const owned = ownedPartitions()
  const gate = callGate()
  const reading = new Map<number, number>() // -> offset of the record to be fetched next
  const stopped = new Set<number>()
  const endTold = new Map<number, number>()
  /** What the client was given. */
  const assignment = new Set<number>()
  const changes: Change[] = []
  let open: Change | undefined
  let self: Member | undefined
  let generation = -1
  let isLost = false
  let closing = false
  let paused = false
  let asleep = true
  let deliver: ReturnType<typeof delivery>

  const assign: Assigner = {
    isCooperative: true,
    get isLost() {
      return isLost
    },
    accept(places) {
      for (const { partition, offset } of places) {
        if (offset !== undefined) reading.set(partition, offset)
        endTold.delete(partition)
        assignment.add(partition)
      }
      answered()
    },
    giveUp(partitions) {
      for (const partition of partitions) {
        for (const of of [reading, stopped, assignment]) of.delete(partition)
      }
      answered()
    },
    pause(partitions) {
      for (const partition of partitions) stopped.add(partition)
    },
    resume(partitions) {
      for (const partition of partitions) stopped.delete(partition)
      wake()
    },
    async seek({ partition, offset }) {
      reading.set(partition, offset)
    },
  }

  /** The client takes one change after the other. */
  function next(): void {
    if (open !== undefined) return
    open = changes.shift()
    if (open === undefined) return
    const { kind } = open
    // What is lost is all that was taken by now.
    const partitions = isLost ? [...assignment] : open.partitions
    generation = open.generation
    trace(() => `${kind} ${partitions.join(' ')}${isLost ? ', lost' : ''}`)
    happened(partitions.length > 0 ? `partitions: ${kind}` : 'change of nothing')
    const code = kind === 'assign' ? ERR.ASSIGN_PARTITIONS : REVOKE_PARTITIONS
    own.rebalance(
      { code, message: kind },
      partitions.map(partition => ({ topic: TOPIC, partition })),
    )
  }

  function answered(): void {
    const change = open as Change
    open = undefined
    if (isLost) {
      if (change.kind === 'assign' || changes.length > 0) return next()
      isLost = false
      if (!closing) join()
      return
    }
    const { kind, partitions } = change
    trace(() => `answered ${kind} ${partitions.join(' ')}`)
    if (self !== undefined) coordinator.answered(self, change)
    next()
  }

  function join(): void {
    clock.after(chance.delay(10, 3_000), () => {
      if (closing) return
      let arrives = clock.now()
      const joining: Member = {
        name: world.name,
        told(change) {
          // In order.
          arrives = Math.max(arrives, clock.now() + chance.delay(1, 300))
          clock.after(arrives - clock.now(), () => {
            if (self !== joining || isLost) return
            changes.push(change)
            next()
          })
        },
      }
      self = joining
      world.checks.onJoined()
      const before = coordinator.members.find(({ name }) => name === world.name)
      if (before !== undefined && plan.shared.has('named')) coordinator.replace(before, joining)
      else coordinator.join(joining)
    })
  }

  async function starts(partitions: readonly number[]): Promise<readonly AssignedPartition[]> {
    await new Promise<void>(resolve => clock.after(chance.delay(1, 1_000), resolve))
    const of = partitions.map(p => broker.partitions[p] as Partition)
    const committed = committedOf(of)
    const marks = new Map(of.map(p => [p.number, { low: p.low, high: p.end, last: p.end }]))
    return startsOf(TOPIC, partitions, { committed, marks, from: UNCOMMITTED_FROM, anew: false })
  }

  function committedOf(of: readonly Partition[]): Map<number, CommittedOffset | undefined> {
    return new Map(
      of.map(p => [p.number, p.committed && { offset: p.committed.offset, metadata: world.readMetadata(p) }]),
    )
  }

  const own = ownership({
    topic: TOPIC,
    shared: true,
    owned,
    assign,
    gate,
    partitions: async () => broker.partitions.map(p => p.number),
    starts,
    onAssign: list => handlers.onAssign(list),
    onRevoke: (list, lost) => handlers.onRevoke(list, lost),
    onLost() {},
    waitForRest: async () => {},
    onRetry() {},
    onFailed: error => world.checks.violate(`the consumer fails: ${String((error as Error).stack)}`),
    isStopped: () => false,
    isClosing: () => closing,
    now: clock.now,
  })
  const wire = commitWire(world, broker, coordinator, () => ({ self, generation }))
  const commits = committer(
    wire.client,
    { topic: TOPIC, group: 'beamline', login: {} as CommitterOptions['login'], shared: true },
    partition => owned.mayCommit(partition) && !assign.isLost,
  )
  let handlers: Parameters<SimMember['start']>[0]

  function left(partition: number): number {
    const { records, low } = broker.partitions[partition] as Partition
    return records.length - indexAt(records, Math.max(reading.get(partition) as number, low))
  }

  function tellsEnd(partition: number): boolean {
    return left(partition) === 0 && endTold.get(partition) !== broker.partitions[partition]?.end
  }

  const isRead = (partition: number) => !paused && !stopped.has(partition)

  function wake(): void {
    if (!asleep) return
    if (![...reading.keys()].some(p => isRead(p) && (left(p) > 0 || tellsEnd(p)))) return
    asleep = false
    clock.after(chance.delay(1, plan.on.has('slowReads') && !world.calm ? 20_000 : 300), () => void poll())
  }

  async function poll(): Promise<void> {
    while (gate.change !== undefined) await gate.change
    const { turn } = owned
    const messages = pop()
    const call = new Promise<void>(resolve => clock.after(chance.below(50), resolve))
    gate.began(call)
    const ends: PartitionEnd[] = []
    for (const partition of reading.keys()) {
      if (!isRead(partition) || !tellsEnd(partition)) continue
      const { end: offset } = broker.partitions[partition] as Partition
      endTold.set(partition, offset)
      reading.set(partition, offset)
      ends.push({ partition, offset })
    }
    await call
    deliver(messages, ends, turn)
    asleep = true
    wake()
  }

  function pop(): Message[] {
    const batch: Message[] = []
    const most = chance.between(1, plan.batchMost)
    const from = chance.shuffle([...reading.keys()].filter(p => isRead(p) && left(p) > 0))
    for (let i = 0; batch.length < most && from.length > 0; i = (i + 1) % Math.max(1, from.length)) {
      const partition = from[i] as number
      const { records, low } = broker.partitions[partition] as Partition
      const at = indexAt(records, Math.max(reading.get(partition) as number, low))
      const run = records.slice(at, at + Math.min(chance.between(1, 4), most - batch.length))
      const headers = plan.shared.has('headers') ? KEYED : []
      for (const { offset, value } of run)
        batch.push({ topic: TOPIC, partition, offset, timestamp: 0, value, size: 1, headers } as Message)
      reading.set(partition, (run.at(-1) as LogRecord).offset + 1)
      if (left(partition) === 0) from.splice(i, 1)
    }
    return batch
  }

  return {
    start(given) {
      handlers = given
      deliver = delivery({
        withHeaders: true,
        owned,
        onRecords: records => handlers.onRecords(records),
        onPartitionEnd: (partition, offset) => handlers.onPartitionEnd(partition, offset),
        onWentBack: (partition, from, to) =>
          world.checks.violate(`${partition} went back to ${to} from ${from}`),
        onAlive() {},
        now: clock.now,
      })
      join()
    },
    commit: offsets => commits.commit(offsets),
    committedNow: () =>
      new Promise((resolve, reject) => {
        const fails = plan.on.has('refusedCommits') && !world.calm && chance.chance(0.3)
        clock.after(chance.delay(1, 1_000), () => {
          if (fails) return reject(new Error('the coordinator does not answer'))
          resolve(committedOf(broker.partitions.filter(({ number }) => owned.positions.has(number))))
        })
      }),
    endOffsets: () =>
      new Promise(resolve =>
        clock.after(chance.delay(1, 1_000), () =>
          resolve(new Map([...owned.positions.keys()].map(p => [p, broker.partitions[p]?.end ?? 0]))),
        ),
      ),
    pause() {
      paused = true
    },
    resume() {
      paused = false
      wake()
    },
    lost() {
      if (self === undefined || coordinator.members.includes(self)) return
      self = undefined
      isLost = true
      changes.splice(0)
      changes.push({ kind: 'revoke', partitions: [], generation })
      next()
    },
    dropped: wire.drop,
    async close() {
      closing = true
      await own.end()
      if (self !== undefined) coordinator.remove(self)
      self = undefined
    },
    wake,
    get self() {
      return self
    },
    get atEnds() {
      return asleep && [...reading.keys()].every(p => left(p) === 0 && !tellsEnd(p))
    },
  }
}
