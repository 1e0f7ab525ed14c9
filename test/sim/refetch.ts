/** Records read again by reference: slow, cut short, or partly deleted by now. */
import type { OffsetRange } from '../../src/core/offsets/offset-ranges.ts'
import type { ProcessorDeps } from '../../src/processor/processor-deps.ts'
import { type Broker, indexAt, type LogRecord } from './broker.ts'
import type { SimClock } from './clock.ts'
import type { ProcessWorld } from './world.ts'

/** `clock` ends with the process. */
export function simRefetch(world: ProcessWorld, broker: Broker, clock: SimClock): ProcessorDeps['refetch'] {
  const { plan, chance, happened, trace } = world
  return (ranges, onRecord, signal) =>
    new Promise((resolve, reject) => {
      happened('refetch')
      trace(() => `refetch ${ranges.map(r => `${r.partition}@${r.from}-${r.to}`).join(' ')}`)
      const records = ranges.flatMap(range => within(broker, range))
      const slow = plan.on.has('slowRefetch') && !world.calm
      const breaksAt =
        plan.on.has('brokenRefetch') && !world.calm && chance.chance(0.4)
          ? chance.below(records.length + 1)
          : Number.POSITIVE_INFINITY
      const delay = () => (slow ? chance.delay(10, 10_000) : chance.delay(1, 50))
      let at = 0
      signal.addEventListener('abort', () => {
        cancel()
        happened('refetch aborted')
        reject(signal.reason)
      })
      const next = () => {
        const most = chance.between(1, plan.batchMost)
        for (let i = 0; i < most && at < Math.min(records.length, breaksAt); i++, at++) {
          const { partition, record } = records[at] as Found
          if (record.offset < (broker.partitions[partition]?.low ?? 0)) continue
          onRecord({ partition, offset: record.offset, timestamp: 0, value: record.value })
        }
        if (at >= breaksAt) {
          happened('refetch failed')
          return reject(new Error('the broker went away'))
        }
        if (at >= records.length) return resolve()
        cancel = clock.after(delay(), next)
      }
      let cancel = clock.after(delay(), next)
    })
}

interface Found {
  readonly partition: number
  readonly record: LogRecord
}

function within(broker: Broker, { partition, from, to }: OffsetRange): Found[] {
  const records = broker.partitions[partition]?.records ?? []
  return records
    .slice(indexAt(records, from), indexAt(records, to + 1))
    .map(record => ({ partition, record }))
}
