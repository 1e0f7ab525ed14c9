/** Who else hears of a run, each only where it was asked for: web server, metrics file, registries, topics. */
import path from 'node:path'
import { producerProperties } from '../config/encryption.ts'
import { modernValue } from '../config/options/option-value.ts'
import type { Settings } from '../config/settings-type.ts'
import { logFolder } from '../files/output-dir.ts'
import type { RunEvent } from '../report/events.ts'
import type { Hearer, Level } from '../report/log.ts'
import { LEVELS } from '../report/log.ts'
import type { RunIdentity } from '../report/monitor/status.ts'
import type { Onlooker } from '../report/onlooker.ts'
import type { TopicRecord } from '../report/openmsistream/heartbeat.ts'
import { type LogTopic, openLogTopic } from '../report/openmsistream/log-topic.ts'
import { outgoing } from '../run/outgoing.ts'

type Send = (record: TopicRecord) => Promise<void>

export interface OnlookersOptions {
  readonly settings: Settings
  readonly identity: RunIdentity
  readonly cwd: string
  readonly outputDir: string
  /** The run's own producer. */
  readonly send: Send
  report(event: RunEvent): void
}

/** Throws a DfspError where the port is taken or the metrics file cannot be written. */
export async function openOnlookers(options: OnlookersOptions): Promise<Onlooker[]> {
  const { identity, settings, report } = options
  const { values } = settings
  const { topic, group } = identity
  const now = () => Date.now()
  const onProblem = (text: string) => report({ type: 'problem', text })
  const onlookers: Onlooker[] = []
  if (values.http !== undefined || values.metricsFile !== undefined) {
    const { openSight } = await import('../report/monitor/sight.ts')
    const sight = await openSight({
      identity,
      http: values.http,
      metricsFile:
        values.metricsFile === undefined ? undefined : path.resolve(options.cwd, values.metricsFile),
      everyMs: values.statsMs,
      onProblem,
      onInfo: text => report({ type: 'info', text }),
    })
    onlookers.push(sight)
  }
  if (values.dryRun) return onlookers
  const { openRegistry } = await import('../report/openmsistream/registry.ts')
  onlookers.push(openRegistry({ folder: logFolder(options.outputDir), topic, group, now, onProblem }))
  if (values.heartbeatTopic !== undefined) {
    const { openHeartbeat } = await import('../report/openmsistream/heartbeat.ts')
    const own = ownSender(settings, 'heartbeat', options.send)
    const heartbeat = openHeartbeat({
      topic: values.heartbeatTopic,
      id: values.heartbeatId ?? group,
      everyMs: values.heartbeatIntervalMs,
      now,
      send: own.send,
      onProblem,
    })
    onlookers.push({ ...heartbeat, close: () => heartbeat.close().then(own.close) })
  }
  return onlookers
}

export interface LogsToTopic extends Pick<LogTopic, 'close'> {
  readonly heard: Hearer
}

/** The log as `--log-topic` sends it; undefined without one. */
export function openLogsToTopic(
  settings: Settings,
  group: string,
  send: Send,
  onProblem: (text: string) => void,
): LogsToTopic | undefined {
  const { values, sections } = settings
  if (values.logTopic === undefined) return undefined
  const section = sections.log ?? {}
  const own = ownSender(settings, 'log', send)
  const topic = openLogTopic({
    topic: values.logTopic,
    id: values.logId ?? group,
    everyMs: values.logIntervalMs,
    most: Number(section['max.logs.per.message']) || MOST_LOGS,
    now: () => Date.now(),
    send: own.send,
    onProblem,
  })
  const level = modernValue('python-level', section['log.level'] ?? values.logLevel)
  const heard: Hearer = {
    level: level in LEVELS ? (level as Level) : values.logLevel,
    message: (severity, text) => topic.add(`${MARK[severity] ?? ''}${text}`),
  }
  return { heard, close: () => topic.close().then(own.close) }
}

const MOST_LOGS = 65_536
/** As their messages begin. */
const MARK: Readonly<Partial<Record<Level, string>>> = { error: 'ERROR: ', warn: 'WARNING: ' }

/** The run's producer, or one of its own where the section of the config file has properties for it. */
function ownSender(
  settings: Settings,
  section: 'heartbeat' | 'log',
  shared: Send,
): { readonly send: Send; close(): Promise<void> } {
  const properties = settings.senders[section]
  if (Object.keys(properties).length === 0) return { send: shared, close: async () => {} }
  return outgoing(producerProperties(settings, properties), undefined)
}
