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
import { isRefusal } from '../failures.ts'
import type { Login } from '../login.ts'
import type { Outages } from './outages.ts'

export interface ReadErrorsDeps {
  /** The member of the group, and what reads. */
  readonly clients: ReadonlySet<RdKafka.KafkaConsumer>
  readonly topic: string
  readonly group: string
  readonly login: Login
  readonly outages: Outages
  readonly sessionMs: number
  /** Those that the broker allows, where it tells. */
  sessionLimits(): Promise<SessionLimits | undefined>
  onFatal(error: DfspError): void
  onProblem(text: string): void
}

export interface ReadErrors {
  /** An error of a read; whether to go on reading. */
  failed(error: ClientError): boolean
  /** An error of a question that is asked again. */
  passing(error: unknown, doing: string): void
  /** One of a rebalance, which has to be asked again; throws what ends the run. */
  retried(error: unknown): void
  /** No partition is owned, for a reason that is known by now. */
  notJoined(reason: string): void
  /** A rebalance failed for good. */
  ended(error: unknown): void
  /** Something was read. */
  alive(): void
  readonly trouble: Troubles
  /** Whether anything was read yet. */
  readonly hasRead: boolean
}

/** Also after the first record. */
const DOES_NOT_PASS: ReadonlySet<ErrorCode> = new Set(['E_GROUP_BUSY', 'E_ADDON'])

/** The log line with the reason of a fatal error comes a little later than the error. */
const REASON_MS = 300

export function readErrors(deps: ReadErrorsDeps): ReadErrors {
  const { clients, topic, group, login, outages, sessionMs, onFatal } = deps
  let hasRead = false
  /** Behind ERR.FATAL, which says nothing itself. */
  let fatalReason: ClientError = { code: ERR.FATAL, message: 'fatal error' }
  const trouble = troubles(deps.onProblem, () => performance.now())
  const inWords = (error: unknown, doing: string) =>
    error instanceof DfspError ? error : explain(error as ClientError, { topic, group, login, doing })

  for (const client of clients) {
    client.on('event.error', ({ message }) => {
      const text = outages.text(message)
      trouble.tell(isRefusal(message) ? text : `${text}; librdkafka keeps trying`)
    })
    client.on('event.log', ({ fac, message }: { fac?: string; message: string }) => {
      if (fac !== 'FATAL') return
      const code = /group\.instance\.id|instance id/i.test(message) ? ERR.FENCED_INSTANCE : ERR.FATAL
      fatalReason = { code, message: message.replace(/^.*Fatal error: /, '') }
    })
  }

  return {
    failed(error) {
      if (error.code === ERR.FATAL) {
        setTimeout(() => onFatal(inWords(fatalReason, 'read')), REASON_MS)
        return false
      }
      if (error.code === ERR.INVALID_SESSION_TIMEOUT) {
        void deps.sessionLimits().then(limits => onFatal(sessionRefused(sessionMs, limits)))
        return false
      }
      const told = inWords(error, 'read')
      const isKnown = told.code !== 'E_KAFKA'
      if (error.isFatal || DOES_NOT_PASS.has(told.code) || (isKnown && !hasRead)) {
        onFatal(told)
        // This one leaves the group as it is, and the answer to the last commit comes by reading.
        return told.code === 'E_ADDON'
      }
      outages.fails('records', told)
      trouble.tell(tryingAgain(told), isKnown)
      return true
    },
    passing(error, doing) {
      const told = inWords(error, doing)
      outages.fails('offsets', told)
      trouble.tell(tryingAgain(told))
    },
    retried(error) {
      const told = inWords(error, 'rebalance')
      if (!hasRead && told.code !== 'E_KAFKA') throw told
      outages.fails('group', told)
      trouble.tell(tryingAgain(told))
    },
    notJoined(reason) {
      const text = `group ${group} is not joined: ${reason}`
      outages.fails('group', new DfspError('E_KAFKA', text))
      trouble.tell(`${text}; trying again`)
    },
    ended: error => onFatal(inWords(error, 'rebalance')),
    alive() {
      hasRead = true
      outages.works('records', 'broker', 'group')
      trouble.over()
    },
    trouble,
    get hasRead() {
      return hasRead
    },
  }
}

function tryingAgain({ message, facts }: DfspError): string {
  return `${[message, ...facts].join(': ')}; trying again`
}
