/** Connecting a client, and what its errors mean to a user. The only place that knows librdkafka's error numbers. */
import { createRequire } from 'node:module'
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../errors.ts'

export type Client = RdKafka.KafkaConsumer | RdKafka.Producer

/** librdkafka's error, as the binding hands it out. */
export interface ClientError {
  readonly code: number
  readonly message: string
  readonly isFatal?: boolean
}

/** Numbers from librdkafka's rdkafka.h: negative ones are its own, positive ones the Kafka protocol's. */
export const ERR = {
  TRANSPORT: -195,
  RESOLVE: -193,
  UNKNOWN_TOPIC: -188,
  ALL_BROKERS_DOWN: -187,
  TIMED_OUT: -185,
  QUEUE_FULL: -184,
  UNKNOWN_PARTITION: -190,
  SSL: -181,
  ASSIGN_PARTITIONS: -175,
  REVOKE_PARTITIONS: -174,
  UNSUPPORTED_FEATURE: -165,
  AUTHENTICATION: -169,
  NO_OFFSET: -168,
  MAX_POLL_EXCEEDED: -147,
  OFFSET_OUT_OF_RANGE: 1,
  UNKNOWN_TOPIC_OR_PART: 3,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
} as const

let binding: typeof RdKafka | undefined

/** The addon, loaded when first needed: it costs 30 ms and 12 MB. */
export function rdkafka(): typeof RdKafka {
  if (binding) return binding
  try {
    binding = createRequire(import.meta.url)('@confluentinc/kafka-javascript') as typeof RdKafka
    return binding
  } catch (error) {
    throw new DfspError('E_ADDON', 'the Kafka client is not built', {
      facts: [
        `no binary of @confluentinc/kafka-javascript for ${process.platform}-${process.arch}, Node ${process.versions.node}`,
      ],
      next: 'apt-get install zlib1g-dev libssl-dev g++ make python3 && CKJS_LINKING=dynamic npm rebuild @confluentinc/kafka-javascript',
      cause: error,
    })
  }
}

/** Where a client connects to and as whom: what errors are explained with. */
export interface Login {
  readonly brokers: string
  readonly mechanism: string | undefined
  readonly user: string | undefined
}

export function loginOf(properties: Readonly<Record<string, string>>): Login {
  return {
    brokers: properties['bootstrap.servers'] ?? properties['metadata.broker.list'] ?? '',
    mechanism: properties['sasl.mechanism'] ?? properties['sasl.mechanisms'],
    user: properties['sasl.username'],
  }
}

/** Connects; throws a DfspError that says why when no broker answers within `timeoutMs`. */
export async function connect<C extends Client>(
  client: C,
  login: Login,
  timeoutMs: number,
): Promise<RdKafka.Metadata> {
  const seen: ClientError[] = []
  let give: ((error: ClientError) => void) | undefined
  const emitter = client as RdKafka.Producer // the two have these calls alike, their union has not
  emitter.on('event.error', error => {
    seen.push(error)
    // These do not mend by waiting.
    if (error.code === ERR.AUTHENTICATION || error.code === ERR.SSL || error.code === ERR.RESOLVE)
      give?.(error)
  })
  try {
    return await new Promise((resolve, reject) => {
      give = reject
      emitter.connect({ timeout: timeoutMs }, (error, metadata) =>
        error ? reject(error) : resolve(metadata),
      )
    })
  } catch (error) {
    client.disconnect(() => {})
    throw connectError(error as ClientError, seen, login, timeoutMs)
  } finally {
    give = undefined
  }
}

function connectError(
  error: ClientError,
  seen: readonly ClientError[],
  login: Login,
  timeoutMs: number,
): DfspError {
  const telling =
    [...seen, error].find(e => e.code === ERR.AUTHENTICATION || e.code === ERR.SSL) ??
    seen.find(e => e.code === ERR.RESOLVE || e.code === ERR.TRANSPORT) ??
    error
  const detail = plainDetail(telling.message)
  const [first = login.brokers] = login.brokers.split(',')
  if (telling.code === ERR.AUTHENTICATION) {
    const as =
      login.user === undefined ? [] : [`mechanism ${login.mechanism ?? 'unset'}, user "${login.user}"`]
    return new DfspError('E_AUTH', `login refused by ${login.brokers}`, {
      facts: [...as, detail],
      next: 'check sasl.mechanism, sasl.username and the password: dfsp config show --origin tells where each comes from',
      cause: error,
    })
  }
  if (telling.code === ERR.SSL) {
    return new DfspError('E_BROKER_UNREACHABLE', `no secure connection to ${login.brokers}`, {
      facts: [detail],
      next: 'check security.protocol, and ssl.ca.location when the certificate cannot be verified',
      cause: error,
    })
  }
  const [host = first, port = ''] = first.split(':')
  const waited =
    telling === error
      ? [`no answer in ${timeoutMs / 1000} s`]
      : [detail, `${seen.length} failures within ${timeoutMs / 1000} s`]
  const handshake = /during|handshake|disconnected|ApiVersion/i.test(detail)
  return new DfspError('E_BROKER_UNREACHABLE', `cannot reach ${login.brokers}`, {
    facts: waited,
    next: handshake
      ? 'something answers there but does not speak Kafka as configured: check the port and security.protocol'
      : telling.code === ERR.RESOLVE
        ? `check the name: getent hosts ${host}`
        : `nc -vz ${host} ${port}   If that connects, the broker may advertise another address: kcat -L -b ${first} shows it`,
    cause: error,
  })
}

/** librdkafka's text without its prefix of connection names and states. */
export function plainDetail(message: string): string {
  return message
    .replace(/^(?:\[[^\]]*\]: ?)?(?:[a-z_]+:\/\/)?\S+?\/(?:bootstrap|\d+): /, '')
    .replace(/ \(after \d+ms in state [A-Z_]+(?:, \d+ identical error\(s\) suppressed)?\)/, '')
    .replace(/^Local: /, '')
}

/** An error of a running client in the user's terms. */
export function explain(
  error: ClientError,
  what: { topic: string; group?: string; login: Login; doing: string },
): DfspError {
  const user = what.login.user === undefined ? 'this client' : `user "${what.login.user}"`
  const acl = (resource: string, operation: string) =>
    new DfspError('E_ACL', `${operation} on ${resource} is not allowed for ${user}`, {
      facts: [plainDetail(error.message)],
      next: `ask for an ACL that allows ${operation} on ${resource}`,
      cause: error,
    })
  switch (error.code) {
    case ERR.TOPIC_AUTHORIZATION_FAILED:
      return acl(`topic ${what.topic}`, what.doing === 'produce' ? 'WRITE' : 'READ')
    case ERR.GROUP_AUTHORIZATION_FAILED:
      return acl(`group ${what.group ?? ''}`, 'READ')
    case ERR.CLUSTER_AUTHORIZATION_FAILED:
      return acl('the cluster', 'CLUSTER_ACTION')
    case ERR.AUTHENTICATION:
      return connectError(error, [], what.login, 0)
    case ERR.UNKNOWN_TOPIC:
    case ERR.UNKNOWN_PARTITION:
    case ERR.UNKNOWN_TOPIC_OR_PART:
      return new DfspError('E_TOPIC_MISSING', `topic "${what.topic}" does not exist`, {
        facts: [plainDetail(error.message)],
        cause: error,
      })
    default:
      return new DfspError('E_KAFKA', `${what.doing}: ${plainDetail(error.message)} (${error.code})`, {
        cause: error,
      })
  }
}
