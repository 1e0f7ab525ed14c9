/** Where a group stands and what waits for it, read in a time that a person waits. */
import type { Settings } from '../config/settings-type.ts'
import type { ClusterFacts } from '../kafka/cluster-facts.ts'
import type { GroupStanding } from '../kafka/group-watch.ts'
import type { Access } from '../kafka/topic.ts'
import type { Forecast } from '../report/forecast-text.ts'
import type { Invocation } from './command.ts'
import { slowProgress } from './progress.ts'

export interface Predicted {
  /** Of the cluster. */
  readonly brokers: number
  readonly facts: ClusterFacts
  readonly standing: GroupStanding
  readonly access: Access
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
  const [{ clusterFacts }, { watchGroup }, { openRefetcher }, { forecast }, { onStopSignal, signalNumber }] =
    await Promise.all([
      import('../kafka/cluster-facts.ts'),
      import('../kafka/group-watch.ts'),
      import('../kafka/refetch.ts'),
      import('../run/forecast.ts'),
      import('../run/shutdown.ts'),
    ])
  const stop = new AbortController()
  let interrupted = 0
  const stopListening = onStopSignal(signal => {
    interrupted = 128 + signalNumber(signal)
    stop.abort(new Error(signal))
  })
  const progress = slowProgress(invocation, false)
  const alive = setInterval(
    () => progress.update(() => `asking ${values.brokers} what waits on ${topic}`),
    500,
  )
  const properties = kafka.consumer
  try {
    const asking = clusterFacts(properties, topic)
    const watch = await watchGroup({ topic, group, properties })
    const refetcher = openRefetcher({ topic, properties })
    try {
      const facts = await asking
      onStep({ brokers: watch.brokers, facts })
      const standing = await watch.look(values.from)
      onStep({ standing })
      const access = await watch.access()
      onStep({ access })
      const options = { files: values.files, mostMs: MOST_MS }
      const waiting = await forecast(standing.partitions, refetcher, options, stop.signal)
      return { brokers: watch.brokers, facts, standing, access, waiting }
    } finally {
      await refetcher.close()
      await watch.close()
    }
  } catch (error) {
    if (interrupted === 0) throw error
    return { interrupted }
  } finally {
    clearInterval(alive)
    progress.end()
    stopListening()
  }
}
