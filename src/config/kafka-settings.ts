/** librdkafka's properties out of [broker], [consumer], [producer], DFSP_KAFKA_X and -X, sorted by client. */
import type { ConfigFile } from './file/config-file.ts'
import { expandVariables, translateProperty, unsetText } from './file/openmsistream.ts'
import type { FlagUse, Written } from './options/option-layers.ts'
import { meant, type Problem, problemAt } from './problems.ts'
import { isProtection } from './protection.ts'
import type { SecretFiles } from './secret-files.ts'
import { MASK, masked } from './secrets.ts'

export type ClientKind = 'common' | 'consumer' | 'producer'

/** What is known of librdkafka's properties; the caller hands it in. */
export interface PropertyKnowledge {
  find(
    name: string,
  ): { readonly user: 'both' | 'consumer' | 'producer'; readonly aliasOf?: string } | undefined
  nearest(name: string): string | undefined
  /** What is wrong with a value of a known property. */
  problem(name: string, value: string): string | undefined
}

interface WrittenProperty extends Written {
  readonly name: string
  /** The section of the file; elsewhere the property's user decides where it goes. */
  readonly section?: 'broker' | 'consumer' | 'producer'
  readonly inherited?: boolean
}

export type ClientProperties = Readonly<Record<ClientKind, Map<string, Written>>>

/** Sections in the order in which later ones win. */
export const KAFKA_SECTIONS = ['broker', 'consumer', 'producer'] as const

export function fileProperties(
  file: ConfigFile | undefined,
  env: NodeJS.ProcessEnv,
): readonly WrittenProperty[] {
  return KAFKA_SECTIONS.flatMap(section =>
    sectionProperties(file, section, env).map(property => ({ ...property, section })),
  )
}

function sectionProperties(
  file: ConfigFile | undefined,
  section: string,
  env: NodeJS.ProcessEnv,
): readonly WrittenProperty[] {
  return [...(file?.ini.sections.get(section) ?? [])].map(
    ([name, { value, line, inherited }]): WrittenProperty => {
      const origin = `${file?.shown}:${line}`
      const expanded = expandVariables(value, env)
      const text = 'value' in expanded ? { text: expanded.value } : { text: '', unset: expanded.unset }
      return { name, ...text, layer: 'file', origin, place: origin, inherited }
    },
  )
}

/**
 * DFSP_KAFKA_SASL_USERNAME is sasl.username (`__` stands for `_`, `___` for `-`, as in Kafka's own image);
 * with _FILE behind it the value is the content of that file. Names that librdkafka lacks are warned of where they
 * look like a slip, and passed over otherwise (a platform's own DFSP_KAFKA_SERVICE_HOST).
 */
export function environmentProperties(
  env: NodeJS.ProcessEnv,
  secretFiles: SecretFiles,
  knowledge: PropertyKnowledge,
  problems: Problem[],
  notices: string[],
): readonly WrittenProperty[] {
  const properties: WrittenProperty[] = []
  for (const [variable, value] of Object.entries(env)) {
    if (!value) continue
    if (!variable.startsWith('DFSP_KAFKA_')) {
      const meantFor = propertyName(variable.replace(/^DFSP_/, ''))
      if (variable.startsWith('DFSP_') && isProtection(knowledge.find(meantFor) && meantFor))
        problems.push({
          place: variable,
          text: 'is not read',
          hint: meant(variable.replace('DFSP_', 'DFSP_KAFKA_')),
          in: 'call',
        })
      continue
    }
    const name = propertyName(variable.slice('DFSP_KAFKA_'.length))
    const content = name.endsWith('.file') ? name.slice(0, -'.file'.length) : undefined
    const written = { layer: 'env', origin: `env ${variable}`, place: variable } as const
    if (isProperty(name, value, knowledge)) {
      properties.push({ name, text: value, ...written })
    } else if (content !== undefined && isProperty(content, value, knowledge)) {
      const text = secretFiles.get(variable) ?? ''
      if (text instanceof Error) problems.push({ place: variable, text: text.message, in: 'call' })
      else properties.push({ name: content, text, ...written })
    } else {
      const near = knowledge.nearest(content ?? name)
      if (isProtection(near))
        problems.push({
          place: variable,
          text: `librdkafka has no "${content ?? name}"`,
          hint: meant(near),
          in: 'call',
        })
      else if (near !== undefined)
        notices.push(`${variable} is not read: librdkafka has no "${name}"; ${meant(near)}`)
    }
  }
  return properties
}

/** Of [heartbeat] and [log] what is no property of the client. */
const NO_PROPERTIES: readonly string[] = ['prefer.separate.producer', 'max.logs.per.message', 'log.level']

/** What [heartbeat] or [log] says of the producer that sends there, checked as [producer] is. */
export function senderProperties(
  file: ConfigFile | undefined,
  section: 'heartbeat' | 'log',
  env: NodeJS.ProcessEnv,
  knowledge: PropertyKnowledge,
  problems: Problem[],
  notices: string[],
): ReadonlyMap<string, Written> {
  const written = sectionProperties(file, section, env).filter(({ name }) => !NO_PROPERTIES.includes(name))
  return mergeProperties(
    written.map(property => ({ ...property, section: 'producer' })),
    knowledge,
    problems,
    notices,
  ).producer
}

export function flagProperties(uses: readonly FlagUse[], problems: Problem[]): readonly WrittenProperty[] {
  return uses.flatMap(({ text }): WrittenProperty[] => {
    const equals = text.indexOf('=')
    if (equals < 1) {
      // What it may say of a password is not repeated.
      const [name = ''] = /^[\w.-]*/.exec(text) ?? []
      problems.push({
        place: '-X',
        text: `"${name}${name === text ? '' : '…'}" is not property=value`,
        hint: `-X ${name || 'NAME'}=VALUE, as one word`,
        in: 'call',
      })
      return []
    }
    const name = text.slice(0, equals).trim()
    return [{ name, text: text.slice(equals + 1), layer: 'flag', origin: 'flag', place: `-X ${name}` }]
  })
}

/** Later properties win over earlier ones, also under another name of the same property. */
export function mergeProperties(
  written: readonly WrittenProperty[],
  knowledge: PropertyKnowledge,
  problems: Problem[],
  notices: string[],
): ClientProperties {
  const clients: ClientProperties = { common: new Map(), consumer: new Map(), producer: new Map() }
  for (const property of written) {
    const { place, section, inherited } = property
    const translated = translateProperty(property.name, property.text)
    if ('dropped' in translated) {
      if (translated.dropped !== undefined) notices.push(`${place}: ${property.name} ${translated.dropped}`)
      continue
    }
    if ('refused' in translated) {
      const { refused, hint } = translated
      problems.push(problemAt(property, `${property.name} ${refused}`, hint))
      continue
    }
    const { name, value } = translated
    const known = knowledge.find(name)
    if (known === undefined) {
      const where = section === undefined ? '' : ` in [${section}]`
      const near = knowledge.nearest(property.name)
      const hint = meant(near)
      if (!inherited || (property.name.includes('.') && isProtection(near)))
        problems.push(
          problemAt(
            { ...property, place: masked('', place) },
            `unknown property "${masked('', property.name)}"${where}`,
            hint,
          ),
        )
      continue
    }
    const targets = targetsOf(known.user, section)
    if (targets.length === 0 && !inherited) {
      notices.push(`${place}: ${name} is a property of the ${known.user} and has no effect in [${section}]`)
    }
    for (const client of targets) {
      const map = clients[client]
      for (const other of map.keys()) {
        if ((knowledge.find(other)?.aliasOf ?? other) === (known.aliasOf ?? name)) map.delete(other)
      }
      map.set(name, { ...property, text: value })
    }
  }
  checkValues(clients, knowledge, problems)
  return clients
}

function targetsOf(
  user: 'both' | 'consumer' | 'producer',
  section: WrittenProperty['section'],
): readonly ClientKind[] {
  const allowed: readonly ClientKind[] = user === 'both' ? ['common', 'consumer', 'producer'] : [user]
  return section === 'consumer' || section === 'producer'
    ? allowed.filter(client => client === section)
    : allowed
}

/** Only what has won is checked: a secret given by the environment makes up for the file's unset variable. */
function checkValues(clients: ClientProperties, knowledge: PropertyKnowledge, problems: Problem[]): void {
  const checked = new Set<string>()
  for (const map of Object.values(clients)) {
    for (const [name, { text, unset, place, layer }] of map) {
      const at = `${place} ${name}`
      if (checked.has(at)) continue
      checked.add(at)
      if (unset !== undefined) problems.push(unsetProblem(unset, place, name))
      const problem =
        unset === undefined
          ? knowledge.problem(name, text)?.replaceAll(text || MASK, () => masked(name, text))
          : undefined
      if (problem === undefined) continue
      problems.push(problemAt({ place, layer }, layer === 'file' ? `${name}: ${problem}` : problem))
    }
  }
}

function unsetProblem(variables: string, place: string, name: string): Problem {
  const twin = `DFSP_KAFKA_${name.toUpperCase().replaceAll('_', '__').replaceAll('-', '___').replaceAll('.', '_')}_FILE`
  const { text, hint } = unsetText(variables, name)
  return { place, text, hint: `${hint}, put it in a file for --env-file, or set ${twin}=<path>`, in: 'file' }
}

function propertyName(variable: string): string {
  return variable
    .toLowerCase()
    .replaceAll(/_+/g, run => (run.length === 1 ? '.' : run.length === 2 ? '_' : '-'))
}

function isProperty(name: string, value: string, knowledge: PropertyKnowledge): boolean {
  const translated = translateProperty(name, value)
  return !('name' in translated) || knowledge.find(translated.name) !== undefined
}
