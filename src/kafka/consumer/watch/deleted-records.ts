/** Records that retention deleted before they were read, each told once. */
import type RdKafka from '@confluentinc/kafka-javascript'
import type { Watermarks } from '../../ask/watermarks.ts'

export interface DeletedRecordsDeps {
  readonly client: RdKafka.KafkaConsumer
  readonly topic: string
  watermarks(partitions: readonly number[]): Promise<ReadonlyMap<number, Watermarks>>
  onProblem(text: string): void
  onLow(partition: number, low: number): void
}

export interface DeletedRecords {
  /** What was to be read from `from` on begins at `low` now. */
  found(partition: number, from: number, low: number): void
  /** Resolves once no question is open. */
  end(): Promise<void>
}

/** librdkafka's log line of a position that the broker has no record for. */
const RESET = /\[(\d+)\]: offset reset \(at offset (\d+)/

export function deletedRecords({ client, topic, ...deps }: DeletedRecordsDeps): DeletedRecords {
  const toldBelow = new Map<number, number>()
  let asking: Promise<unknown> = Promise.resolve()

  function found(partition: number, from: number, low: number): void {
    const untold = Math.max(from, toldBelow.get(partition) ?? 0)
    if (low <= untold) return
    toldBelow.set(partition, low)
    deps.onProblem(
      `${topic}[${partition}]: records ${untold}-${low - 1} were deleted by retention before they were read`,
    )
  }

  /** The client goes on at the oldest record by itself, and says so in its log alone. */
  function hear(entry: { fac?: string; message: string }): void {
    const reset = entry.fac === 'OFFSET' ? RESET.exec(entry.message) : null
    if (!reset) return
    const [partition, from] = [Number(reset[1]), Number(reset[2])]
    asking = deps.watermarks([partition]).then(
      marks => {
        const { low } = marks.get(partition) as Watermarks
        found(partition, from, low)
        deps.onLow(partition, low)
      },
      () => {}, // the next look asks again
    )
  }

  client.on('event.log', hear)
  return {
    found,
    async end() {
      client.removeListener('event.log', hear)
      await asking
    },
  }
}
