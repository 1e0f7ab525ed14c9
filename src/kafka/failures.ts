/**
 * Why a connection failed, from librdkafka's log: its error events say no more than "transport failure". The kind is
 * told by how the text begins, which librdkafka's source fixes, never by words in it: those may be of a host's name.
 */

export interface Failure {
  readonly kind: 'properties' | 'login' | 'tls' | 'name' | 'other'
  /** HOST:PORT as it was given, or as the broker advertises it; "" where the text names none. */
  readonly broker: string
  readonly detail: string
}

const PREFIX =
  /^\[thrd:.+?\]: (?:\w+Coordinator: (?:[a-z_]+:\/\/)?(\S+?)(?:\/-?\d+)?|(?:[a-z_]+:\/\/)?(\S+?)\/(?:bootstrap|-?\d+)): /i
const AFTER = / \(after \d+ms in state [A-Z_]+(?:, \d+ identical error\(s\) suppressed)?\)$/

const KINDS: readonly (readonly [kind: Failure['kind'], begins: RegExp])[] = [
  ['login', /^(SASL |Failed to initialize SASL|Disconnected: hung up from peer in state AUTH)/],
  [
    'tls',
    /^(SSL |ssl\/|Broker did not provide a certificate|Failed to verify broker cert|(Receive|Send) failed: (SSL |ssl\/|error:))/,
  ],
  ['name', /^Failed to resolve '/],
]

/** Of a log line of facility FAIL. */
export function failureOf(message: string): Failure {
  const [, coordinator, broker = coordinator ?? ''] = PREFIX.exec(message) ?? []
  const detail = plainDetail(message)
  const kind = KINDS.find(([, begins]) => begins.test(detail))?.[0] ?? 'other'
  return { kind, broker, detail }
}

/** librdkafka's text without its prefix of connection names and states. */
export function plainDetail(message: string): string {
  return message
    .replace(PREFIX, '')
    .replace(AFTER, '')
    .replace(/^Local: /, '')
}

/** "lab1:9092: Connect to … failed": the broker is named once. */
export function failureText({ broker, detail }: Failure): string {
  return broker === '' || detail.includes(broker) ? detail : `${broker}: ${detail}`
}

/** What is known of a client's connections while it runs. */
export interface BrokerErrors {
  /** An error event in words: the broker that failed, where the log named it, and the reason. */
  text(message: string): string
  /** Whether an error event says that no broker is left. */
  isAllDown(message: string): boolean
}

/** Fixed texts of librdkafka for its codes: an error event has no code of its own. */
const ALL_DOWN = 'all broker connections are down'

/** Whether an error event says that a broker refuses the client, or that the client gave up: neither is tried again. */
export function isRefusal(message: string): boolean {
  return /(authorization failed|fatal error)$/i.test(message)
}

/** Listens to the log of `client`, whose `brokers` were given. */
export function brokerErrors(
  client: { on(event: 'event.log', heard: (entry: { fac?: string; message: string }) => void): unknown },
  brokers: string,
): BrokerErrors {
  let last: Failure | undefined
  client.on('event.log', ({ fac, message }) => {
    if (fac === 'FAIL') last = failureOf(message)
  })
  const isAllDown = (message: string) => message.endsWith(ALL_DOWN)
  return {
    isAllDown,
    text(message) {
      if (isAllDown(message))
        return `${brokers}: ${plainDetail(message)}${last ? `: ${failureText(last)}` : ''}`
      return last ? failureText(last) : `${brokers}: ${plainDetail(message)}`
    },
  }
}

/** The addresses of bootstrap.servers, each once, with their ports. */
export function bootstrapAddresses(brokers: string): readonly string[] {
  const names = brokers.split(',').map(name => name.trim().replace(/^[a-z_]+:\/\//i, ''))
  return [...new Set(names.filter(name => name !== '').map(name => addressText(hostPort(name))))]
}

/** An IPv6 address stands in brackets, or without a port. */
export function hostPort(address: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]*))(?::(\d+))?$/.exec(address) ?? []
  return { host: bracketed ?? plain ?? address, port: Number(port ?? 9092) }
}

export function addressText({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
