/**
 * Options that a plugin declares (`export const options`): plain data, in yargs' words. They are looked for in
 * flags, then DFSP_PLUGIN_X, then [plugin] x of the config file, then the plugin's own default.
 */
import { DfspError } from '../../base/errors.ts'
import type { PluginOption, PluginOptions } from '../../core/plugin-option.ts'
import { type Problem, problemsError } from '../problems.ts'
import { masked } from '../secrets.ts'
import type { PropertyMap } from '../settings-type.ts'
import { parseBoolean } from './option-value.ts'

export type PluginOptionValue = NonNullable<PluginOption['default']>

const TYPES: readonly PluginOption['type'][] = ['string', 'number', 'boolean', 'array']

/** What a plugin declares, with the file name under which the help lists it ("plot.ts"). */
export interface DeclaredOptions {
  readonly file: string
  readonly options: PluginOptions
}

export type PluginOptionValues = Readonly<Record<string, PluginOptionValue | undefined>>

export interface PluginOptionSources {
  /** Texts by the option's name, one for each use. */
  readonly flags: ReadonlyMap<string, readonly string[]>
  readonly env: NodeJS.ProcessEnv
  /** Section [plugin]. */
  readonly section: PropertyMap
  /** Of the config file, for messages. */
  readonly shownFile: string
  /** The command that shows what there is. */
  readonly help: string
}

/** Throws a DfspError that lists every problem with the given values. */
export function mergePluginOptions(
  plugin: DeclaredOptions,
  sources: PluginOptionSources,
): PluginOptionValues {
  const problems: Problem[] = []
  const values: Record<string, PluginOptionValue | undefined> = {}
  for (const [name, option] of Object.entries(plugin.options)) {
    const given = find(name, sources)
    values[name] = given === undefined ? option.default : convert(name, option, given, problems)
    if (given === undefined && option.demandOption === true && option.default === undefined) {
      const hint = `--${name}, ${variableName(name)} or [plugin] ${name.toLowerCase()}`
      problems.push({ place: plugin.file, text: `needs the option "${name}"`, hint, in: 'call' })
    }
  }
  if (problems.length > 0) throw problemsError(problems, sources.help)
  return values
}

/** Refuses a declaration that is not what `PluginOption` says, or takes a name that dfsp uses itself. */
export function checkPluginOptions(plugin: DeclaredOptions, taken: ReadonlySet<string>): void {
  const facts: string[] = []
  for (const [name, option] of Object.entries(plugin.options)) {
    if (!TYPES.includes(option?.type)) facts.push(`${name}: type is none of ${TYPES.join(', ')}`)
    for (const word of [name, ...aliasesOf(option)]) {
      const dashes = word.length === 1 ? '-' : '--'
      if (taken.has(word)) facts.push(`${name}: ${dashes}${word} is one of dfsp's own flags`)
      else if (!/^[a-z][\w-]*$/i.test(word)) facts.push(`${name}: "${word}" cannot be a flag`)
    }
  }
  if (facts.length === 0) return
  throw new DfspError('E_PLUGIN', `${plugin.file}: its options cannot be used`, {
    facts,
    next: 'rename or correct them',
  })
}

export function aliasesOf(option: PluginOption | undefined): readonly string[] {
  const alias = option?.alias ?? []
  return typeof alias === 'string' ? [alias] : alias
}

/** "maxRows" and "max-rows" are both DFSP_PLUGIN_MAX_ROWS. */
export function variableName(name: string): string {
  const words = name.replaceAll(/([a-z\d])([A-Z])/g, '$1_$2').replaceAll('-', '_')
  return `DFSP_PLUGIN_${words.toUpperCase()}`
}

interface Given {
  readonly texts: readonly string[]
  readonly place: string
  readonly in: Problem['in']
}

function find(name: string, { flags, env, section, shownFile }: PluginOptionSources): Given | undefined {
  const texts = flags.get(name)
  if (texts !== undefined) return { texts, place: `--${name}`, in: 'call' }
  const variable = variableName(name)
  const inherited = env[variable]
  if (inherited) return { texts: [inherited], place: variable, in: 'call' }
  const key = name.toLowerCase()
  const written = section[key]
  return written === undefined
    ? undefined
    : { texts: [written], place: `${shownFile}: [plugin] ${key}`, in: 'file' }
}

function convert(
  name: string,
  option: PluginOption,
  given: Given,
  problems: Problem[],
): PluginOptionValue | undefined {
  const { texts, place } = given
  const fail = (text: string) => void problems.push({ place, text, in: given.in })
  const fits = (value: string | number) =>
    option.choices?.some(choice => String(choice) === String(value)) ?? true
  const [text = ''] = texts
  if (option.type === 'array') {
    const items = place.startsWith('--') ? texts : text.split(',').map(item => item.trim())
    const odd = items.find(item => !fits(item))
    if (odd !== undefined) fail(`"${masked(name, odd)}" is none of ${option.choices?.join(', ')}`)
    return items
  }
  if (texts.length > 1 && option.type !== 'boolean') fail(`is given ${texts.length} times`)
  if (option.type === 'boolean') {
    const parsed = parseBoolean(texts.at(-1) ?? '')
    if ('value' in parsed) return parsed.value
    fail(parsed.problem)
    return undefined
  }
  const value = option.type === 'number' ? Number(text) : text
  if (option.type === 'number' && (text.trim() === '' || !Number.isFinite(value)))
    fail(`"${masked(name, text)}" is not a number`)
  else if (!fits(value)) fail(`"${masked(name, text)}" is none of ${option.choices?.join(', ')}`)
  return value
}
