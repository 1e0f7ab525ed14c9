/**
 * What an error of the running client means: the end, or a trouble that may pass. Before the first record a refusal
 * is a mistake of the settings and ends the run; after it, somebody changed something, and may change it back.
 */
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError, type ErrorCode } from '../errors.ts'
import { type ClientError, ERR, explain, type Login, plainDetail } from './client.ts'
import { type Troubles, troubles } from './troubles.ts'

export interface ReadErrorsDeps {
  readonly client: RdKafka.KafkaConsumer
  readonly topic: string
  readonly group: string
  readonly login: Login
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
  /** A rebalance failed for good. */
  ended(error: unknown): void
  /** Something was read. */
  alive(): void
  /** A question was answered. */
  answered(): void
  /** Why the brokers do not answer at present; undefined while they do. */
  readonly away: string | undefined
  readonly trouble: Troubles
  /** Whether anything was read yet. */
  readonly hasRead: boolean
}

/** An error event says so in its text alone; its code is -1 for all of them. */
const ALL_DOWN = 'all broker connections are down'

/** Also after the first record. */
const DOES_NOT_PASS: ReadonlySet<ErrorCode> = new Set(['E_GROUP_BUSY', 'E_ADDON'])

/** The log line with the reason of a fatal error comes a little later than the error. */
const REASON_MS = 300

export function readErrors({ client, topic, group, login, onFatal, onProblem }: ReadErrorsDeps): ReadErrors {
  let hasRead = false
  /** Behind ERR.FATAL, which says nothing itself. */
  let fatalReason: ClientError = { code: ERR.FATAL, message: 'fatal error' }
  let away: string | undefined
  const trouble = troubles(onProblem, () => performance.now())
  const inWords = (error: unknown, doing: string) =>
    error instanceof DfspError ? error : explain(error as ClientError, { topic, group, login, doing })

  client.on('event.error', error => {
    const text = `${login.brokers}: ${plainDetail(error.message)}`
    if (error.message.includes(ALL_DOWN)) away = text
    trouble.tell(`${text}; librdkafka keeps trying`)
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
      const told = inWords(error, 'read')
      const isRefusal = told.code !== 'E_KAFKA'
      if (error.isFatal || DOES_NOT_PASS.has(told.code) || (isRefusal && !hasRead)) {
        onFatal(told)
        // This one leaves the group as it is, and the answer to the last commit comes by reading.
        return told.code === 'E_ADDON'
      }
      trouble.tell(tryingAgain(told), isRefusal)
      return true
    },
    passing(error, doing) {
      const told = inWords(error, doing)
      away ??= told.message
      trouble.tell(tryingAgain(told))
    },
    retried(error) {
      const told = inWords(error, 'rebalance')
      if (!hasRead && told.code !== 'E_KAFKA') throw told
      trouble.tell(tryingAgain(told))
    },
    ended: error => onFatal(inWords(error, 'rebalance')),
    alive() {
      hasRead = true
      away = undefined
      trouble.over()
    },
    answered() {
      away = undefined
    },
    get away() {
      return away
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
