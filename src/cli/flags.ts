/** Command-line flags, parsed by yargs: which were given with which texts. Values are judged elsewhere. */
import type { Options } from 'yargs'
import { DfspError } from '../base/errors.ts'
import type { Flags, FlagUse } from '../config/options/option-layers.ts'
import type { CommandName } from '../config/options/option-spec.ts'
import { COMMANDS } from '../config/options/option-spec.ts'
import { modernValue } from '../config/options/option-value.ts'
import { IGNORED_OLD_NAMES, type OptionName, optionSpec, optionsOf } from '../config/options/options.ts'
import { aliasesOf, type DeclaredOptions } from '../config/options/plugin-options.ts'
import { meant, type Problem } from '../config/problems.ts'
import { nearest } from '../core/text/nearest.ts'

export interface ParsedFlags {
  readonly flags: Flags
  /** Texts of the plugin's flags, by its option's name. */
  readonly plugin: ReadonlyMap<string, readonly string[]>
  readonly words: readonly string[]
  /** Flags that nobody knows, without their dashes. */
  readonly unknown: readonly string[]
  readonly help: boolean
  /** On flags that are accepted and do nothing. */
  readonly notices: readonly string[]
}

/** Throws E_USAGE on a flag without its value. `plugin` adds the options of a plugin. */
export async function parseFlags(
  argv: readonly string[],
  command: CommandName,
  plugin?: DeclaredOptions,
): Promise<ParsedFlags> {
  const options = { ...yargsOptions(command), ...pluginYargsOptions(plugin) }
  const { default: yargs } = await import('yargs')
  const parsed: Readonly<Record<string, unknown>> = await yargs(normalise(argv, options, plugin))
    .locale('en')
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'strip-aliased': true,
    })
    .help(false)
    .version(false)
    .exitProcess(false)
    .options(options)
    .fail((message, error) => {
      throw error instanceof Error && error.name !== 'YError' ? error : usageError(message)
    })
    .parseAsync()

  const given = new Map(
    Object.entries(parsed).filter(
      ([name, value]) => !/^(_|\$0)$/.test(name) && value !== undefined && value !== 0,
    ),
  )
  const flags = new Map<OptionName, readonly FlagUse[]>()
  const answered = new Set(
    optionsOf(command).flatMap(name => (optionSpec(name).oldNames ?? []).map(o => o.name)),
  )
  for (const name of optionsOf(command)) {
    const { oldNames = [] } = optionSpec(name)
    const uses = [
      ...textsOf(given.get(name)).map(text => ({ spelling: name, text })),
      ...oldNames.flatMap(old =>
        textsOf(given.get(old.name)).map(text => ({ spelling: old.name, text: modernValue(old.as, text) })),
      ),
    ]
    if (uses.length > 0) flags.set(name, uses)
  }
  return {
    flags,
    plugin: new Map(
      Object.keys(plugin?.options ?? {}).flatMap(name =>
        given.has(name) ? [[name, textsOf(given.get(name))]] : [],
      ),
    ),
    words: textsOf(parsed._),
    unknown: [...given.keys()].filter(name => !Object.hasOwn(options, name)),
    help: parsed.help === true,
    notices: Object.entries(IGNORED_OLD_NAMES)
      .filter(([name]) => given.has(name) && !answered.has(name))
      .map(([name, { why }]) => `--${name} is ignored: ${why}`),
  }
}

/** What a plugin's option may not be called: every flag of the commands that run plugins. */
export function takenNames(): ReadonlySet<string> {
  const names = (['run', 'try'] as const).flatMap(command =>
    Object.entries(yargsOptions(command)).flatMap(([name, { alias }]) => [name, ...[alias ?? []].flat()]),
  )
  return new Set([...names, 'version'])
}

export function unknownFlagProblems(
  unknown: readonly string[],
  command: CommandName,
  plugin?: DeclaredOptions,
): readonly Problem[] {
  const known = [...optionsOf(command), 'help', ...Object.keys(plugin?.options ?? {})]
  return unknown.map(name => {
    const elsewhere = COMMANDS.filter(other => (optionsOf(other) as readonly string[]).includes(name))
    const hint =
      elsewhere.length > 0 ? `it belongs to ${elsewhere.map(other => `dfsp ${other}`).join(', ')}` : undefined
    const who =
      plugin === undefined
        ? `dfsp ${command} has no such flag`
        : `neither dfsp ${command} nor ${plugin.file} has such a flag`
    const near = nearest(name, known)
    return {
      place: name.length === 1 ? `-${name}` : `--${name}`,
      text: who,
      hint: hint ?? meant(near && `--${near}`) ?? `dfsp ${command} --help lists them`,
      in: 'call',
    }
  })
}

function yargsOptions(command: CommandName): Record<string, Options> {
  const options: Record<string, Options> = { help: { type: 'boolean', alias: 'h' } }
  for (const name of optionsOf(command)) {
    const { type, alias, oldNames = [] } = optionSpec(name)
    const aliased = alias === undefined ? {} : { alias }
    const kind: Options = type === 'boolean' || type === 'count' ? { type } : VALUED
    options[name] = { ...kind, ...aliased }
    for (const old of oldNames) options[old.name] = kind
  }
  for (const [name, { switch: bare }] of Object.entries(IGNORED_OLD_NAMES)) {
    options[name] ??= bare ? { type: 'boolean' } : VALUED
  }
  return options
}

const VALUED: Options = { type: 'string', requiresArg: true }

function pluginYargsOptions(plugin: DeclaredOptions | undefined): Record<string, Options> {
  return Object.fromEntries(
    Object.entries(plugin?.options ?? {}).map(([name, option]) => {
      const alias = aliasesOf(option)
      if (option.type === 'boolean') return [name, { type: 'boolean', alias }]
      return [name, option.type === 'array' ? { array: true, string: true, alias } : { ...VALUED, alias }]
    }),
  )
}

/** `--no-x` of a plugin's boolean option `x`, as yargs understands it; an option that is called `no-x` comes first. */
function negated(
  word: string,
  options: Readonly<Record<string, Options>>,
  plugin: DeclaredOptions | undefined,
): string | undefined {
  const [, name = ''] = /^--no-([^=]+)$/.exec(word) ?? []
  if (Object.hasOwn(options, `no-${name}`)) return undefined
  const known = Object.entries(plugin?.options ?? {})
  const isMeant = known.some(
    ([main, option]) => option.type === 'boolean' && [main, ...aliasesOf(option)].includes(name),
  )
  return isMeant ? `--${name}=false` : undefined
}

/**
 * Two gaps of yargs are closed here: `-Xa=b` without a space would be six flags, and `--json=yes` would be false.
 * A flag named like a method of every object makes yargs fail.
 */
function normalise(
  argv: readonly string[],
  options: Readonly<Record<string, Options>>,
  plugin: DeclaredOptions | undefined,
): readonly string[] {
  const end = argv.indexOf('--')
  const flags = end === -1 ? argv : argv.slice(0, end)
  const valued = new Map(
    Object.entries(options).flatMap(([name, { type, alias }]) =>
      type === 'string' ? [alias ?? []].flat().map(letter => [letter, name] as const) : [],
    ),
  )
  const normal = flags.map(word => {
    const [, letter = '', value = ''] = /^-([a-zA-Z])=?([^=][\s\S]*)$/.exec(word) ?? []
    const name = valued.get(letter)
    if (name !== undefined && !word.startsWith('--')) return `--${name}=${value}`
    const [, long = '', text] = /^--?([^=]+)(?:=([\s\S]*))?$/.exec(word) ?? []
    if (long in {}) throw new DfspError('E_USAGE', `there is no flag ${word}`)
    if (options[long]?.type === 'boolean' && text !== undefined && text !== 'true' && text !== 'false') {
      throw new DfspError('E_USAGE', `--${long}: "${text}" is neither true nor false`)
    }
    return negated(word, options, plugin) ?? word
  })
  return end === -1 ? normal : [...normal, ...argv.slice(end)]
}

function usageError(message: string): DfspError {
  const name = /^Not enough arguments following: (.+)$/.exec(message)?.[1]
  if (name === undefined) return new DfspError('E_USAGE', message)
  const flag = name.length === 1 ? `-${name}` : `--${name}`
  return new DfspError('E_USAGE', `${flag} needs a value`, {
    next: `${flag} VALUE, or ${flag}=VALUE where the value begins with a dash`,
  })
}

function textsOf(value: unknown): readonly string[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value.map(String) : [String(value)]
}
