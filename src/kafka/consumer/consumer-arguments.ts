/** The constructor arguments of the consumer: the user's properties, our defaults, and what dfsp relies on. */
import { type Isolation, isolationOf, type PropertyValue, splitProperties } from '../properties.ts'

export interface ConsumerArguments {
  readonly global: Readonly<Record<string, PropertyValue>>
  readonly topic: Readonly<Record<string, PropertyValue>>
  readonly clientId: string
  readonly isolation: Isolation
  /** For how long a killed process stays a member of the group. */
  readonly sessionMs: number
  /** Not group.protocol=consumer, where the session is the broker's to set. */
  readonly isClassic: boolean
}

const DEFAULTS = {
  // The default of 1,000 stops fetching for a second whenever the local queue is full: a third of the throughput.
  'fetch.queue.backoff.ms': 10,
  // The broker answers the first fetch after this time where the partitions in it are empty, and until then no other one
  // is asked for: at the default of 500 ms some files wait for half a second.
  'fetch.wait.max.ms': 100,
  // A cap, not an allocation: one record of 90 MB beside a full fetch passes the default of 100 MB.
  'receive.message.max.bytes': 1_000_000_000,
  // Whether fetches are answered: watch/fetch-answers.
  'statistics.interval.ms': 5_000,
  // A partition that is added shows up after this time.
  'topic.metadata.refresh.interval.ms': 60_000,
} as const

/** Refused by librdkafka for group.protocol=consumer, where it is the broker's to set. */
const CLASSIC_DEFAULTS = {
  // A killed process holds its partitions for this long; librdkafka's heartbeats do not depend on this thread.
  'session.timeout.ms': 10_000,
} as const

/** Partitions are taken and given one by one, and go soon from one that was killed to the others. */
const SHARED_CLASSIC_DEFAULTS = {
  'partition.assignment.strategy': 'cooperative-sticky',
  'heartbeat.interval.ms': 1_000,
} as const

/** The broker's default for group.protocol=consumer (group.consumer.session.timeout.ms). */
const BROKER_SESSION_MS = 45_000

export function consumerArguments(
  properties: Readonly<Record<string, string>>,
  group: string,
  shared: boolean,
): ConsumerArguments {
  const given = splitProperties(properties, 'consumer')
  const isClassic = String(given.global['group.protocol'] ?? 'classic').toLowerCase() === 'classic'
  const classic = shared ? { ...CLASSIC_DEFAULTS, ...SHARED_CLASSIC_DEFAULTS } : CLASSIC_DEFAULTS
  const global = { ...DEFAULTS, ...(isClassic ? classic : {}), ...given.global }
  return {
    global: {
      ...global,
      'group.id': group,
      'enable.auto.commit': false,
      'enable.auto.offset.store': false,
      'enable.partition.eof': true,
      offset_commit_cb: true,
    },
    // librdkafka's own default, latest, would jump over records.
    topic: { ...given.topic, 'auto.offset.reset': 'earliest' },
    isolation: isolationOf(given.global),
    isClassic,
    clientId: String(given.global['client.id'] ?? 'rdkafka'),
    sessionMs: isClassic
      ? Number((global as Record<string, PropertyValue>)['session.timeout.ms'])
      : BROKER_SESSION_MS,
  }
}
