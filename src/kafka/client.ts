/** Connecting a client, and what its errors mean to a user. The only place that knows librdkafka's error numbers. */
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../base/errors.ts'
import { unreachable } from './ask/advertised.ts'
import { BUILD_PACKAGES } from './build-packages.ts'
import {
  addressText,
  bootstrapAddresses,
  type Failure,
  failureOf,
  failureText,
  hostPort,
  plainDetail,
} from './failures.ts'

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
  MESSAGE_TIMED_OUT: -192,
  PURGED: -152,
  UNKNOWN_TOPIC: -188,
  TIMED_OUT: -185,
  WAITING_FOR_COORDINATOR: -180,
  QUEUE_FULL: -184,
  UNKNOWN_PARTITION: -190,
  BAD_COMPRESSION: -198,
  ASSIGN_PARTITIONS: -175,
  /** Of a record batch: its compression, or its format, is unknown to this build. */
  NOT_IMPLEMENTED: -170,
  AUTHENTICATION: -169,
  FATAL: -150,
  /** Of a client that could not be made: its properties contradict each other. */
  UNKNOWN: -1,
  /** Of a question about a topic that the broker does not show. */
  NO_ENTRY: -156,
  UNKNOWN_TOPIC_OR_PART: 3,
  INVALID_MESSAGE: 2,
  MESSAGE_TOO_LARGE: 10,
  OFFSET_METADATA_TOO_LARGE: 12,
  COORDINATOR_LOADING: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  ILLEGAL_GENERATION: 22,
  UNKNOWN_MEMBER: 25,
  REBALANCE_IN_PROGRESS: 27,
  COMMIT_TOO_LARGE: 28,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  INVALID_SESSION_TIMEOUT: 26,
  INVALID_TIMESTAMP: 32,
  POLICY_VIOLATION: 44,
  FENCED_INSTANCE: 82,
  INVALID_RECORD: 87,
  UNRELEASED_INSTANCE: 111,
  STALE_MEMBER_EPOCH: 113,
} as const

const REBUILD = `apt-get install ${BUILD_PACKAGES} && CKJS_LINKING=dynamic npm rebuild @confluentinc/kafka-javascript`
/** librdkafka fetches a token by libcurl, with whose headers it has to be compiled. */
const NO_OIDC = `OAUTHBEARER is not built in: set sasl.mechanism to what else the broker offers (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512), or apt-get install libcurl4-openssl-dev and ${REBUILD}`
const CODECS = ['gzip', 'snappy', 'lz4', 'zstd']

let binding: typeof RdKafka | undefined

/**
 * The bytes of records lie outside V8's heap and count against its limit all the same: with a heap as small as ours
 * 20 MB of them start a whole collection, 40 a second at full speed, a third of all CPU. The next limit is five times
 * what is alive after a collection; V8's own factor goes up to four.
 */
function growHeap(): void {
  setFlagsFromString('--heap-growing-percent=400')
}

/** The addon, loaded when first needed: it costs 30 ms and 12 MB. */
export function rdkafka(): typeof RdKafka {
  if (binding) return binding
  growHeap()
  try {
    binding = createRequire(import.meta.url)('@confluentinc/kafka-javascript') as typeof RdKafka
    return binding
  } catch (error) {
    throw new DfspError('E_ADDON', 'the Kafka client is not built', {
      facts: [
        `no binary of @confluentinc/kafka-javascript for ${process.platform}-${process.arch}, Node ${process.versions.node}`,
      ],
      next: REBUILD,
      cause: error,
    })
  }
}

/** A client that is not connected yet. Some properties are refused here already: E_CONFIG. */
export function newClient<T extends Client>(make: (kafka: typeof RdKafka) => T): T {
  const kafka = rdkafka()
  try {
    return make(kafka)
  } catch (error) {
    throw propertiesError((error as Error).message)
  }
}

/** Where a client connects to and as whom: what errors are explained with. */
export interface Login {
  readonly brokers: string
  readonly mechanism: string | undefined
  readonly user: string | undefined
  /** TLS or SASL: the broker knows who asks. */
  readonly isKnown: boolean
  readonly isTls: boolean
  /** OAUTHBEARER, and nothing that gives it a token: librdkafka would wait for one for ever. */
  readonly lacksToken: boolean
}

export function loginOf(properties: Readonly<Record<string, string>>): Login {
  const protocol = properties['security.protocol'] ?? 'plaintext'
  const mechanism = properties['sasl.mechanism'] ?? properties['sasl.mechanisms']
  const method = properties['sasl.oauthbearer.method'] ?? 'default'
  const isOwnToken = /^(true|t|1)$/i.test(properties['enable.sasl.oauthbearer.unsecure.jwt'] ?? '')
  return {
    brokers: properties['bootstrap.servers'] ?? properties['metadata.broker.list'] ?? '',
    mechanism,
    user: properties['sasl.username'],
    isKnown: !/^plaintext$/i.test(protocol),
    isTls: /ssl$/i.test(protocol),
    lacksToken:
      /^sasl/i.test(protocol) && mechanism === 'OAUTHBEARER' && /^default$/i.test(method) && !isOwnToken,
  }
}

/** What a question waits for its answer before it is asked again; each further one waits half as long again. */
const ANSWER_MS = 1_500
const PATIENCE = 1.5

/** How long the addresses that the cluster names may take to answer. */
const ADVERTISED_MS = 8_000

/**
 * Connects; throws a DfspError that says why when no broker answers within `timeoutMs`, at once where waiting cannot
 * mend it. `onWaiting` hears after 2 s what goes wrong meanwhile.
 */
export async function connect(
  client: Client,
  login: Login,
  timeoutMs: number,
  onWaiting: (text: string) => void = () => {},
): Promise<RdKafka.Metadata> {
  if (login.lacksToken)
    throw new DfspError('E_CONFIG', 'sasl.mechanism = OAUTHBEARER has nothing that gives it a token', {
      facts: ['sasl.oauthbearer.method is not oidc'],
      next: rdkafka().features.includes('oidc')
        ? 'sasl.oauthbearer.method = oidc, with its client id, secret and token endpoint'
        : NO_OIDC,
    })
  const failures = new Map<string, Failure>()
  const emitter = client as RdKafka.Producer // the two have these calls alike, their union has not
  const addresses = bootstrapAddresses(login.brokers)
  let give = (_reason: Failure | undefined) => {}
  const hear = (entry: { fac?: string; message: string }) => {
    if (entry.fac !== 'FAIL') return
    const failure = failureOf(entry.message)
    failures.set(failure.broker, failure)
    // One broker that answers is enough: only what all of them end with is the end.
    const last = addresses.map(address => failures.get(address))
    if (last.every(each => each !== undefined && each.kind !== 'other')) give(failure)
  }
  emitter.on('event.log', hear)
  const timers: NodeJS.Timeout[] = []
  let given = false
  const ask = client.getMetadata.bind(client)
  // The binding would give up a connection at its first question without an answer.
  client.getMetadata = (options = {}, done) => askAgain(ask, options, () => given, done)
  const attempt = (done: (metadata: RdKafka.Metadata) => void) => {
    emitter.connect({ allTopics: false, timeout: timeoutMs }, (error, metadata) => {
      if (!error) done(metadata)
      else if (error.code === ERR.UNKNOWN) give(failureOfProperties(error.message))
      else if (!given) attempt(done)
    })
  }
  const end = (error: DfspError) => {
    given = true
    try {
      client.disconnect(() => {})
    } catch {
      // A producer that has no connection at the moment refuses; the attempt that goes on ends by `given`.
    }
    return error
  }
  try {
    const metadata = await new Promise<RdKafka.Metadata>((resolve, reject) => {
      give = reject
      timers.push(setTimeout(() => reject(undefined), timeoutMs))
      timers.push(
        setTimeout(
          () =>
            onWaiting(`connecting to ${login.brokers}: ${reasonsOf(failures).join('; ') || 'no answer yet'}`),
          2_000,
        ),
      )
      attempt(resolve)
    }).catch((failure: Failure | undefined) => {
      throw end(
        connectError(failure ? [failure, ...failures.values()] : [...failures.values()], login, timeoutMs),
      )
    })
    const { brokers } = metadata
    // Where its own address is among them, it has just answered there.
    const isSame = brokers.some(broker => addresses.length === 1 && addressText(broker) === addresses[0])
    const reasons =
      isSame || brokers.length === 0
        ? undefined
        : await unreachable(brokers, { isTls: login.isTls, timeoutMs: ADVERTISED_MS })
    if (reasons) throw end(advertisedError(brokers.map(addressText), reasons, login))
    return metadata
  } finally {
    client.getMetadata = ask
    for (const timer of timers) clearTimeout(timer)
    emitter.removeListener('event.log', hear)
  }
}

/**
 * Asks for metadata again and again for `timeout`: a question holds a thread of the pool for as long as it waits, and
 * the process cannot end before it does.
 */
export function askAgain(
  ask: Client['getMetadata'],
  options: RdKafka.MetadataOptions,
  isOver: () => boolean,
  done: (error: RdKafka.LibrdKafkaError, metadata: RdKafka.Metadata) => void = () => {},
): void {
  const until = performance.now() + (options.timeout ?? 0)
  const again = (waitMs: number) => {
    const left = Math.max(1, Math.round(until - performance.now()))
    ask({ ...options, timeout: Math.min(waitMs, left) }, (error, metadata) => {
      const isUnanswered = error?.code === ERR.TRANSPORT || error?.code === ERR.TIMED_OUT
      if (isUnanswered && left > waitMs && !isOver()) again(Math.round(waitMs * PATIENCE))
      else done(error, metadata)
    })
  }
  again(ANSWER_MS)
}

function failureOfProperties(detail: string): Failure {
  return { kind: 'properties', broker: '', isBootstrap: false, detail }
}

function reasonsOf(failures: ReadonlyMap<string, Failure>): string[] {
  return [...new Set([...failures.values()].map(failureText))]
}

function advertisedError(brokers: readonly string[], reasons: readonly string[], login: Login): DfspError {
  const [first = login.brokers] = bootstrapAddresses(login.brokers)
  const shown = brokers.slice(0, MOST_NAMED).join(', ')
  return new DfspError(
    'E_BROKER_UNREACHABLE',
    `cannot reach ${shown}, to which ${login.brokers} sends its clients`,
    {
      facts: reasons.slice(0, MOST_NAMED),
      next: `advertised.listeners of the broker must name an address that this machine can reach; kcat -L -b ${first} shows what it names`,
    },
  )
}

const MOST_NAMED = 5

/** The most telling kind first. */
const TELLING = ['properties', 'login', 'tls', 'name', 'other'] as const

function connectError(failures: readonly Failure[], login: Login, timeoutMs: number): DfspError {
  const kind = TELLING.find(each => failures.some(failure => failure.kind === each))
  const telling = failures.find(failure => failure.kind === kind)
  const detail = telling?.detail ?? `no answer in ${timeoutMs / 1000} s`
  const texts = [...new Set(failures.map(failureText))].slice(0, MOST_NAMED)
  const facts = texts.length === 0 ? [detail] : texts
  const first = telling?.broker || bootstrapAddresses(login.brokers)[0] || login.brokers
  const { host } = hostPort(first)
  switch (kind) {
    case 'properties':
      return propertiesError(detail)
    case 'login': {
      const as =
        login.user === undefined ? [] : [`mechanism ${login.mechanism ?? 'unset'}, user "${login.user}"`]
      return new DfspError('E_AUTH', `login refused by ${login.brokers}`, {
        facts: [...as, ...facts],
        next: 'check sasl.mechanism, sasl.username and the password: dfsp config show --origin tells where each comes from',
      })
    }
    case 'tls':
      return new DfspError('E_TLS', `no secure connection to ${login.brokers}`, {
        facts,
        next: nextForTls(detail, first),
      })
    case 'name':
      if (failures.every(failure => failure.kind === 'name'))
        return new DfspError('E_BROKER_UNREACHABLE', `cannot reach ${login.brokers}`, {
          facts,
          next: `check the name: getent hosts ${host}`,
        })
  }
  const other = failures.find(failure => failure.kind === 'other')
  const at = hostPort(other?.broker || first)
  const answers = other === undefined || NO_KAFKA.test(other.detail)
  return new DfspError('E_BROKER_UNREACHABLE', `cannot reach ${login.brokers}`, {
    facts: failures.length === 0 ? facts : [...facts, `tried for ${timeoutMs / 1000} s`],
    next: answers
      ? 'something may listen there that is no Kafka broker, or one that wants another security.protocol: check the port'
      : `nc -vz ${at.host} ${at.port}   If that connects, the broker may advertise another address: kcat -L -b ${addressText(at)} shows it`,
  })
}

/** How librdkafka's text begins where something answers that is no Kafka broker, or not in plain text. */
const NO_KAFKA =
  /^(Disconnected|ApiVersionRequest failed|Connection closed|Receive failed: (Disconnected|Invalid response size|Connection closed|Disconnect)|Invalid response size|Protocol (parse|read))/

function propertiesError(detail: string): DfspError {
  return new DfspError('E_CONFIG', 'librdkafka does not take these properties', {
    facts: [detail],
    next: nextForProperties(detail),
  })
}

function nextForProperties(detail: string): string {
  if (/libzstd/.test(detail)) return `another compression.type (lz4), or ${REBUILD}`
  if (/libsasl2/.test(detail))
    return 'set sasl.mechanism to what the broker offers: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 (Kerberos is not built in)'
  if (/libcurl/.test(detail)) return NO_OIDC
  if (/x509|PEM|BIO|ssl\.|SSL/.test(detail))
    return 'check that the files of ssl.ca.location, ssl.certificate.location and ssl.key.location exist and are PEM'
  return 'dfsp config show --origin tells where each comes from'
}

function nextForTls(detail: string, broker: string): string {
  if (/PLAINTEXT broker/.test(detail))
    return 'this port speaks no TLS: give the one that does, or security.protocol=PLAINTEXT (SASL_PLAINTEXT with a login)'
  // An alert comes from the broker: it is this client's certificate that it lacks, or does not take.
  if (/SSL alert number (4[0-9]|116)\b/.test(detail))
    return 'the broker wants a certificate of this client, or does not know the authority of the one it got: ssl.certificate.location and ssl.key.location'
  if (/certificate/.test(detail))
    return `ssl.ca.location=FILE names the authority that signed the certificate; openssl s_client -connect ${broker} shows it`
  return 'check security.protocol and the ssl.* properties: dfsp config show --origin'
}

/** What the broker has against this record alone; anything else would meet every other, too. */
const OF_THE_RECORD: ReadonlySet<unknown> = new Set([
  ERR.MESSAGE_TOO_LARGE,
  ERR.UNKNOWN_PARTITION,
  ERR.INVALID_MESSAGE,
  ERR.INVALID_RECORD,
  ERR.INVALID_TIMESTAMP,
  ERR.POLICY_VIOLATION,
])

/** Whether another record would have been taken by the broker that refused this one. */
export function isOfRecord(error: unknown): boolean {
  if (!(error instanceof DfspError) || error.code === 'E_PLUGIN') return true
  return OF_THE_RECORD.has((error.cause as ClientError | undefined)?.code)
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
    case ERR.NOT_IMPLEMENTED:
      return new DfspError(
        'E_ADDON',
        `topic ${what.topic} has records whose compression this build of the Kafka client does not know`,
        {
          facts: [`it knows ${CODECS.filter(codec => rdkafka().features.includes(codec)).join(', ')}`],
          next: REBUILD,
          cause: error,
        },
      )
    case ERR.BAD_COMPRESSION:
      return new DfspError('E_KAFKA', `a batch of records of topic ${what.topic} is damaged`, {
        facts: [`${plainDetail(error.message)} (${error.code})`],
        cause: error,
      })
    case ERR.TOPIC_AUTHORIZATION_FAILED:
      return acl(`topic ${what.topic}`, what.doing === 'produce' ? 'WRITE' : 'READ')
    case ERR.GROUP_AUTHORIZATION_FAILED:
      return acl(`group ${what.group ?? ''}`, 'READ')
    case ERR.CLUSTER_AUTHORIZATION_FAILED:
      return acl('the cluster', 'CLUSTER_ACTION')
    case ERR.AUTHENTICATION:
      return connectError(
        [{ ...failureOfProperties(plainDetail(error.message)), kind: 'login' }],
        what.login,
        0,
      )
    case ERR.FENCED_INSTANCE:
    case ERR.UNRELEASED_INSTANCE:
      return new DfspError(
        'E_GROUP_BUSY',
        `group ${what.group ?? ''}: another process uses this group.instance.id`,
        {
          facts: [plainDetail(error.message)],
          next: 'stop the other one, give each its own group.instance.id, or wait until the session of a killed one is over',
          cause: error,
        },
      )
    case ERR.UNKNOWN_TOPIC:
    case ERR.UNKNOWN_PARTITION:
    case ERR.UNKNOWN_TOPIC_OR_PART:
      return new DfspError('E_TOPIC_MISSING', `topic "${what.topic}" does not exist`, {
        facts: [plainDetail(error.message)],
        cause: error,
      })
    case ERR.MESSAGE_TIMED_OUT:
      return new DfspError(
        'E_BROKER_UNREACHABLE',
        `topic ${what.topic}: no broker took a record within message.timeout.ms`,
        {
          facts: [`${plainDetail(error.message)} (${error.code})`],
          next: `kcat -L -b ${what.login.brokers} -t ${what.topic} shows which broker leads each partition: can all be reached?`,
          cause: error,
        },
      )
    case ERR.INVALID_TIMESTAMP:
      return new DfspError(
        'E_KAFKA',
        `topic ${what.topic} does not take the time of a record: the clock of this machine says ${new Date().toISOString()}`,
        {
          facts: [`${plainDetail(error.message)} (${error.code})`],
          next: "set the clock (timedatectl); if it is right, the broker's is wrong, or message.timestamp.after.max.ms of the topic too small",
          cause: error,
        },
      )
    case ERR.MESSAGE_TOO_LARGE:
      return new DfspError('E_KAFKA', `a record is larger than topic ${what.topic} takes`, {
        facts: [plainDetail(error.message)],
        next: 'send smaller records (dfsp upload --chunk-size), or raise max.message.bytes of the topic',
        cause: error,
      })
    default:
      return new DfspError('E_KAFKA', `${what.doing}: ${plainDetail(error.message)} (${error.code})`, {
        cause: error,
      })
  }
}
