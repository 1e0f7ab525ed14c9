/**
 * Makes and connects a client, or says why that cannot be done.
 *
 * kafka/ is the only importer of the client, and hides its traps. It knows records and offsets, not files.
 */
import type RdKafka from '@confluentinc/kafka-javascript'
import { type Client, rdkafka } from './addon.ts'
import { unreachable } from './ask/advertised.ts'
import { ERR } from './client-error.ts'
import { advertisedError, connectError, noTokenError, propertiesError } from './connect-error.ts'
import { addressText, bootstrapAddresses, type Failure, failureOf, failureText } from './failures.ts'
import type { Login } from './login.ts'
import { patient } from './patience.ts'

const CONNECT_MS = 10_000
/** What takes longer is told. */
const SLOW_MS = 2_000
/** How long the addresses that the cluster names may take to answer. */
const ADVERTISED_MS = 8_000

/**
 * Throws a DfspError that says why when no broker answers within `timeoutMs`, at once where waiting cannot mend it.
 * `onWaiting` hears after 2 s what goes wrong meanwhile. The client asks for metadata with patience.
 */
export async function connect<T extends Client>(
  make: (kafka: typeof RdKafka) => T,
  login: Login,
  onWaiting: (text: string) => void = () => {},
  timeoutMs = CONNECT_MS,
): Promise<{ readonly client: T; readonly metadata: RdKafka.Metadata }> {
  const client = made(make)
  if (login.lacksToken) throw noTokenError()
  let isGivenUp = false
  // The binding would give up a connection at its first question without an answer.
  client.getMetadata = patient(client.getMetadata.bind(client), () => isGivenUp || !client.isConnected())
  try {
    const metadata = await firstAnswer(client, login, { onWaiting, timeoutMs, isOver: () => isGivenUp })
    const reasons = await whyOutOfReach(metadata.brokers, login)
    if (reasons) throw advertisedError(metadata.brokers.map(addressText), reasons, login)
    return { client, metadata }
  } catch (error) {
    isGivenUp = true
    try {
      client.disconnect(() => {})
    } catch {
      // A producer that has no connection at the moment refuses; the attempt that goes on ends by `isGivenUp`.
    }
    throw error
  }
}

/** Some properties are refused here already. */
function made<T extends Client>(make: (kafka: typeof RdKafka) => T): T {
  const kafka = rdkafka()
  try {
    return make(kafka)
  } catch (error) {
    throw propertiesError((error as Error).message)
  }
}

interface Waiting {
  onWaiting(text: string): void
  readonly timeoutMs: number
  /** Nobody waits any more. */
  isOver(): boolean
}

function firstAnswer(
  client: Client,
  login: Login,
  { onWaiting, timeoutMs, isOver }: Waiting,
): Promise<RdKafka.Metadata> {
  const emitter = client as RdKafka.Producer // the two have these calls alike, their union has not
  const addresses = bootstrapAddresses(login.brokers)
  const failures = new Map<string, Failure>()
  return new Promise((resolve, reject) => {
    const late = setTimeout(giveUp, timeoutMs)
    const slow = setTimeout(tell, SLOW_MS)
    emitter.on('event.log', hear)
    attempt()

    function attempt(): void {
      emitter.connect({ allTopics: false, timeout: timeoutMs }, (error, metadata) => {
        if (!error) {
          stop()
          resolve(metadata)
        } else if (error.code === ERR.UNKNOWN)
          giveUp({ kind: 'properties', broker: '', detail: error.message })
        else if (!isOver()) attempt()
      })
    }
    function hear(entry: { fac?: string; message: string }): void {
      if (entry.fac !== 'FAIL') return
      const failure = failureOf(entry.message)
      failures.set(failure.broker, failure)
      // One broker that answers is enough: only what all of them end with is the end.
      const last = addresses.map(address => failures.get(address))
      if (last.every(each => each !== undefined && each.kind !== 'other')) giveUp(failure)
    }
    function tell(): void {
      const reasons = [...new Set([...failures.values()].map(failureText))].join('; ')
      onWaiting(`connecting to ${login.brokers}: ${reasons || 'no answer yet'}`)
    }
    function giveUp(last?: Failure): void {
      stop()
      reject(connectError([...(last ? [last] : []), ...failures.values()], login, timeoutMs))
    }
    function stop(): void {
      clearTimeout(late)
      clearTimeout(slow)
      emitter.removeListener('event.log', hear)
    }
  })
}

/** Of the addresses that the cluster names; undefined where one of them answers. */
async function whyOutOfReach(
  brokers: RdKafka.Metadata['brokers'],
  login: Login,
): Promise<readonly string[] | undefined> {
  if (brokers.length === 0) return undefined
  // Where the address that was given is among them, it has just answered there.
  const given = bootstrapAddresses(login.brokers)
  if (given.length === 1 && brokers.some(broker => addressText(broker) === given[0])) return undefined
  return await unreachable(brokers, { isTls: login.isTls, timeoutMs: ADVERTISED_MS })
}
