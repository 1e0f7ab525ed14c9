/** Where a group stands and what waits for it, read in a time that a person waits. */

import type { DfspError } from '../../base/errors.ts'
import type { Settings } from '../../config/settings-type.ts'
import type { Access } from '../../kafka/ask/access.ts'
import type { ClusterFacts } from '../../kafka/ask/cluster-facts.ts'
import type { GroupStanding } from '../../kafka/ask/group-watch.ts'
import type { Forecast } from '../../report/commands/forecast-text.ts'
import type { Invocation } from '../command.ts'
import { slowProgress } from '../terminal/progress.ts'

export interface Predicted {
  /** Of the cluster. */
  readonly brokers: number
  readonly facts: ClusterFacts
  readonly standing: GroupStanding
  readonly access: Access
  /** What the broker refuses of what a run would set. */
  readonly refused?: DfspError | undefined
  readonly waiting: Forecast
}

/** A backlog that takes longer to count is told as "at least". */
const MOST_MS = 10_000

/** Throws a DfspError; `onStep` hears of each part that went well. */
export async function predicted(
  invocation: Invocation,
  { values, kafka }: Settings,
  { topic, group }: { readonly topic: string; readonly group: string },
  onStep: (known: Partial<Predicted>) => void = () => {},
): Promise<Predicted | { readonly interrupted: number }> {
  const [{ clusterFacts }, { watchGroup }, { openRefetcher }, { forecast }, { stoppable }] =
    await Promise.all([
      import('../../kafka/ask/cluster-facts.ts'),
      import('../../kafka/ask/group-watch.ts'),
      import('../../kafka/refetch/refetch.ts'),
      import('../../inspect/forecast.ts'),
      import('../stoppable.ts'),
    ])
  const stop = stoppable()
  const progress = slowProgress(invocation, false)
  progress.update(() => `asking ${values.brokers} what waits on ${topic}`)
  const properties = kafka.consumer
  try {
    const asking = clusterFacts(properties, topic)
    const watch = await stop.unlessStopped(watchGroup({ topic, group, properties }))
    const refetcher = openRefetcher({ topic, properties })
    try {
      const facts = await stop.unlessStopped(asking)
      onStep({ brokers: watch.brokers, facts })
      const standing = await stop.unlessStopped(watch.look(values.from))
      onStep({ standing })
      const access = await stop.unlessStopped(watch.access())
      onStep({ access })
      const refused = await stop.unlessStopped(watch.refused())
      onStep({ refused })
      const options = { files: values.files, mostMs: MOST_MS }
      const waiting = await forecast(standing.partitions, refetcher, options, stop.signal)
      return { brokers: watch.brokers, facts, standing, access, refused, waiting }
    } finally {
      await refetcher.close()
      await watch.close()
    }
  } catch (error) {
    if (stop.exit === 0) throw error
    return { interrupted: stop.exit }
  } finally {
    progress.end()
    stop.end()
  }
}
