/** What goes wrong, and when: faults of the plan's kinds, strewn over the time in which things may go wrong. */
import type { Broker } from './broker.ts'
import type { Kind } from './kinds.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

export interface Life {
  /** Undefined while there is none. */
  readonly process: Process | undefined
  crash(): void
  stop(): void
}

export function scheduleFaults(world: World, broker: Broker, life: Life): void {
  const { plan, clock, chance, store, happened, trace } = world

  function often(kind: Kind, most: number, work: () => void): void {
    if (!plan.on.has(kind)) return
    for (let n = chance.between(1, most); n > 0; n--) clock.after(chance.below(plan.span), work)
  }

  function forAWhile(kind: Kind, most: number, begin: () => void, end: () => void): void {
    often(kind, most, () => {
      if (world.calm) return
      begin()
      happened(kind)
      trace(() => `${kind} begins`)
      clock.after(chance.delay(100, plan.span), () => {
        trace(() => `${kind} ends`)
        end()
      })
    })
  }

  often('crashes', 4, life.crash)
  often('stops', 2, life.stop)
  often('revokes', 3, () => void life.process?.consumer.rebalance(false, plan.drainMs))
  often('losses', 2, () => void life.process?.consumer.rebalance(true, plan.drainMs))
  forAWhile(
    'outages',
    2,
    () => {
      world.outage = true
    },
    () => {
      world.outage = false
    },
  )
  forAWhile(
    'fullDisk',
    3,
    () => {
      if (chance.chance(0.3)) store.disk.broken = chance.pick(['EIO', 'EROFS', 'EMFILE', 'ENOENT'])
      else store.disk.capacity = chance.below(2 * plan.settings.memoryBytes)
    },
    () => {
      store.disk.broken = undefined
      store.disk.capacity = Number.POSITIVE_INFINITY
    },
  )
  often('lostFiles', 3, () => {
    if (world.calm || store.disk.files === 0) return
    happened('temporary files lost')
    trace(() => 'temporary files are lost')
    store.loseFiles()
  })
  often('retention', 2, () => deleteHead(world, broker, life))
}

function deleteHead({ chance, clock, truth, happened, trace }: World, broker: Broker, life: Life): void {
  const p = chance.pick(broker.partitions)
  const to = chance.between(p.low, p.end)
  if (to === p.low) return
  happened('retention')
  trace(() => `retention deletes ${p.number}@${p.low}-${to - 1}`)
  truth.lose(p.number, p.low, to)
  broker.deleteBelow(p.number, to)
  clock.after(chance.below(5_000), () => {
    if (life.process?.consumer.owns)
      life.process.processor.lowWatermark(p.number, broker.partitions[p.number]?.low ?? 0)
    life.process?.consumer.wake()
  })
}

/** A tool changes what the group has committed, while no process runs. */
export function resetOffsets({ chance, truth, happened, trace }: World, broker: Broker): void {
  const p = chance.pick(broker.partitions)
  const { committed } = p
  if (committed === undefined) return
  happened('offsets reset')
  truth.wasReset = true
  const { offset, metadata } = committed
  const flip = (text: string) => {
    const at = chance.below(text.length)
    return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
  }
  switch (chance.below(6)) {
    case 0:
      p.committed = undefined
      break
    case 1:
      p.committed = { offset, metadata: undefined }
      break
    case 2:
      p.committed = { offset, metadata: metadata ? flip(metadata) : 'foreign' }
      break
    case 3:
      p.committed = { offset: chance.between(p.low, offset), metadata }
      break
    case 4:
      p.committed = { offset: chance.between(p.low, offset), metadata: undefined }
      break
    default: {
      const to = chance.between(offset, p.end)
      truth.lose(p.number, offset, to)
      p.committed = { offset: to, metadata: chance.chance(0.5) ? metadata : undefined }
    }
  }
  trace(() => `reset ${p.number}@${offset} to ${p.committed?.offset} ${p.committed?.metadata ?? ''}`)
}
