/** Where the text of an option may stand: default, config file, environment, flag; later ones win. */
import { nearest } from '../../core/text/nearest.ts'
import type { ConfigFile } from '../file/config-file.ts'
import { expandVariables } from '../file/openmsistream.ts'
import { meant, type Problem } from '../problems.ts'
import { masked } from '../secrets.ts'
import type { CommandName } from './option-spec.ts'
import { environmentName, OPTION_NAMES, OPTIONS, type OptionName, optionSpec, optionsOf } from './options.ts'

export const RANK = { default: 0, file: 1, env: 2, flag: 3 } as const

/** A text with its place; `unset` names what it needs and does not exist: see `Expanded`. */
export interface Written {
  readonly text: string
  readonly unset?: string
  readonly layer: keyof typeof RANK
  /** As `config show --origin` says it. */
  readonly origin: string
  /** As messages say it. */
  readonly place: string
}

export type Layer = ReadonlyMap<OptionName, Written>

/** One use of a flag, under the spelling that was used, its value already in dfsp's form. */
export interface FlagUse {
  readonly spelling: string
  readonly text: string
}

export type Flags = ReadonlyMap<OptionName, readonly FlagUse[]>

export function isOption(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name)
}

export function defaultLayer(): Layer {
  const layer = new Map<OptionName, Written>()
  for (const name of OPTION_NAMES) {
    const spec = optionSpec(name)
    const implied = spec.type === 'boolean' ? 'false' : spec.type === 'count' ? '0' : undefined
    const text = 'default' in spec && spec.default !== undefined ? String(spec.default) : implied
    if (text !== undefined) layer.set(name, { text, layer: 'default', origin: 'default', place: `--${name}` })
  }
  return layer
}

/** Section [dfsp]; all of it is checked, whichever command reads it. */
export function fileLayer(file: ConfigFile | undefined, env: NodeJS.ProcessEnv, problems: Problem[]): Layer {
  const layer = new Map<OptionName, Written>()
  for (const [name, { value, line, inherited }] of file?.ini.sections.get('dfsp') ?? []) {
    const place = `${file?.shown}:${line}`
    if (isOption(name) && !optionSpec(name).flagOnly && name !== 'config') {
      const expanded = expandVariables(value, env)
      const text = 'value' in expanded ? expanded : { value: '', unset: expanded.unset }
      const { value: written, ...unset } = text
      layer.set(name, { text: written, ...unset, layer: 'file', origin: place, place: `${place}: ${name}` })
    } else if (isOption(name)) {
      problems.push({ place, text: `${name} can only be given as a flag`, in: 'file' })
    } else if (!inherited) {
      const hint = meant(nearest(name, OPTION_NAMES))
      problems.push({ place, text: `unknown option "${name}" in [dfsp]`, hint, in: 'file' })
    }
  }
  return layer
}

/** DFSP_X of the command's options; an empty variable counts as none. */
export function environmentLayer(command: CommandName, env: NodeJS.ProcessEnv): Layer {
  const layer = new Map<OptionName, Written>()
  for (const name of readOptions(command)) {
    const variable = environmentName(name)
    const text = env[variable]
    if (text) layer.set(name, { text, layer: 'env', origin: `env ${variable}`, place: variable })
  }
  return layer
}

export function flagLayer(flags: Flags, problems: Problem[]): Layer {
  const layer = new Map<OptionName, Written>()
  for (const [name, uses] of flags) {
    const { type } = optionSpec(name)
    const last = uses.at(-1)
    if (last === undefined || type === 'list') continue
    if (uses.length > 1 && type !== 'boolean') {
      const given = uses.map(({ text }) => `"${masked('', text)}"`).join(' and ')
      problems.push({ place: `--${name}`, text: `is given ${uses.length} times: ${given}`, in: 'call' })
    }
    layer.set(name, { text: last.text, layer: 'flag', origin: 'flag', place: `--${last.spelling}` })
  }
  return layer
}

/** `config` shows and checks what any command would read. */
function readOptions(command: CommandName): readonly OptionName[] {
  const names = command === 'config' ? OPTION_NAMES : optionsOf(command)
  return names.filter(name => !optionSpec(name).flagOnly)
}

/**
 * A warning for each DFSP_ variable that looks like a slip. Others are passed over: container platforms put
 * variables such as DFSP_SERVICE_HOST into every process.
 */
export function strangeVariables(env: NodeJS.ProcessEnv): readonly string[] {
  const known = OPTION_NAMES.filter(name => !optionSpec(name).flagOnly).map(environmentName)
  return Object.keys(env)
    .filter(name => /^DFSP_(?!KAFKA_|PLUGIN_)/.test(name) && !known.includes(name))
    .flatMap(name => {
      const near = nearest(
        name.slice(5),
        known.map(other => other.slice(5)),
      )
      return near === undefined ? [] : [`${name} is not read: ${meant(`DFSP_${near}`)}`]
    })
}
