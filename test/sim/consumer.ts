/**
 * The consumer of one life, as `kafka/consumer/consumer.ts` promises to behave: all partitions at once, records in order from
 * the assigned start, nothing of an epoch that is over, one commit in flight.
 */
import type { OffsetCommit } from '../../src/kafka/consumer/committer.ts'
import type { ConsumedRecord } from '../../src/kafka/consumer/consumer.ts'
import type { Processor } from '../../src/processor/processor.ts'
import { type Broker, indexAt, type LogRecord, type Partition } from './broker.ts'
import { otherOwner } from './other-owner.ts'
import type { World } from './world.ts'

export interface SimConsumer {
  /** Joins the group: all partitions, after a while. */
  join(): void
  /** The partitions are taken away, and come back. */
  rebalance(lost: boolean, drainMs: number): Promise<void>
  commit(offsets: readonly OffsetCommit[]): Promise<void>
  committedNow(): Promise<Map<number, { offset: number; metadata: string | undefined }>>
  endOffsets(): Promise<Map<number, number>>
  pause(): void
  resume(): void
  /** There may be something to read. */
  wake(): void
  /** All that is in the log was handed on, and its ends told. */
  readonly atEnds: boolean
  readonly owns: boolean
}

const LONGEST_COMMIT_MS = 60_000

export function simConsumer(world: World, broker: Broker, processor: () => Processor): SimConsumer {
  const { clock, chance, plan, happened, trace, truth, checks } = world
  let generation = broker.generation
  let epoch = 0
  let owns = false
  let positions: number[] = []
  /** The end of each partition as it was told last. */
  let endTold: number[] = []
  let paused = false
  let fetching = true
  let asleep = true
  let committing = false

  const life = world.life
  /** Does it later, if this life has not ended by then. */
  const later = (ms: number, then: () => void) => clock.after(ms, () => life === world.life && then())
  const fault = (share: number) => !world.calm && chance.chance(share)

  function left(p: Partition): number {
    return p.records.length - indexAt(p.records, Math.max(positions[p.number] as number, p.low))
  }

  function hasWork(): boolean {
    return broker.partitions.some(p => (left(p) > 0 && !paused && fetching) || tellsEnd(p))
  }

  function tellsEnd(p: Partition): boolean {
    return left(p) === 0 && endTold[p.number] !== p.end
  }

  function wake(): void {
    if (!asleep || !owns || !hasWork()) return
    asleep = false
    later(chance.delay(1, plan.on.has('slowReads') && !world.calm ? 20_000 : 300), poll)
  }

  function poll(): void {
    asleep = true
    if (!owns) return
    const batch = paused || !fetching ? [] : pop()
    const during = epoch
    asleep = false
    later(chance.below(50), () => {
      asleep = true
      // Messages that were popped when their epoch ended come late: they are dropped.
      if (owns && during === epoch) deliver(batch)
      else if (batch.length > 0) happened('stale batch')
      wake()
    })
  }

  function pop(): ConsumedRecord[] {
    const batch: ConsumedRecord[] = []
    const most = chance.between(1, plan.batchMost)
    const from = chance.shuffle(broker.partitions.filter(p => left(p) > 0))
    for (let i = 0; batch.length < most && from.length > 0; i = (i + 1) % Math.max(1, from.length)) {
      const p = from[i] as Partition
      const at = indexAt(p.records, Math.max(positions[p.number] as number, p.low))
      const run = p.records.slice(at, at + Math.min(chance.between(1, 4), most - batch.length))
      for (const { offset, value } of run) batch.push({ partition: p.number, offset, timestamp: 0, value })
      positions[p.number] = (run.at(-1) as LogRecord).offset + 1
      if (left(p) === 0) from.splice(i, 1)
    }
    return batch
  }

  function deliver(batch: readonly ConsumedRecord[]): void {
    if (batch.length > 0) {
      trace(
        () =>
          `records ${batch.map(r => `${r.partition}@${r.offset}=${truth.name(r.partition, r.offset)}`).join(' ')}`,
      )
      processor().records(batch)
    }
    for (const p of broker.partitions) {
      if (!tellsEnd(p)) continue
      endTold[p.number] = p.end
      positions[p.number] = p.end
      processor().partitionEnd(p.number, p.end)
    }
  }

  function assign(): void {
    generation = broker.nextGeneration()
    epoch++
    owns = true
    fetching = true
    positions = []
    endTold = []
    const assigned = broker.partitions.map(p => {
      const { number: partition, low, end } = p
      const committed = p.committed?.offset
      const start = committed === undefined || committed < low || committed > end ? low : committed
      positions[partition] = start
      endTold[partition] = -1
      const notice = start === (committed ?? start) ? undefined : 'as told'
      return { partition, start, committed, metadata: world.readMetadata(p), end, notice }
    })
    trace(() => `assigned ${assigned.map(a => `${a.partition}@${a.start} ${a.metadata ?? ''}`).join(', ')}`)
    happened('assignment')
    checks.onAssigned()
    processor().assign(assigned)
    wake()
  }

  return {
    join: () => void later(chance.delay(10, 3_000), assign),
    async rebalance(lost, drainMs) {
      if (!owns || !fetching) return
      happened(lost ? 'partitions lost' : 'partitions revoked')
      trace(() => (lost ? 'partitions are lost' : 'partitions are revoked'))
      fetching = false
      if (lost) broker.nextGeneration()
      await processor().revoke(
        broker.partitions.map(p => p.number),
        lost,
        drainMs,
      )
      if (life !== world.life) return
      trace(() => 'partitions are given up')
      owns = false
      checks.onGivenUp()
      broker.nextGeneration()
      if (plan.on.has('otherOwner') && fault(0.5)) otherOwner(world, broker)
      later(chance.delay(10, 5_000), assign)
    },
    commit(commits) {
      if (committing) checks.violate('two commits in flight')
      for (const { partition, offset, metadata } of commits) {
        if (!Number.isSafeInteger(partition) || !Number.isSafeInteger(offset) || offset < 0)
          checks.violate(`commit of ${partition}@${offset}`)
        if (metadata !== undefined && (metadata.length > 4095 || /[^\x20-\x7e]/.test(metadata)))
          checks.violate('metadata that no broker takes')
      }
      if (!owns) happened('commit without partitions')
      committing = true
      const sent = checks.onCommitSent(commits)
      const from = generation
      trace(() => `commit ${commits.map(c => `${c.partition}@${c.offset} ${c.metadata ?? ''}`).join(', ')}`)
      const slow = plan.on.has('slowCommits') && !world.calm
      const toBroker = slow ? chance.delay(1, 5_000) : chance.delay(1, 30)
      const back = slow ? chance.delay(1, 5_000) : chance.delay(1, 30)
      const refused = plan.on.has('refusedCommits') && fault(0.3)
      const lost = plan.on.has('lostAnswers') && fault(0.3)
      return new Promise((resolve, reject) => {
        const answer = (ms: number, error?: string) =>
          later(ms, () => {
            committing = false
            trace(() => `commit answered${error ? `: ${error}` : ''}`)
            if (error) reject(new Error(error))
            else resolve()
          })
        // The request is on its way whatever becomes of its sender.
        clock.after(toBroker, () => {
          if (refused) happened('commit refused')
          const isOld = from !== broker.generation
          const error = refused ? 'refused' : isOld ? 'illegal generation' : undefined
          if (!error) {
            trace(() => 'commit applied')
            happened('commit applied')
            checks.onCommitted(commits, sent)
            broker.store(commits)
          }
          if (life !== world.life) {
            if (!error) happened('commit applied after a crash')
            return
          }
          if (lost && !error) {
            happened('answer of a commit lost')
            return answer(chance.chance(0.5) ? back : LONGEST_COMMIT_MS, 'no answer')
          }
          answer(back, error)
        })
      })
    },
    committedNow: () =>
      new Promise((resolve, reject) => {
        const fails = plan.on.has('refusedCommits') && fault(0.3)
        happened('committed offsets asked')
        later(chance.delay(1, 1_000), () => {
          if (fails) return reject(new Error('the coordinator does not answer'))
          const found = broker.partitions.flatMap(p =>
            p.committed
              ? [[p.number, { offset: p.committed.offset, metadata: world.readMetadata(p) }] as const]
              : [],
          )
          resolve(new Map(found))
        })
      }),
    endOffsets: () =>
      new Promise((resolve, reject) => {
        const fails = plan.on.has('refusedCommits') && fault(0.3)
        happened('end offsets asked')
        later(chance.delay(1, 1_000), () => {
          if (fails) reject(new Error('the broker does not answer'))
          else resolve(new Map(broker.partitions.map(p => [p.number, p.end])))
        })
      }),
    pause() {
      if (!paused) happened('pause')
      trace(() => 'pause')
      paused = true
    },
    resume() {
      trace(() => 'resume')
      paused = false
      wake()
    },
    wake,
    get owns() {
      return owns
    },
    get atEnds() {
      return owns && asleep && broker.partitions.every(p => left(p) === 0 && !tellsEnd(p))
    },
  }
}
