/** `dfsp status`: how far a group is, and what it has left. */

import { setTimeout as delay } from 'node:timers/promises'
import { DfspError } from '../../base/errors.ts'
import { groupId } from '../../config/file/group.ts'
import { requireBrokers, requireValue } from '../../config/options/required.ts'
import type { Settings } from '../../config/settings-type.ts'
import { textLines } from '../../core/text/shown-text.ts'
import type { GroupWatch } from '../../kafka/ask/group-watch.ts'
import {
  type GroupStatus,
  groupStatusJson,
  groupStatusText,
} from '../../report/commands/group-status-text.ts'
import { timeText } from '../../report/commands/listing.ts'
import { formatAge, formatCount } from '../../report/quantities.ts'
import { exitStatus } from '../../run/outcome.ts'
import { onStopSignal } from '../../run/shutdown.ts'
import { tellEncryption } from '../checks/encryption-note.ts'
import type { Command, Invocation } from '../command.ts'
import { findPlugin } from '../plugin-path.ts'
import { slowProgress } from '../terminal/progress.ts'

const EXAMPLE = 'dfsp status -t xrd -g dfsp.plot.xrd'

export const command: Command = {
  name: 'status',
  describe:
    'Shows how far a consumer group is in a topic: offsets and lag of each partition and who owns it, as kafka-consumer-groups does, and what the commits of dfsp tell besides: how many records above the committed offsets are processed already, and which files are unfinished (held, failed or incomplete), with their attempts, age, records, and how long they are still kept. It joins nothing, so it works while dfsp runs and while it is down. A group named by -p and -t is the one that dfsp run uses. With a limit, 3 is the exit status where it is exceeded.',
  examples: [
    [EXAMPLE, 'once'],
    ['dfsp status -t xrd -p ./plot.ts --watch', 'again and again, until Ctrl-C'],
    [`${EXAMPLE} --max-lag 10000 --max-age 1h`, 'for cron or Nagios: 3 beyond'],
  ],
  async run(invocation) {
    const settings = await invocation.settings()
    const { values, kafka } = settings
    const topic = requireValue(settings, 'topic', EXAMPLE)
    const group = groupOf(settings, topic, invocation)
    requireBrokers(settings, 'status')
    tellEncryption(settings, invocation)
    const [{ clusterFacts }, { watchGroup }, { openRefetcher }, { groupStatus }, { stoppable }] =
      await Promise.all([
        import('../../kafka/ask/cluster-facts.ts'),
        import('../../kafka/ask/group-watch.ts'),
        import('../../kafka/refetch/refetch.ts'),
        import('../../inspect/group-status.ts'),
        import('../stoppable.ts'),
      ])
    const stop = stoppable(onStopSignal)
    const progress = slowProgress(invocation, values.quiet)
    progress.update(() => `asking ${values.brokers} about ${group}`)
    const properties = kafka.consumer
    const refetcher = openRefetcher({ topic, properties })
    let watch: GroupWatch | undefined
    try {
      const asking = clusterFacts(properties, topic)
      watch = await stop.unlessStopped(watchGroup({ topic, group, properties }))
      const { retention } = await stop.unlessStopped(asking)
      const limits = { records: MOST_RECORDS, beyond: MOST_RECORDS, ms: MOST_MS, retentionMs: retention?.ms }
      for (let shown = 0; ; ) {
        try {
          const standing = await stop.unlessStopped(watch.look())
          const status = await groupStatus(standing, topic, refetcher, stop.signal, limits)
          progress.end()
          const exit = show(status, { topic, group, now: Date.now() }, settings, invocation)
          if (!values.watch) return exit
          shown++
        } catch (error) {
          // A broker that is away for a while ends no watch that has begun.
          if (stop.signal.aborted || shown === 0 || !(error instanceof DfspError)) throw error
          invocation.stderr.write(
            textLines([
              `${timeText(Date.now())} no answer from ${values.brokers} (${error.message}); asking again`,
            ]),
          )
        }
        await delay(values.intervalMs, undefined, { signal: stop.signal })
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error
      return values.watch ? 0 : stop.exit
    } finally {
      progress.end()
      stop.end()
      await refetcher.close()
      await watch?.close()
    }
  },
}

/** What is read to name unfinished files: at 512 KiB a record some 10 GiB, which no group should have left. */
const MOST_RECORDS = 20_000
const MOST_MS = 10_000

function groupOf({ values }: Settings, topic: string, { cwd }: Invocation): string {
  const { group, plugin } = values
  if (group === undefined && plugin === undefined)
    throw new DfspError('E_USAGE', 'no group given', {
      facts: ['looked at -g, DFSP_GROUP and the config file; -p would tell the group that dfsp run uses'],
      next: EXAMPLE,
    })
  if (group === 'create_new')
    throw new DfspError('E_USAGE', 'create_new is another group at each start: name the one that is meant')
  return group ?? groupId(undefined, { plugin: findPlugin(plugin as string, cwd).name, topic }, () => '')
}

function show(
  status: GroupStatus,
  title: { topic: string; group: string; now: number },
  { values }: Settings,
  { stdout, stderr, env }: Invocation,
): number {
  const { oldestAt, lag, processedAbove } = status
  const waiting = lag - processedAbove
  const age = oldestAt === undefined ? 0 : title.now - oldestAt
  const exceeded = [
    ...(waiting > (values.maxLag ?? waiting)
      ? [`${formatCount(waiting)} records are not processed, more than ${formatCount(values.maxLag ?? 0)}`]
      : []),
    ...(age > (values.maxAgeMs ?? age)
      ? [`the oldest record waits for ${formatAge(age)}, longer than ${formatAge(values.maxAgeMs ?? 0)}`]
      : []),
  ]
  const exit = exitStatus({ wrong: exceeded.length })
  const terminal = stdout as NodeJS.WriteStream
  const isDrawn = values.watch && !values.json && terminal.isTTY === true && env.TERM !== 'dumb'
  const lines = values.json
    ? groupStatusJson(status, title, { exceeded, exit })
    : groupStatusText(status, title)
  const shown = values.json ? lines : [...lines, ...exceeded.map(text => `LIMIT ${text}`)]
  if (isDrawn) stdout.write(frame(shown, status.partitions.length, terminal))
  else stdout.write(`${textLines(shown)}${values.watch && !values.json ? '\n' : ''}`)
  const isUnknown = status.partitions.every(({ committed }) => committed === undefined) && !status.members
  if (isUnknown && !values.json && !values.watch)
    stderr.write(
      textLines([`group ${title.group} has committed nothing in ${title.topic}: is the name right?`]),
    )
  return exit
}

/** A screen's worth, over what stood there; where there are too few rows, partitions are left out. */
function frame(
  lines: readonly string[],
  partitions: number,
  { columns = 80, rows = 24 }: Partial<Pick<NodeJS.WriteStream, 'columns' | 'rows'>>,
): string {
  const over = lines.length < rows ? 0 : Math.min(partitions, lines.length - (rows - 2))
  const kept = HEAD_LINES + partitions - over
  const left = over === 0 ? [] : [`… and ${formatCount(over)} more partitions`]
  const fitting = [...lines.slice(0, kept), ...left, ...lines.slice(kept + over)].slice(0, rows - 1)
  return `\x1b[H${fitting.map(line => `${line.slice(0, columns - 1)}\x1b[K\n`).join('')}\x1b[J`
}

/** Of `groupStatusText`, before the partitions. */
const HEAD_LINES = 2
