/**
 * Flags > environment > config file > defaults, merged and checked; every problem is reported at once.
 *
 * config/ makes settings of flags, environment and file. It opens no connection and does nothing that they ask for.
 */
import { nearest } from '../core/text/nearest.ts'
import { encryptionAsked } from './encryption.ts'
import { type ConfigFile, iniProblems } from './file/config-file.ts'
import { expandVariables, SECTIONS, unsetText } from './file/openmsistream.ts'
import {
  type ClientProperties,
  environmentProperties,
  fileProperties,
  flagProperties,
  KAFKA_SECTIONS,
  mergeProperties,
  type PropertyKnowledge,
  senderProperties,
} from './kafka-settings.ts'
import { checkedOptions } from './options/checked-options.ts'
import {
  defaultLayer,
  environmentLayer,
  type Flags,
  fileLayer,
  flagLayer,
  RANK,
  strangeVariables,
  type Written,
} from './options/option-layers.ts'
import type { CommandName } from './options/option-spec.ts'
import { OPTION_NAMES, OPTIONS, type OptionName, type Values, valueName } from './options/options.ts'
import { meant, type Problem, problemAt, problemsError } from './problems.ts'
import { protectionProblems } from './protection.ts'
import type { SecretFiles } from './secret-files.ts'
import { isSecret } from './secrets.ts'
import type { PropertyMap, Settings } from './settings-type.ts'

export interface SettingsRequest {
  readonly command: CommandName
  readonly flags: Flags
  readonly env: NodeJS.ProcessEnv
  readonly secretFiles: SecretFiles
  readonly file: ConfigFile | undefined
  readonly knowledge: PropertyKnowledge
  /** Warnings that the flags gave rise to. */
  readonly notices: readonly string[]
}

/** Throws a DfspError that lists every problem (2 where the call is at fault, 78 where the file is). */
export function mergeSettings(request: SettingsRequest): Settings {
  const { command, env, file, flags, knowledge } = request
  const problems: Problem[] = []
  const notices = [...request.notices, ...strangeVariables(env)]

  const sections = readSections(file, env, knowledge, problems, notices)
  const properties = mergeProperties(
    [
      ...fileProperties(file, env),
      ...environmentProperties(env, request.secretFiles, knowledge, problems, notices),
      ...flagProperties(flags.get('kafka-x') ?? [], problems),
    ],
    knowledge,
    problems,
    notices,
  )
  const written = new Map<OptionName, Written>([
    ...defaultLayer(),
    ...fileLayer(file, env, problems),
    ...environmentLayer(command, env),
    ...flagLayer(flags, problems),
  ])
  foldLogLevel(written)
  adoptProperties(written, properties)
  problems.push(...protectionProblems(command, file, properties))
  const sender = (section: 'heartbeat' | 'log') =>
    written.has(`${section}-topic`)
      ? texts(senderProperties(file, section, env, knowledge, problems, notices))
      : {}
  const senders = { heartbeat: sender('heartbeat'), log: sender('log') }
  if (command === 'run' || command === 'config') {
    refuseTopicRead(written, problems)
    deadLetterPolicy(written, problems)
  }

  const values = checkedValues(written, flags, problems)
  if (values.shared || command === 'repartition') refuseEager(properties.consumer.get(STRATEGY), problems)
  else refuseMember(written.get('member'), problems)
  const all = withFileProblems(file, problems)
  if (all.length > 0) throw problemsError(all, `dfsp ${command} --help`)

  return {
    values,
    origins: new Map([
      ...[...written].map(([name, { origin }]) => [name, origin] as const),
      ...Object.entries(properties).flatMap(([client, map]) =>
        [...map].map(([name, { origin }]) => [`${client}/${name}`, origin] as const),
      ),
      ...sectionOrigins(file),
    ]),
    kafka: {
      common: texts(properties.common),
      consumer: texts(properties.consumer),
      producer: texts(properties.producer),
    },
    senders,
    sections,
    notices,
    configFile: file?.path,
    encryption: encryptionAsked(file),
  }
}

/** What is wrong with the text of a line says more than what that text then means. */
function withFileProblems(file: ConfigFile | undefined, found: readonly Problem[]): readonly Problem[] {
  if (file === undefined) return found
  const own = iniProblems(file.shown, file.ini)
  const ofOthers = found.filter(
    ({ place }) => !own.some(({ place: line }) => `${place}:`.startsWith(`${line}:`)),
  )
  return [...own, ...ofOthers]
}

/** Of the sections that dfsp does not read itself. */
function sectionOrigins(file: ConfigFile | undefined): [name: string, origin: string][] {
  return [...(file?.ini.sections ?? [])]
    .filter(([section]) => section !== 'dfsp' && !(KAFKA_SECTIONS as readonly string[]).includes(section))
    .flatMap(([section, entries]) =>
      [...entries].map(([key, { line }]): [string, string] => [
        `${section}/${key}`,
        `${file?.shown}:${line}`,
      ]),
    )
}

/** -q, -v, -vv and --debug are short for a level; --log-level itself is plainer and wins among flags. */
function foldLogLevel(written: Map<OptionName, Written>): void {
  const level = written.get('log-level')
  const fold = (name: OptionName, text: string) => {
    const short = written.get(name)
    if (short === undefined || RANK[short.layer] <= RANK[level?.layer ?? 'default']) return
    if (!/^(0|false|no|off)$/i.test(short.text)) written.set('log-level', { ...short, text })
  }
  fold('quiet', 'warn')
  fold('verbose', Number(written.get('verbose')?.text) > 1 ? 'debug' : 'verbose')
  fold('debug', 'debug')
}

const TOPICS_WRITTEN = ['dlq', 'output-topic', 'heartbeat-topic', 'log-topic'] as const

/** What a run writes to the topic that it reads comes back to it as records that are no chunks, without end. */
function refuseTopicRead(written: ReadonlyMap<OptionName, Written>, problems: Problem[]): void {
  const topic = written.get('topic')?.text
  for (const given of TOPICS_WRITTEN.map(name => written.get(name)))
    if (given !== undefined && given.text === topic)
      problems.push(problemAt(given, 'is the topic that is read'))
}

const STRATEGY = 'partition.assignment.strategy'

/** Others take all partitions from all processes at each change, and the broker lets no two kinds into one group. */
function refuseEager(given: Written | undefined, problems: Problem[]): void {
  if (given === undefined || given.text === 'cooperative-sticky') return
  const text = `${given.layer === 'file' ? `${STRATEGY}: ` : ''}${given.text} cannot be shared`
  problems.push(problemAt(given, text, 'leave it out, or use cooperative-sticky'))
}

function refuseMember(given: Written | undefined, problems: Problem[]): void {
  if (given !== undefined) problems.push(problemAt(given, 'is of use with --shared only'))
}

/** --dlq alone means that failed files go there; a policy that wants dead letters needs a topic for them. */
function deadLetterPolicy(written: Map<OptionName, Written>, problems: Problem[]): void {
  const onError = written.get('on-error')
  if (written.has('dlq')) {
    if (onError?.layer === 'default')
      written.set('on-error', { ...onError, text: 'dlq', origin: 'default with --dlq' })
    return
  }
  for (const given of [onError, written.get('on-incomplete')])
    if (given?.text === 'dlq')
      problems.push(problemAt(given, 'dlq needs a topic for dead letters', 'name one with --dlq TOPIC'))
}

/** Group, start and brokers may be given as librdkafka's properties too; what stands in a later layer wins. */
function adoptProperties(written: Map<OptionName, Written>, properties: ClientProperties): void {
  const { common, consumer, producer } = properties
  adopt(written, 'group', consumer.get('group.id'))
  consumer.delete('group.id')
  adopt(written, 'from', consumer.get('auto.offset.reset'))
  const from = written.get('from')
  if (from !== undefined) {
    // For a group that starts at a time, `earliest` holds where the time lies beyond the end.
    consumer.set('auto.offset.reset', { ...from, text: from.text === 'latest' ? 'latest' : 'earliest' })
  }
  const servers =
    common.get('bootstrap.servers') ?? consumer.get('bootstrap.servers') ?? producer.get('bootstrap.servers')
  if (adopt(written, 'brokers', servers)) return
  const brokers = written.get('brokers')
  if (brokers === undefined) return
  for (const map of [common, consumer, producer]) map.set('bootstrap.servers', brokers)
}

function adopt(written: Map<OptionName, Written>, name: OptionName, property: Written | undefined): boolean {
  if (property === undefined || property.unset !== undefined) return false
  if (RANK[property.layer] <= RANK[written.get(name)?.layer ?? 'default']) return false
  written.set(name, property)
  return true
}

function checkedValues(written: ReadonlyMap<OptionName, Written>, flags: Flags, problems: Problem[]): Values {
  const lists = OPTION_NAMES.filter(name => OPTIONS[name].type === 'list')
  const texts = new Map<OptionName, string | readonly string[]>(
    lists.map(name => [name, (flags.get(name) ?? []).map(use => use.text)]),
  )
  for (const [name, { text, unset, place }] of written) {
    if (unset === undefined) texts.set(name, text)
    else problems.push({ place, ...unsetText(unset), in: 'file' })
  }
  const { values, wrong } = checkedOptions(texts)
  for (const { name, problem } of wrong) {
    const at = written.get(name)
    // Already reported where it was adopted from a librdkafka property.
    if (problems.some(({ place }) => place === at?.place)) continue
    problems.push(problemAt(at ?? { place: `--${name}`, layer: 'flag' }, problem))
  }
  // The values are made from the same table as the type.
  return Object.fromEntries([...values].map(([name, value]) => [valueName(name), value])) as unknown as Values
}

/** Variables of sections that dfsp does not read itself may be unset: only the plugin knows whether it needs them. */
function readSections(
  file: ConfigFile | undefined,
  env: NodeJS.ProcessEnv,
  knowledge: PropertyKnowledge,
  problems: Problem[],
  notices: string[],
): Readonly<Record<string, PropertyMap>> {
  const sections: Record<string, PropertyMap> = {}
  for (const [name, entries] of file?.ini.sections ?? []) {
    const known = (SECTIONS as readonly string[]).includes(name)
    const near = known ? undefined : nearest(name, SECTIONS)
    if (near !== undefined) {
      notices.push(
        `${file?.shown}:${file?.ini.headers.get(name)}: section [${name}] is left to the plugin; ${meant(near)}`,
      )
    }
    const values: Record<string, string> = {}
    for (const [key, { value, line, inherited }] of entries) {
      // A login in [DEFAULT] is meant for the sections of clients.
      if (inherited && isSecret(key) && knowledge.find(key)) continue
      const expanded = expandVariables(value, env)
      const place = `${file?.shown}:${line}`
      if ('value' in expanded) values[key] = expanded.value
      else if (name === 'plugin') {
        problems.push({ place, ...unsetText(expanded.unset, `[plugin] ${key}`), in: 'file' })
      } else if (name !== 'dfsp' && !(KAFKA_SECTIONS as readonly string[]).includes(name)) {
        notices.push(`${place}: ${unsetText(expanded.unset).text}: [${name}] ${key} is left out`)
      }
    }
    sections[name] = values
  }
  return sections
}

function texts(map: ReadonlyMap<string, Written>): PropertyMap {
  return Object.fromEntries([...map].map(([name, { text }]) => [name, text]))
}
