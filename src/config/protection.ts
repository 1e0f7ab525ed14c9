/**
 * What the settings ask of a connection's protection and would not get: TLS or a login that stands where the client
 * does not read it, so that it would connect in plain text to the brokers that are meant. An explicit
 * security.protocol = plaintext says that this is meant.
 */
import type { ConfigFile } from './file/config-file.ts'
import type { Written } from './options/option-layers.ts'
import type { CommandName } from './options/option-spec.ts'
import { type Problem, problemAt } from './problems.ts'

const PROTOCOL = 'security.protocol'
const READ_ELSEWHERE = ['broker', 'consumer', 'producer', 'dfsp']

/** Properties that mean nothing without a protocol that uses them. */
const FOR_PROTOCOL = /^(ssl\.(ca|certificate|key|keystore)\.|sasl\.mechanisms?$)/

/** Whether a misspelt name of this property would leave a connection without protection, and no error would tell. */
export function isProtection(property: string | undefined): boolean {
  return property !== undefined && (property === PROTOCOL || FOR_PROTOCOL.test(property))
}

type OneClient = 'consumer' | 'producer'

export function protectionProblems(
  command: CommandName,
  file: ConfigFile | undefined,
  properties: Readonly<Record<OneClient, ReadonlyMap<string, Written>>>,
): Problem[] {
  return clientsOf(command).flatMap(client => {
    const own = properties[client]
    if (own.has(PROTOCOL)) return []
    const other = client === 'consumer' ? 'producer' : 'consumer'
    const hint = `${PROTOCOL} belongs into [broker]; where plain text is meant, ${PROTOCOL} = plaintext into [${client}]`
    const of = (text: string, at: Written): Problem[] => [
      problemAt(at, `${text}: the ${client} would connect in plain text`, hint),
    ]
    const ofOther = properties[other].get(PROTOCOL)
    if (isProtected(ofOther?.text) && ofOther && sameBrokers(own, properties[other]))
      return of(`${PROTOCOL} = ${ofOther.text} is in [${other}] only`, ofOther)
    const [needing] = [...own].filter(([name, { text }]) => FOR_PROTOCOL.test(name) && text !== '')
    if (needing) return of(`${needing[0]} has no effect without ${PROTOCOL}`, needing[1])
    return elsewhere(file, own).flatMap(({ section, text, at }) =>
      of(`${PROTOCOL} = ${text} is in [${section}], which no ${client} reads`, at),
    )
  })
}

function clientsOf(command: CommandName): readonly OneClient[] {
  if (command === 'upload') return ['producer']
  if (['ls', 'get', 'status'].includes(command)) return ['consumer']
  return ['run', 'repartition', 'retry', 'replay', 'config'].includes(command) ? ['consumer', 'producer'] : []
}

/** In sections that are no client's, unless they name brokers of their own. */
function elsewhere(file: ConfigFile | undefined, own: ReadonlyMap<string, Written>) {
  return [...(file?.ini.sections ?? [])].flatMap(([section, entries]) => {
    const protocol = entries.get(PROTOCOL)
    const servers = entries.get('bootstrap.servers')?.value
    const isOther = servers !== undefined && servers !== own.get('bootstrap.servers')?.text
    if (READ_ELSEWHERE.includes(section) || isOther || !isProtected(protocol?.value) || !protocol) return []
    const place = `${file?.shown}:${protocol.line}`
    const at = { text: protocol.value, layer: 'file', origin: place, place } as const
    return [{ section, text: protocol.value, at }]
  })
}

function isProtected(protocol: string | undefined): boolean {
  return protocol !== undefined && !/^(plaintext)?$/i.test(protocol)
}

function sameBrokers(one: ReadonlyMap<string, Written>, other: ReadonlyMap<string, Written>): boolean {
  return one.get('bootstrap.servers')?.text === other.get('bootstrap.servers')?.text
}
