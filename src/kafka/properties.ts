/** librdkafka's properties: which there are, what values they take, and in which argument of the client they belong. */
import { nearest } from '../core/text/nearest.ts'
import { PROPERTY_TABLE } from './property-table.ts'

/** Who uses a property. */
export type PropertyUser = 'both' | 'consumer' | 'producer'

export interface Property {
  readonly name: string
  readonly level: 'global' | 'topic'
  readonly user: PropertyUser
  readonly kind: 'string' | 'integer' | 'number' | 'boolean' | 'enum'
  /** The property of which this is another name. */
  readonly aliasOf?: string
  readonly min?: number
  readonly max?: number
  readonly choices?: readonly string[]
  /** The default, as librdkafka's documentation writes it. */
  readonly standard?: string
}

export type Isolation = 'read_committed' | 'read_uncommitted'

export type PropertyValue = string | number | boolean

/** The two constructor arguments of a client. */
export interface ClientArguments {
  readonly global: Readonly<Record<string, PropertyValue>>
  readonly topic: Readonly<Record<string, PropertyValue>>
}

export const PROPERTIES: readonly Property[] = PROPERTY_TABLE.trim().split('\n').map(propertyOfRow)

const BY_NAME: ReadonlyMap<string, Property> = new Map(PROPERTIES.map(property => [property.name, property]))

/** librdkafka's spellings, in any case. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['t', true],
  ['1', true],
  ['false', false],
  ['f', false],
  ['0', false],
])

export function findProperty(name: string): Property | undefined {
  return BY_NAME.get(name)
}

export function nearestProperty(name: string): string | undefined {
  return nearest(name, BY_NAME.keys())
}

/** What is wrong with a value of a known property, or `undefined`. The text does not repeat the property's name. */
export function propertyProblem(name: string, text: string): string | undefined {
  const { kind, min, max, choices } = findProperty(name) ?? { kind: 'string' }
  if (kind === 'string' || (name.endsWith('acks') && text === 'all')) return
  if (kind === 'boolean') {
    return BOOLEANS.has(text.toLowerCase()) ? undefined : `"${text}" is neither true nor false`
  }
  if (kind === 'enum') {
    const known = choices?.some(choice => choice.toLowerCase() === text.toLowerCase())
    return known ? undefined : `"${text}" is none of ${choices?.join(', ')}`
  }
  const valid =
    kind === 'integer' ? /^-?\d+$/.test(text) : text.trim() !== '' && Number.isFinite(Number(text))
  const range = min === undefined ? '' : ` (${min} to ${max})`
  if (!valid) return `"${text}" is not a ${kind === 'integer' ? 'whole ' : ''}number${range}`
  const number = Number(text)
  return number < (min ?? number) || number > (max ?? number) ? `${text} is out of range${range}` : undefined
}

/**
 * Properties as the client wants them: typed, and those of topic level apart, since a topic argument, even an
 * empty one, replaces all topic properties of the first argument (`auto.offset.reset` would be lost in silence).
 * Properties that only the other kind of client uses are left out; unknown ones are passed on as text.
 */
export function splitProperties(
  properties: Readonly<Record<string, string>>,
  client: 'consumer' | 'producer',
): ClientArguments {
  const global: Record<string, PropertyValue> = {}
  const topic: Record<string, PropertyValue> = {}
  for (const [name, text] of Object.entries(properties)) {
    const property = findProperty(name)
    if (property === undefined) global[name] = text
    else if (property.user === 'both' || property.user === client) {
      const target = property.level === 'topic' ? topic : global
      target[name] = typed(property, text)
    }
  }
  return { global, topic }
}

/** Whether a consumer sees records of transactions that are open or were aborted; librdkafka's default is that it does not. */
export function isolationOf(properties: Readonly<Record<string, unknown>>): Isolation {
  return properties['isolation.level'] === 'read_uncommitted' ? 'read_uncommitted' : 'read_committed'
}

function typed(property: Property, text: string): PropertyValue {
  if (property.kind === 'boolean') return BOOLEANS.get(text.toLowerCase()) ?? text
  if (property.kind === 'string' || property.kind === 'enum') return text
  return text === 'all' ? -1 : Number(text)
}

function propertyOfRow(row: string): Property {
  const [name = '', level = '', user = '', kind = '', aliasOf = '', range = '', standard = ''] =
    row.split(/ \| ?/)
  const bounds = /^(-?\d+) \.\. (-?\d+)$/.exec(range)
  return {
    name,
    level: level as Property['level'],
    user: user as PropertyUser,
    kind: kind as Property['kind'],
    ...(aliasOf === '' ? {} : { aliasOf }),
    ...(bounds === null ? {} : { min: Number(bounds[1]), max: Number(bounds[2]) }),
    ...(kind === 'enum' ? { choices: range.split(', ') } : {}),
    ...(standard === '' ? {} : { standard }),
  }
}
