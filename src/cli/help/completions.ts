/**
 * What may stand at the cursor of a shell: `dfsp __complete WORD..` prints it, a candidate a line. The scripts of
 * `dfsp completion` call it; the last word is the one at the cursor, which may be empty.
 *
 * It must be quick and silent: the addon is loaded only where a topic or a group is wanted.
 */

import { COMMANDS, type CommandName } from '../../config/options/option-spec.ts'
import { type OptionName, optionSpec, optionsOf } from '../../config/options/options.ts'
import type { DeclaredOptions } from '../../config/options/plugin-options.ts'
import { oneLine, textLines } from '../../core/text/shown-text.ts'
import type { World } from '../command.ts'
import { isCommand, loadCommand } from '../command-list.ts'
import { namesPlugin } from '../plugin-named.ts'

/** Stands in the first line where the shell is to add names of files. */
const FILES = ':files'
/** For one answer of the broker; whoever presses Tab waits for it. */
const PATIENCE_MS = 1_000

export async function complete(words: readonly string[], world: World): Promise<number> {
  const { apart, prefix } = flagsApart(words)
  const candidates = await candidatesFor(apart, world).catch(() => [])
  const partial = apart.at(-1) ?? ''
  const fitting = candidates
    .filter(candidate => (candidate === FILES ? prefix === '' : candidate.startsWith(partial)))
    .filter(candidate => oneLine(candidate) === candidate) // another group's name may be anything
    .map(candidate => `${prefix}${candidate}`)
  world.stdout.write(textLines(fitting))
  return 0
}

/** `--topic=x`, which bash gives as three words and other shells as one, as two; `prefix` is what the latter want back. */
function flagsApart(words: readonly string[]): { apart: readonly string[]; prefix: string } {
  const apart = words.filter((word, i) => word !== '=' || words[i - 1]?.startsWith('--') !== true)
  if (apart.length < words.length && words.at(-1) === '=') apart.push('')
  const [, flag, value] = /^(--[\w-]+)=(.*)$/.exec(apart.at(-1) ?? '') ?? []
  if (flag === undefined || value === undefined) return { apart, prefix: '' }
  return { apart: [...apart.slice(0, -1), flag, value], prefix: `${flag}=` }
}

async function candidatesFor(words: readonly string[], world: World): Promise<readonly string[]> {
  const [name, ...rest] = words
  const before = rest.slice(0, -1)
  if (rest.length === 0) return [...COMMANDS, '--help', '--version']
  if (!isCommand(name)) return []
  const flag = before.at(-1)
  const valued = flag === undefined ? undefined : optionOf(flag, name)
  if (valued !== undefined) return await valuesOf(valued, name, before.slice(0, -1), world)
  const isFlag = rest.at(-1)?.startsWith('-') === true
  const ofPlugin: DeclaredOptions['options'] =
    isFlag || flag?.startsWith('--') ? await pluginOptions(name, before, world).catch(() => ({})) : {}
  if (isFlag) return [...optionsOf(name), ...flagsOf(ofPlugin), 'help'].map(option => `--${option}`)
  const choices = ofPlugin[flag?.replace(/^--/, '') ?? '']?.choices
  if (choices !== undefined) return choices.map(String)
  return await wordsOf(name, before)
}

function flagsOf(options: DeclaredOptions['options']): readonly string[] {
  return Object.entries(options).flatMap(([name, { type, default: standard }]) =>
    type === 'boolean' && standard === true ? [name, `no-${name}`] : [name],
  )
}

/** The option behind `--topic` or `-t`, where it takes a value. */
function optionOf(flag: string, command: CommandName): OptionName | undefined {
  const found = optionsOf(command).find(name => flag === `--${name}` || flag === `-${optionSpec(name).alias}`)
  if (found === undefined) return undefined
  const { type } = optionSpec(found)
  return type === 'boolean' || type === 'count' ? undefined : found
}

async function valuesOf(
  name: OptionName,
  command: CommandName,
  before: readonly string[],
  world: World,
): Promise<readonly string[]> {
  const spec = optionSpec(name)
  if (spec.type === 'enum') return spec.choices
  if (spec.type === 'start') return ['earliest', 'latest']
  if (name === 'topic' || name === 'output-topic' || name === 'dlq')
    return await fromBroker('topics', command, before, world)
  if (name === 'group') return await fromBroker('groups', command, before, world)
  if (name === 'kafka-x') {
    const { PROPERTIES } = await import('../../kafka/properties.ts')
    return PROPERTIES.map(property => `${property.name}=`)
  }
  if (name === 'plugin') return [FILES, ...(await builtIns())]
  return spec.type === 'string' && /FILE|PATH|DIR/.test(spec.placeholder ?? '') ? [FILES] : []
}

async function fromBroker(
  kind: 'topics' | 'groups',
  command: CommandName,
  before: readonly string[],
  world: World,
): Promise<readonly string[]> {
  const [{ invocation }, { names }] = await Promise.all([
    typed(command, before, world),
    import('../../kafka/ask/names.ts'),
  ])
  const { kafka, values } = await invocation.settings()
  if (values.brokers === undefined) return []
  const late = new Promise<never>((_, reject) => setTimeout(reject, 2 * PATIENCE_MS).unref())
  return await Promise.race([names(kind, kafka.producer, PATIENCE_MS), late])
}

/** What the plugin that the line names declares: it is loaded for that, as `--help` does. */
async function pluginOptions(
  name: CommandName,
  before: readonly string[],
  world: World,
): Promise<DeclaredOptions['options']> {
  const command = await loadCommand(name)
  if (command.describePlugin === undefined) return {}
  const invocation = await typed(name, before, world)
  if (!invocation.namesPlugin) return {}
  return (await command.describePlugin(invocation.invocation))?.options ?? {}
}

/** As for its help: a line that is still being typed is not judged. */
async function typed(name: CommandName, before: readonly string[], world: World) {
  const [{ parseFlags }, { invoke }] = await Promise.all([import('../flags.ts'), import('../invocation.ts')])
  const parsed = { ...(await parseFlags(before, name)), help: true }
  const { invocation } = invoke(await loadCommand(name), before, parsed, world)
  return { invocation, namesPlugin: namesPlugin(parsed, world) }
}

async function wordsOf(command: CommandName, before: readonly string[]): Promise<readonly string[]> {
  const isFirst = before.every(word => word.startsWith('-'))
  if (command === 'help' && isFirst) return (await import('../commands/help.ts')).helpWords()
  const kinds = WORDS[command]
  if (kinds !== undefined && isFirst) return kinds
  if (command === 'try' && isFirst) return [FILES, ...(await builtIns())]
  const { positionals = [] } = await loadCommand(command)
  return positionals.length > 0 ? [FILES] : []
}

const WORDS: Partial<Record<CommandName, readonly string[]>> = {
  config: ['check', 'show', 'path'],
  init: ['plugin', 'config', 'systemd', 'compose', 'kubernetes'],
  completion: ['bash', 'zsh', 'fish'],
}

async function builtIns(): Promise<readonly string[]> {
  return (await import('../plugin-path.ts')).builtInPlugins()
}
