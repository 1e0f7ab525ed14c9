/** What OpenMSIStream's config files mean beyond INI: variables, (de)serialiser names, Java's spellings. */

/** Sections that dfsp knows; others are the plugin's own. */
export const SECTIONS = [
  'broker',
  'consumer',
  'producer',
  'dfsp',
  'plugin',
  's3',
  'heartbeat',
  'log',
  'kafkacrypto',
] as const

/** `unset`: the variable that it needs and that does not exist; of several their names, with blanks between. */
export type Expanded = { readonly value: string } | { readonly unset: string }

/** A value that begins with `$` has its variables replaced; any other is taken as it stands. */
export function expandVariables(value: string, env: NodeJS.ProcessEnv): Expanded {
  if (!value.startsWith('$')) return { value }
  const unset = new Set<string>()
  const expanded = value.replaceAll(/\$(?:(\w+)|\{(\w+)\})/g, (_, plain?: string, braced?: string) => {
    const name = plain ?? braced ?? ''
    const found = env[name]
    if (found === undefined) unset.add(name)
    return found ?? ''
  })
  return unset.size === 0 ? { value: expanded } : { unset: [...unset].join(' ') }
}

/** What is wrong with a value that needs `unset`, and what to do. A password may begin with `$`, too. */
export function unsetText(unset: string, usedBy?: string): { readonly text: string; readonly hint: string } {
  const use = usedBy === undefined ? '' : `, used by ${usedBy}`
  const names = unset.split(' ')
  if (names.every(name => /^[A-Za-z_]/.test(name))) {
    const shown = names.map(name => `$${name}`).join(' and ')
    return {
      text: `${shown} ${names.length === 1 ? 'is' : 'are'} not set${use}`,
      hint: `export ${names.map(name => `${name}=…`).join(' ')}`,
    }
  }
  return {
    text: `a value that begins with $ is that of a variable, and this one names none${use}`,
    hint: 'put the value into a variable and write its name: $LAB_PW',
  }
}

/** What to do with a property as written: use it under librdkafka's name, leave it out, or refuse it. */
export type Translation =
  | { readonly name: string; readonly value: string }
  | { readonly dropped: string | undefined }
  | { readonly refused: string; readonly hint: string }

const RENAMED: Readonly<Record<string, string>> = {
  'metadata.broker.list': 'bootstrap.servers',
  'fetch.max.wait.ms': 'fetch.wait.max.ms',
  'receive.buffer.bytes': 'socket.receive.buffer.bytes',
  'send.buffer.bytes': 'socket.send.buffer.bytes',
  'max.request.size': 'message.max.bytes',
  'ssl.keystore.certificate.chain': 'ssl.certificate.pem',
  'ssl.keystore.key': 'ssl.key.pem',
  'ssl.truststore.certificates': 'ssl.ca.pem',
}

const JAVA_ONLY = [
  'max.poll.records',
  'default.api.timeout.ms',
  'exclude.internal.topics',
  'interceptor.classes',
  'max.block.ms',
  'metadata.max.idle.ms',
  'metric.reporters',
  'metrics.num.samples',
  'metrics.recording.level',
  'metrics.sample.window.ms',
  'partitioner.adaptive.partitioning.enable',
  'partitioner.availability.timeout.ms',
  'partitioner.class',
  'partitioner.ignore.keys',
  'sasl.client.callback.handler.class',
  'sasl.login.callback.handler.class',
  'sasl.login.class',
  'security.providers',
  'socket.connection.setup.timeout.max.ms',
  'ssl.enabled.protocols',
  'ssl.keymanager.algorithm',
  'ssl.keystore.type',
  'ssl.protocol',
  'ssl.provider',
  'ssl.secure.random.implementation',
  'ssl.trustmanager.algorithm',
  'ssl.truststore.type',
  'transaction.two.phase.commit.enable',
]

const REFUSED: Readonly<Record<string, readonly [refused: string, hint: string]>> = {
  'sasl.jaas.config': ['is read by Java clients only', 'set sasl.username and sasl.password'],
  'ssl.truststore.location': ['names a Java keystore', 'export it as PEM and set ssl.ca.location'],
  'ssl.truststore.password': ['belongs to a Java keystore', 'export it as PEM and set ssl.ca.location'],
}

/** Which part dfsp keeps to itself, as offsets are committed only for finished files. */
const OWN: Readonly<Record<string, string>> = {
  'enable.auto.commit': 'true',
  'enable.auto.offset.store': 'true',
  'auto.commit.enable': 'true',
}

const ASSIGNORS: Readonly<Record<string, string>> = {
  RangeAssignor: 'range',
  RoundRobinAssignor: 'roundrobin',
  StickyAssignor: 'cooperative-sticky',
  CooperativeStickyAssignor: 'cooperative-sticky',
}

/** `dropped` is the reason where the user should hear of it. */
export function translateProperty(name: string, value: string): Translation {
  const found = translation(name, value)
  // Such as a serializer or an interceptor of Java: left out, records would go in plain text.
  return 'dropped' in found && /crypt/i.test(value)
    ? { refused: 'asks for encryption, which is not built in', hint: 'leave it out' }
    : found
}

function translation(name: string, value: string): Translation {
  if (/^(key|value)\.(de)?serializer$/.test(name)) return { dropped: undefined }
  if (JAVA_ONLY.includes(name)) return { dropped: 'has no meaning in librdkafka' }
  const refused = REFUSED[name]
  if (refused !== undefined) return { refused: refused[0], hint: refused[1] }
  const own = OWN[name]
  if (own !== undefined) {
    return {
      dropped: value.toLowerCase() === own ? 'is ignored: dfsp commits a file when it is done' : undefined,
    }
  }
  if (name === 'auto.offset.reset') return translateReset(value)
  if (name === 'partition.assignment.strategy') {
    const strategies = value
      .split(',')
      .map(entry => ASSIGNORS[entry.trim().split('.').at(-1) ?? ''] ?? entry.trim())
    return { name, value: [...new Set(strategies)].join(',') }
  }
  if (name === 'ssl.endpoint.identification.algorithm' && value === '') return { name, value: 'none' }
  if (name === 'buffer.memory' && /^\d+$/.test(value)) {
    return {
      name: 'queue.buffering.max.kbytes',
      value: String(Math.max(1, Math.floor(Number(value) / 1024))),
    }
  }
  return { name: RENAMED[name] ?? name, value }
}

function translateReset(value: string): Translation {
  switch (value.toLowerCase()) {
    case 'none':
      return { dropped: undefined }
    case 'error':
      return { refused: '"error" would leave a partition standing in silence', hint: 'earliest or latest' }
    case 'smallest':
    case 'beginning':
      return { name: 'auto.offset.reset', value: 'earliest' }
    case 'largest':
    case 'end':
      return { name: 'auto.offset.reset', value: 'latest' }
    default:
      return { name: 'auto.offset.reset', value: value.toLowerCase() }
  }
}
