/** The pass over a topic that several commands begin with: shown while it takes long, ended by Ctrl-C. */
import type { Settings } from '../config/settings-type.ts'
import type { FileIndex } from '../core/chunks/file-index.ts'
import { formatBytes, formatCount } from '../report/quantities.ts'
import type { Invocation } from './command.ts'
import { slowProgress } from './terminal/progress.ts'

/** Fills `index`. 0, or 128 + n after a signal: then it holds what was read so far. */
export async function scanned(
  invocation: Invocation,
  settings: Settings,
  index: FileIndex,
  restOfOpen = false,
): Promise<number> {
  const { values, origins, kafka } = settings
  const [{ openRefetcher }, { scanTopic }, { stoppable }] = await Promise.all([
    import('../kafka/refetch/refetch.ts'),
    import('../inspect/topic-scan.ts'),
    import('./stoppable.ts'),
  ])
  const stop = stoppable()
  const topic = values.topic as string
  const progress = slowProgress(invocation, values.quiet)
  progress.update(() => `asking ${values.brokers} for ${topic}`)
  const started = performance.now()
  const refetcher = openRefetcher({ topic, properties: kafka.consumer })
  // What a config file says of the start is meant for new groups.
  const isNamed = /^(flag$|env DFSP_FROM$)/.test(origins.get('from') ?? '')
  const from = isNamed ? values.from : 'earliest'
  try {
    const scan = scanTopic(
      refetcher,
      index,
      { from, to: values.to, restOfOpen },
      stop.signal,
      ({ read, total, bytes }) =>
        progress.update(() => {
          const seconds = (performance.now() - started) / 1_000
          const share = total === 0 ? 100 : Math.floor((100 * read) / total)
          return `reading ${topic}: ${share} % of ${formatCount(total)} records, ${formatBytes(bytes / seconds)}/s, ${formatCount(index.paths)} paths`
        }),
    )
    await stop.unlessStopped(scan)
    const open = await stop.unlessStopped(refetcher.openTransactions())
    progress.end()
    for (const text of open) invocation.stderr.write(`dfsp: ${text}\n`)
  } catch (error) {
    if (stop.exit === 0) throw error
    invocation.stderr.write(`interrupted: only the first ${formatCount(index.records)} records were read\n`)
  } finally {
    progress.end()
    stop.end()
    await refetcher.close()
  }
  return stop.exit
}
