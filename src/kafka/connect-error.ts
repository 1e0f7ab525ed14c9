/** Why a client could not be made or connected, and what mends it. */
import { DfspError } from '../base/errors.ts'
import { REBUILD, rdkafka } from './addon.ts'
import { addressText, bootstrapAddresses, type Failure, failureText, hostPort } from './failures.ts'
import type { Login } from './login.ts'

/** librdkafka fetches a token by libcurl, with whose headers it has to be compiled. */
const NO_OIDC = `OAUTHBEARER is not built in: set sasl.mechanism to what else the broker offers (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512), or apt-get install libcurl4-openssl-dev and ${REBUILD}`
const MOST_NAMED = 5

/** A login that lacks its token. */
export function noTokenError(): DfspError {
  return new DfspError('E_CONFIG', 'sasl.mechanism = OAUTHBEARER has nothing that gives it a token', {
    facts: ['sasl.oauthbearer.method is not oidc'],
    next: rdkafka().features.includes('oidc')
      ? 'sasl.oauthbearer.method = oidc, with its client id, secret and token endpoint'
      : NO_OIDC,
  })
}

/** None of the addresses answers that the cluster names. */
export function advertisedError(
  brokers: readonly string[],
  reasons: readonly string[],
  login: Login,
): DfspError {
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

/** The most telling kind first. */
const TELLING = ['properties', 'login', 'tls', 'name', 'other'] as const

/** From what the log said of the attempts to connect: see TELLING. */
export function connectError(failures: readonly Failure[], login: Login, timeoutMs: number): DfspError {
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
    case 'login':
      return loginRefused(login, facts)
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

export function loginRefused(login: Login, facts: readonly string[]): DfspError {
  const as = login.user === undefined ? [] : [`mechanism ${login.mechanism ?? 'unset'}, user "${login.user}"`]
  return new DfspError('E_AUTH', `login refused by ${login.brokers}`, {
    facts: [...as, ...facts],
    next: 'check sasl.mechanism, sasl.username and the password: dfsp config show --origin tells where each comes from',
  })
}

/** How librdkafka's text begins where something answers that is no Kafka broker, or not in plain text. */
const NO_KAFKA =
  /^(Disconnected|ApiVersionRequest failed|Connection closed|Receive failed: (Disconnected|Invalid response size|Connection closed|Disconnect)|Invalid response size|Protocol (parse|read))/

export function propertiesError(detail: string): DfspError {
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
