/** Where the owned partitions end, as far as that is known, for who looks at a run. */
import { within } from '../base/within.ts'
import type { FileConsumer } from '../kafka/consumer/consumer.ts'

export interface PartitionEnds {
  of(partition: number): number
  /** Asks the broker, and waits for a second at most. */
  refresh(): Promise<void>
}

const ANSWER_MS = 1_000
/** An answer of the broker is good for so long. */
const FRESH_MS = 1_000

export function partitionEnds(
  consumer: Pick<FileConsumer, 'endOffsets' | 'knownEnd' | 'health'>,
): PartitionEnds {
  let answered: ReadonlyMap<number, number> = new Map()
  let answeredAt = Number.NEGATIVE_INFINITY
  let asking: Promise<void> | undefined

  async function ask(): Promise<void> {
    try {
      answered = await consumer.endOffsets()
      answeredAt = performance.now()
    } catch {
      // What is known stays; that the broker does not answer is told elsewhere.
    } finally {
      asking = undefined
    }
  }

  return {
    // While it is paused, and before the first fetch, the client knows an old end or none.
    of: partition => Math.max(consumer.knownEnd(partition), answered.get(partition) ?? 0),
    async refresh() {
      if (performance.now() - answeredAt < FRESH_MS || !consumer.health.isJoined) return
      asking ??= ask()
      await within(ANSWER_MS, asking)
    },
  }
}
