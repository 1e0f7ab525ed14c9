/** `dfsp status`: how far a group is, and what it has left. */
import { setTimeout as delay } from 'node:timers/promises'
import { groupId } from '../../config/group.ts'
import { optionsOf } from '../../config/options.ts'
import { requireBrokers, requireValue } from '../../config/required.ts'
import type { Settings } from '../../config/settings-type.ts'
import { DfspError } from '../../errors.ts'
import { formatAge, statusJson, statusText } from '../../report/group-status-text.ts'
import { formatCount } from '../../report/quantities.ts'
import type { GroupStatus } from '../../run/group-status.ts'
import type { Command, Invocation } from '../command.ts'
import { findPlugin } from '../plugin-path.ts'
import { slowProgress } from '../progress.ts'

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
  options: optionsOf('status'),
  async run(invocation) {
    const settings = await invocation.settings()
    const { values, kafka } = settings
    const topic = requireValue(settings, 'topic', EXAMPLE)
    const group = groupOf(settings, topic, invocation)
    requireBrokers(settings, 'status')
    const [
      { clusterFacts },
      { watchGroup },
      { openRefetcher },
      { groupStatus },
      { onStopSignal, signalNumber },
    ] = await Promise.all([
      import('../../kafka/cluster-facts.ts'),
      import('../../kafka/group-watch.ts'),
      import('../../kafka/refetch.ts'),
      import('../../run/group-status.ts'),
      import('../../run/shutdown.ts'),
    ])
    const stop = new AbortController()
    let interrupted = 0
    const stopListening = onStopSignal(signal => {
      interrupted = values.watch ? 0 : 128 + signalNumber(signal)
      stop.abort(new Error(signal))
    })
    const progress = slowProgress(invocation, values.watch)
    const properties = kafka.consumer
    const asking = clusterFacts(properties, topic)
    const watch = await watchGroup({ topic, group, properties })
    const { retention } = await asking
    const limits = { mostRecords: MOST_RECORDS, retentionMs: retention?.ms }
    const refetcher = openRefetcher({ topic, properties })
    const alive = setInterval(() => progress.update(() => `reading what ${group} has left`), 500)
    try {
      for (;;) {
        const standing = await watch.look()
        const status = await groupStatus(standing, topic, refetcher, stop.signal, limits)
        const exit = show(status, { topic, group, now: Date.now() }, settings, invocation, () =>
          progress.end(),
        )
        if (!values.watch) return exit
        await delay(values.interval, undefined, { signal: stop.signal })
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error
      return interrupted
    } finally {
      clearInterval(alive)
      progress.end()
      stopListening()
      await refetcher.close()
      await watch.close()
    }
  },
}

/** What is read to name unfinished files: at 512 KiB a record some 10 GiB, which no group should have left. */
const MOST_RECORDS = 20_000

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
  before: () => void,
): number {
  const { oldestAt, lag, processedAbove } = status
  const waiting = lag - processedAbove
  const age = oldestAt === undefined ? 0 : title.now - oldestAt
  const exceeded = [
    ...(waiting > (values.maxLag ?? waiting)
      ? [`${formatCount(waiting)} records are not processed, more than ${formatCount(values.maxLag ?? 0)}`]
      : []),
    ...(age > (values.maxAge ?? age)
      ? [`the oldest record waits for ${formatAge(age)}, longer than ${formatAge(values.maxAge ?? 0)}`]
      : []),
  ]
  const exit = exceeded.length > 0 ? 3 : 0
  before()
  const terminal = stdout as NodeJS.WriteStream
  const isDrawn = values.watch && !values.json && terminal.isTTY === true && env.TERM !== 'dumb'
  const lines = values.json ? statusJson(status, title, { exceeded, exit }) : statusText(status, title)
  const shown = values.json ? lines : [...lines, ...exceeded.map(text => `LIMIT ${text}`)]
  const block = `${shown.map(line => (isDrawn ? line.slice(0, (terminal.columns || 80) - 1) : line)).join('\n')}\n`
  stdout.write(isDrawn ? `\x1b[H\x1b[2J${block}` : values.watch && !values.json ? `${block}\n` : block)
  const isUnknown = status.partitions.every(({ committed }) => committed === undefined) && !status.members
  if (isUnknown && !values.json && !values.watch)
    stderr.write(`group ${title.group} has committed nothing in ${title.topic}: is the name right?\n`)
  return exit
}
