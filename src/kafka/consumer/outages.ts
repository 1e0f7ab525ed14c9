/** What the broker does not give at present, and since when: as the client says by itself, or as whoever asked has noted. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError, type ErrorCode } from '../../base/errors.ts'
import { loginRefused } from '../connect-error.ts'
import { brokerErrors, plainDetail } from '../failures.ts'
import type { Login } from '../login.ts'

/** What can be missing; each until something shows that it is back. */
export type Missing = 'records' | 'offsets' | 'group' | 'broker'

export interface Outages {
  fails(what: Missing, error: DfspError): void
  works(...what: Missing[]): void
  /** A question was answered. */
  answered(): void
  /** An error event of the client in words. */
  text(message: string): string
  /** Why the brokers do not answer at present; undefined while they do. */
  readonly away: string | undefined
  /** They do not even refuse. */
  readonly isSilent: boolean
  /** What has been wrong for too long for a run that is to end. */
  readonly lost: DfspError | undefined
}

/** As librdkafka begins the text of an error event with this code. */
const NO_LOGIN = 'Local: Authentication failure'

export function clientOutages(client: RdKafka.KafkaConsumer, login: Login): Outages {
  const failing = new Map<Missing, { error: DfspError; readonly since: number }>()
  let away: string | undefined

  function fails(what: Missing, error: DfspError): void {
    failing.set(what, { error, since: failing.get(what)?.since ?? performance.now() })
    if (what === 'offsets') away ??= error.message
  }
  function works(...what: Missing[]): void {
    for (const each of what) failing.delete(each)
    if (what.includes('broker')) away = undefined
  }

  const connections = brokerErrors(client, login.brokers)
  client.on('event.error', ({ message }) => {
    if (message.startsWith(NO_LOGIN)) fails('broker', loginRefused(login, [plainDetail(message)]))
    if (!connections.isAllDown(message)) return
    away = connections.text(message)
    if (failing.get('broker')?.error.code !== 'E_AUTH')
      fails('broker', new DfspError('E_BROKER_UNREACHABLE', `cannot reach ${login.brokers}`))
  })

  return {
    fails,
    works,
    answered() {
      works('offsets', 'broker')
      // A refusal holds until records come; what was damaged or cut off on the way is for the watchdog.
      if (failing.get('records')?.error.code === 'E_KAFKA') works('records')
    },
    text: connections.text,
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
        const told = notPassing(error, now - since)
        if (told) return told
      }
      return undefined
    },
  }
}

const REFUSALS: ReadonlySet<ErrorCode> = new Set(['E_ACL', 'E_AUTH', 'E_TOPIC_MISSING'])

/** What the broker refuses, or says that it has not, it seldom has a moment later. */
const REFUSED_MS = 20_000
/** A broker that is started again, or a partition that gets another leader, may take this long. */
const SILENT_MS = 60_000

/** The error that ends a finite run once it has been there for `ms`; undefined while it may pass. */
export function notPassing(
  { code, message, facts, next, cause }: DfspError,
  ms: number,
): DfspError | undefined {
  if (ms < (REFUSALS.has(code) ? REFUSED_MS : SILENT_MS)) return undefined
  const since = `so it has been for ${Math.round(ms / 1_000)} s; the next start goes on where this one stopped`
  return new DfspError(code, message, { facts: [...facts, since], next, cause })
}
