/** What an error of a running client means, and what to do about it. */
import { DfspError, type ErrorCode } from '../base/errors.ts'
import { REBUILD, rdkafka } from './addon.ts'
import { type ClientError, ERR } from './client-error.ts'
import { loginRefused } from './connect-error.ts'
import { plainDetail } from './failures.ts'
import type { Login } from './login.ts'

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

/** Of a topic, by what is done. */
const RIGHTS: Readonly<Record<string, string>> = { produce: 'WRITE', delete: 'DELETE' }

const CODECS = ['gzip', 'snappy', 'lz4', 'zstd']

/** An error of a running client in the user's terms. */
export function explain(
  error: ClientError,
  {
    topic,
    group = '',
    transactionalId = '',
    login,
    doing,
  }: {
    readonly topic: string
    readonly group?: string
    readonly transactionalId?: string
    readonly login: Login
    readonly doing: string
  },
): DfspError {
  const detail = plainDetail(error.message)
  const numbered = `${detail} (${error.code})`
  const told = (code: ErrorCode, message: string, fact?: string, next?: string) =>
    new DfspError(code, message, { facts: fact === undefined ? [] : [fact], next, cause: error })
  const acl = (resource: string, operation: string) => {
    const user = login.user === undefined ? 'this client' : `user "${login.user}"`
    const next = `ask for an ACL that allows ${operation} on ${resource}`
    return told('E_ACL', `${operation} on ${resource} is not allowed for ${user}`, detail, next)
  }
  switch (error.code) {
    case ERR.NOT_IMPLEMENTED:
      return told(
        'E_ADDON',
        `topic ${topic} has records whose compression this build of the Kafka client does not know`,
        `it knows ${CODECS.filter(codec => rdkafka().features.includes(codec)).join(', ')}`,
        REBUILD,
      )
    case ERR.BAD_COMPRESSION:
      return told('E_KAFKA', `a batch of records of topic ${topic} is damaged`, numbered)
    case ERR.TOPIC_AUTHORIZATION_FAILED:
      return acl(`topic ${topic}`, RIGHTS[doing] ?? 'READ')
    case ERR.GROUP_AUTHORIZATION_FAILED:
      return acl(`group ${group}`, 'READ')
    case ERR.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return acl(`transactional id ${transactionalId}`, 'WRITE')
    case ERR.CLUSTER_AUTHORIZATION_FAILED:
      return acl('the cluster', 'CLUSTER_ACTION')
    case ERR.AUTHENTICATION:
      return loginRefused(login, [detail])
    case ERR.FENCED_INSTANCE:
    case ERR.UNRELEASED_INSTANCE:
      return told(
        'E_GROUP_BUSY',
        `group ${group}: another process uses this group.instance.id`,
        detail,
        'stop the other one, give each its own group.instance.id, or wait until the session of a killed one is over',
      )
    case ERR.UNKNOWN_TOPIC:
    case ERR.UNKNOWN_PARTITION:
    case ERR.UNKNOWN_TOPIC_OR_PART:
      return told('E_TOPIC_MISSING', `topic "${topic}" does not exist`, detail)
    case ERR.MESSAGE_TIMED_OUT:
      return told(
        'E_BROKER_UNREACHABLE',
        `topic ${topic}: no broker took a record within message.timeout.ms`,
        numbered,
        `kcat -L -b ${login.brokers} -t ${topic} shows which broker leads each partition: can all be reached?`,
      )
    case ERR.INVALID_TIMESTAMP:
      return told(
        'E_KAFKA',
        `topic ${topic} does not take the time of a record: the clock of this machine says ${new Date().toISOString()}`,
        numbered,
        "set the clock (timedatectl); if it is right, the broker's is wrong, or message.timestamp.after.max.ms of the topic too small",
      )
    case ERR.MESSAGE_TOO_LARGE:
      return told(
        'E_KAFKA',
        `a record is larger than topic ${topic} takes`,
        detail,
        'send smaller records (dfsp upload --chunk-size), or raise max.message.bytes of the topic',
      )
    default:
      return told('E_KAFKA', `${doing}: ${numbered}`)
  }
}
