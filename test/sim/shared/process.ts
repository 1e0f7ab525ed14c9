/** One process of several: a processor and all that it is given. */
import type { DfspError } from '../../../src/base/errors.ts'
import { processor as newProcessor, type Processor } from '../../../src/processor/processor.ts'
import type { Broker } from '../broker.ts'
import type { Stands } from '../clock.ts'
import { digest128, sha } from '../files.ts'
import type { SimJournal } from '../journal.ts'
import { deadLetterTopic } from '../letters.ts'
import { pluginOrders } from '../plugin.ts'
import { simRefetch } from '../refetch.ts'
import { threads } from '../threads.ts'
import type { ProcessChecks } from './checks.ts'
import type { Group } from './group.ts'
import { type SimMember, simMember } from './member.ts'
import type { HostWorld } from './world.ts'

export interface SharedProcess {
  readonly life: number
  readonly processor: Processor
  readonly member: SimMember
  readonly threads: ReturnType<typeof threads>
  readonly checks: ProcessChecks
  readonly stands: Stands
  begin(): void
  /** What it waited for while it stood still comes now. */
  goOn(): void
  /** In order, out of the group; whether all was drained. */
  stop(): Promise<boolean>
  /** It is gone, however it went. */
  end(): void
}

export interface ProcessGiven {
  readonly broker: Broker
  readonly group: Group
  readonly journal: SimJournal | undefined
  readonly stands: Stands
  partitionCount(): number
  /** A chunk lies beside its file. */
  onOver(): void
}

export function beginSharedProcess(
  world: HostWorld,
  { broker, group, journal, stands, partitionCount, onOver }: ProcessGiven,
): SharedProcess {
  const { plan, clock, store, checks, life, trace } = world
  const member = simMember(world, broker, group)
  const host = threads(plan.threads, plan.ahead, clock, store, pluginOrders(world))
  const blocked = () => /different files/.exec(processor.blocked?.reason ?? '')?.input
  const processor: Processor = newProcessor({
    settings: {
      ...plan.settings,
      topic: 'xrd',
      diskPath: path => `/out/${path}`,
      files: plan.on.has('filtered') ? /^d\// : undefined,
    },
    host: Object.assign(Object.create(host) as typeof host, {
      run(task: Parameters<typeof host.run>[0]) {
        if (task.kind === 'process') checks.onTask(task.file)
        return host.run(task)
      },
    }),
    hooks: new Set(plan.hooks),
    store,
    journal,
    commit: member.commit,
    committedNow: member.committedNow,
    endOffsets: member.endOffsets,
    partitionCount,
    deadLetter: deadLetterTopic(world, blocked),
    refetch: simRefetch(world, broker, clock),
    pause: member.pause,
    resume: member.resume,
    report(event) {
      trace(() => `event ${JSON.stringify(event)}`)
      checks.onEvent(event)
    },
    now: clock.now,
    after: (ms, then) => clock.after(ms, then),
    sha512: sha,
    digest128,
    onChange() {},
    onFatal: fatal,
    onStop: reason => checks.violate(`the run stops: ${reason}`),
  })

  function fatal(error: DfspError): void {
    const where = /\[(\d+)\]@(\d+)/.exec(error.facts[0] ?? '')
    if (error.code !== 'E_NOT_KEYED' || where === null) return checks.violate(error.message)
    checks.onStray(Number(where[1]), Number(where[2]))
    onOver()
  }

  function tick(): void {
    clock.after(
      plan.tickMs,
      () => {
        processor.tick()
        tick()
      },
      true,
    )
  }

  return {
    life,
    processor,
    member,
    threads: host,
    checks,
    stands,
    begin() {
      member.start({
        onAssign(list) {
          trace(() => `reads ${list.map(a => `${a.partition}@${a.start} ${a.metadata ?? ''}`).join(', ')}`)
          checks.onAssigned(list)
          processor.assign(list)
        },
        onRecords(batch) {
          trace(
            () =>
              `records ${batch.map(r => `${r.partition}@${r.offset}=${world.truth.name(r.partition, r.offset)}`).join(' ')}`,
          )
          processor.records(batch)
          checks.onTaken(batch)
        },
        onPartitionEnd: (partition, offset) => processor.partitionEnd(partition, offset),
        async onRevoke(partitions, lost) {
          checks.onGoing(partitions, lost)
          await processor.revoke(partitions, lost, plan.drainMs)
          checks.onGone(partitions)
        },
      })
      tick()
    },
    goOn() {
      for (const then of stands.waiting.splice(0)) clock.after(0, then)
    },
    async stop() {
      trace(() => 'told to stop')
      member.pause()
      const isDrained = await processor.drain(plan.drainMs)
      if (isDrained) checks.onDrained()
      await member.close()
      return isDrained
    },
    end() {
      stands.ended = true
      member.dropped()
      checks.onEnded()
    },
  }
}
