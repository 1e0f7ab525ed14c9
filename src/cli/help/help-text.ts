/** Help texts, made from the option table. */

import type { CommandName, OptionSpec } from '../../config/options/option-spec.ts'
import { GROUPS } from '../../config/options/option-spec.ts'
import { environmentName, type OptionName, optionSpec, optionsOf } from '../../config/options/options.ts'
import { aliasesOf, type DeclaredOptions, variableName } from '../../config/options/plugin-options.ts'
import type { PluginOption } from '../../core/plugin-option.ts'
import { textLines } from '../../core/text/shown-text.ts'
import type { Command } from '../command.ts'
import { SUMMARIES } from '../command-list.ts'

const COLUMN = 30
/** So many commands have a line of their own. */
const MAIN = 6

/** A dozen lines: what one types without knowing anything. */
export function overview(): string {
  const commands = (Object.keys(SUMMARIES) as CommandName[]).filter(name => name !== 'help')
  return [
    'dfsp runs your function on whole files as they arrive on a Kafka topic.',
    '',
    '  dfsp demo                                    see it work, without Kafka',
    '  dfsp try ./plot.ts samples/*.csv             your plugin on local files',
    '  dfsp run -p ./plot.ts -t xrd -b lab1:9092    the main job',
    '',
    ...commands.slice(0, MAIN).map(name => `  ${name.padEnd(8)} ${SUMMARIES[name]}`),
    `  also: ${commands.slice(MAIN).join(', ')}; each has --help`,
    '',
  ].join('\n')
}

export function commandHelp(command: Command, width: number, plugin?: DeclaredOptions): string {
  const lines = [usageLine(command), '', ...wrap(command.describe, width, 0), '']
  for (const { name, describe } of command.positionals ?? []) lines.push(...entry(name, describe, width))
  if (command.positionals !== undefined) lines.push('')
  if (plugin !== undefined && Object.keys(plugin.options).length > 0) {
    lines.push(`${plugin.file}:`)
    for (const [name, option] of Object.entries(plugin.options))
      lines.push(...pluginEntry(name, option, width))
    lines.push('')
  }
  for (const group of GROUPS) {
    const names = optionsOf(command.name).filter(name => optionSpec(name).group === group)
    if (names.length === 0) continue
    lines.push(`${group}:`, ...names.flatMap(name => optionEntry(name, width)), '')
  }
  lines.push('Examples:', ...exampleLines(command.examples, width))
  return textLines(lines)
}

/** What each does stands beside it where all fit so, else below it. */
function exampleLines(examples: Command['examples'], width: number): readonly string[] {
  const longest = Math.max(...examples.map(([line]) => line.length))
  const beside = examples.map(([line, what]) => `  ${line.padEnd(longest)}   ${what}`)
  if (beside.every(line => line.length <= width)) return beside
  return examples.flatMap(([line, what]) => [`  ${line}`, ...wrap(what, width, 6)])
}

function usageLine({ name, positionals = [] }: Command): string {
  const words = positionals.map(({ name: word, required, many }) => {
    const shown = many === true ? `${word}..` : word
    return required === true ? shown : `[${shown}]`
  })
  return ['dfsp', name, ...words, '[options]'].join(' ')
}

function optionEntry(name: OptionName, width: number): readonly string[] {
  const spec = optionSpec(name)
  const short = spec.alias === undefined ? '    ' : `-${spec.alias}, `
  const head = `${short}--${name} ${placeholder(spec)}`.trimEnd()
  const standard = 'default' in spec && spec.default !== undefined ? ` (default ${spec.default})` : ''
  const variable = spec.flagOnly ? '' : ` [${environmentName(name)}]`
  return entry(head, `${spec.describe}${standard}${variable}`, width)
}

function pluginEntry(name: string, option: PluginOption, width: number): readonly string[] {
  const value = option.choices?.join('|') ?? (option.type === 'boolean' ? '' : option.type.toUpperCase())
  const [alias] = aliasesOf(option).filter(word => word.length === 1)
  const head =
    `${alias === undefined ? '    ' : `-${alias}, `}--${option.type === 'boolean' ? '[no-]' : ''}${name} ${value}`.trimEnd()
  const standard = option.default === undefined ? '' : ` (default ${option.default})`
  const required = option.demandOption === true && option.default === undefined ? ' (required)' : ''
  return entry(head, `${option.describe ?? ''}${standard}${required} [${variableName(name)}]`, width)
}

function placeholder(spec: OptionSpec): string {
  if (spec.placeholder !== undefined) return spec.placeholder
  if (spec.type === 'enum') return spec.choices.join('|')
  return { integer: 'N', size: 'SIZE', duration: 'TIME', string: 'TEXT' }[spec.type as string] ?? ''
}

function entry(head: string, text: string, width: number): readonly string[] {
  const [first = '', ...rest] = wrap(text.trim(), width, COLUMN)
  const start = `  ${head}`
  if (start.length > COLUMN - 2) return [start, first, ...rest]
  return [start.padEnd(COLUMN) + first.trimStart(), ...rest]
}

/** Lines of at most `width` characters, each indented by `indent` spaces. */
export function wrap(text: string, width: number, indent: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map(each => ' '.repeat(indent) + each)
}
