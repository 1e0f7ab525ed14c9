/**
 * What an error of the running client means: the end, or a trouble that may pass. Before the first record a refusal
 * is a mistake of the settings and ends the run; after it, somebody changed something, and may change it back.
 */
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError, type ErrorCode } from '../../base/errors.ts'
import { type Troubles, troubles } from '../../core/troubles.ts'
import { type SessionLimits, sessionRefused } from '../ask/session-limits.ts'
import { type ClientError, ERR } from '../client-error.ts'
import { explain } from '../explain.ts'
import { brokerErrors, isRefusal } from '../failures.ts'
import type { Login } from '../login.ts'

export interface ReadErrorsDeps {
  readonly client: RdKafka.KafkaConsumer
  readonly topic: string
  readonly group: string
  readonly login: Login
  readonly sessionMs: number
  /** Those that the broker allows, where it tells. */
  sessionLimits(): Promise<SessionLimits | undefined>
  onFatal(error: DfspError): void
  onProblem(text: string): void
}

/** What can be lost; each lasts until something shows that it is back. */
type Lost = 'records' | 'offsets' | 'group' | 'broker'

export interface ReadErrors {
  /** An error of a read; whether to go on reading. */
  failed(error: ClientError): boolean
  /** An error of a question that is asked again. */
  passing(error: unknown, doing: string): void
  /** One of a rebalance, which has to be asked again; throws what ends the run. */
  retried(error: unknown): void
  /** All partitions are owned. */
  joined(): void
  /** No partition is owned, for a reason that is known by now. */
  notJoined(reason: string): void
  /** A rebalance failed for good. */
  ended(error: unknown): void
  /** Something was read. */
  alive(): void
  /** A question was answered. */
  answered(): void
  /** Why the brokers do not answer at present; undefined while they do. */
  readonly away: string | undefined
  /** They do not even refuse. */
  readonly isSilent: boolean
  /** What has been wrong for too long for a run that is to end. */
  readonly lost: DfspError | undefined
  readonly trouble: Troubles
  /** Whether anything was read yet. */
  readonly hasRead: boolean
}

/** As librdkafka begins the text of an error event with this code. */
const NO_LOGIN = 'Local: Authentication failure'

/** What the broker refuses, or says that it has not, it seldom has a moment later. */
const REFUSED_MS = 20_000
/** A broker that is started again, or a partition that gets another leader, may take this long. */
const SILENT_MS = 60_000

/** Also after the first record. */
const DOES_NOT_PASS: ReadonlySet<ErrorCode> = new Set(['E_GROUP_BUSY', 'E_ADDON'])

/** The log line with the reason of a fatal error comes a little later than the error. */
const REASON_MS = 300

export function readErrors(deps: ReadErrorsDeps): ReadErrors {
  const { client, topic, group, login, sessionMs, sessionLimits, onFatal, onProblem } = deps
  let hasRead = false
  /** Behind ERR.FATAL, which says nothing itself. */
  let fatalReason: ClientError = { code: ERR.FATAL, message: 'fatal error' }
  let away: string | undefined
  const failing = new Map<Lost, { error: DfspError; readonly since: number }>()
  const trouble = troubles(onProblem, () => performance.now())
  const inWords = (error: unknown, doing: string) =>
    error instanceof DfspError ? error : explain(error as ClientError, { topic, group, login, doing })

  function fails(what: Lost, error: DfspError): void {
    failing.set(what, { error, since: failing.get(what)?.since ?? performance.now() })
  }
  function works(...what: Lost[]): void {
    for (const each of what) failing.delete(each)
  }

  const connections = brokerErrors(client, login.brokers)
  client.on('event.error', error => {
    const text = connections.text(error.message)
    if (error.message.startsWith(NO_LOGIN))
      fails('broker', inWords({ code: ERR.AUTHENTICATION, message: error.message }, 'read'))
    if (connections.isAllDown(error.message)) {
      away = text
      if (failing.get('broker')?.error.code !== 'E_AUTH')
        fails('broker', new DfspError('E_BROKER_UNREACHABLE', `cannot reach ${login.brokers}`))
    }
    trouble.tell(isRefusal(error.message) ? text : `${text}; librdkafka keeps trying`)
  })
  client.on('event.log', ({ fac, message }: { fac?: string; message: string }) => {
    if (fac !== 'FATAL') return
    const code = /group\.instance\.id|instance id/i.test(message) ? ERR.FENCED_INSTANCE : ERR.FATAL
    fatalReason = { code, message: message.replace(/^.*Fatal error: /, '') }
  })

  return {
    failed(error) {
      if (error.code === ERR.FATAL) {
        setTimeout(() => onFatal(inWords(fatalReason, 'read')), REASON_MS)
        return false
      }
      if (error.code === ERR.INVALID_SESSION_TIMEOUT) {
        void sessionLimits().then(limits => onFatal(sessionRefused(sessionMs, limits)))
        return false
      }
      const told = inWords(error, 'read')
      const isRefusal = told.code !== 'E_KAFKA'
      if (error.isFatal || DOES_NOT_PASS.has(told.code) || (isRefusal && !hasRead)) {
        onFatal(told)
        // This one leaves the group as it is, and the answer to the last commit comes by reading.
        return told.code === 'E_ADDON'
      }
      fails('records', told)
      trouble.tell(tryingAgain(told), isRefusal)
      return true
    },
    passing(error, doing) {
      const told = inWords(error, doing)
      away ??= told.message
      fails('offsets', told)
      trouble.tell(tryingAgain(told))
    },
    retried(error) {
      const told = inWords(error, 'rebalance')
      if (!hasRead && told.code !== 'E_KAFKA') throw told
      fails('group', told)
      trouble.tell(tryingAgain(told))
    },
    joined: () => works('group', 'records'),
    notJoined(reason) {
      const text = `group ${group} is not joined: ${reason}`
      fails('group', new DfspError('E_KAFKA', text))
      trouble.tell(`${text}; trying again`)
    },
    ended: error => onFatal(inWords(error, 'rebalance')),
    alive() {
      hasRead = true
      away = undefined
      works('records', 'broker', 'group')
      trouble.over()
    },
    answered() {
      away = undefined
      works('offsets', 'broker')
      // A refusal holds until records come; what was damaged or cut off on the way is for the watchdog.
      if (failing.get('records')?.error.code === 'E_KAFKA') works('records')
    },
    get away() {
      return away
    },
    get isSilent() {
      const silent = failing.get('broker') ?? failing.get('offsets')
      return silent !== undefined && !REFUSALS.has(silent.error.code)
    },
    get lost() {
      const now = performance.now()
      for (const { error, since } of [...failing.values()].sort((a, b) => a.since - b.since)) {
        const told = tooLong(error, now - since)
        if (told) return told
      }
      return undefined
    },
    trouble,
    get hasRead() {
      return hasRead
    },
  }
}

const REFUSALS: ReadonlySet<ErrorCode> = new Set(['E_ACL', 'E_AUTH', 'E_TOPIC_MISSING'])

/** What ends a run that is to end, of an error that has been there for `ms`; undefined while it may pass. */
export function tooLong({ code, message, facts, next, cause }: DfspError, ms: number): DfspError | undefined {
  if (ms < (REFUSALS.has(code) ? REFUSED_MS : SILENT_MS)) return undefined
  const since = `so it has been for ${Math.round(ms / 1_000)} s; the next start goes on where this one stopped`
  return new DfspError(code, message, { facts: [...facts, since], next, cause })
}

function tryingAgain({ message, facts }: DfspError): string {
  return `${[message, ...facts].join(': ')}; trying again`
}
