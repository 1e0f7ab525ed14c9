/** What a plugin declares as its `options` is plain data: what is wrong with it, and where. */
import { nearest } from '../../core/text/nearest.ts'
import type { PluginOption } from '../plugin.ts'

type Declared = Readonly<Record<keyof PluginOption, unknown>>

interface Value {
  readonly is: (value: unknown) => boolean
  /** "a number" */
  readonly called: string
}

const text: Value = { is: value => typeof value === 'string', called: 'a string' }
const truth: Value = { is: value => typeof value === 'boolean', called: 'true or false' }
const number: Value = { is: value => typeof value === 'number' && !Number.isNaN(value), called: 'a number' }
const texts: Value = {
  is: value => Array.isArray(value) && value.every(text.is),
  called: 'an array of strings',
}

const TYPES: Readonly<Record<PluginOption['type'], Value>> = {
  string: text,
  number,
  boolean: truth,
  array: texts,
}

const KEYS: ReadonlyArray<keyof PluginOption> = [
  'type',
  'default',
  'describe',
  'choices',
  'alias',
  'demandOption',
]

/** A predicate for "./plot.ts …", undefined where the declaration is right. */
export function wrongOptions(options: unknown): string | undefined {
  if (!isRecord(options)) return 'exports `options` that is not an object'
  for (const [name, option] of Object.entries(options)) {
    if (!isRecord(option)) return `option "${name}" is not an object such as { type: 'number' }`
    const wrong = wrongKey(option) ?? wrongValue(option as Declared)
    if (wrong !== undefined) return `option "${name}" ${wrong}`
  }
  return undefined
}

function wrongKey(option: object): string | undefined {
  for (const key of Object.keys(option)) {
    if (KEYS.includes(key as keyof PluginOption)) continue
    const meant = nearest(key, KEYS)
    return `has an unknown key "${key}"${meant ? `, did you mean "${meant}"?` : ` (known: ${KEYS.join(', ')})`}`
  }
  return undefined
}

function wrongValue(option: Declared): string | undefined {
  const { type, default: fallback, choices, alias } = option
  if (!isType(type)) {
    const given = type === undefined ? 'has no type' : `has the type ${called(type)}`
    return `${given}: one of ${Object.keys(TYPES).join(', ')}`
  }
  const not = (key: keyof PluginOption, value: Value): string | undefined =>
    option[key] === undefined || value.is(option[key])
      ? undefined
      : `has ${key === 'alias' ? 'an' : 'a'} ${key} that is ${called(option[key])}, not ${value.called}`
  return (
    not('describe', text) ??
    not('demandOption', truth) ??
    not('alias', texts.is(alias) ? texts : { ...text, called: 'a string or an array of strings' }) ??
    not('default', TYPES[type]) ??
    wrongChoices(type, choices, fallback)
  )
}

function wrongChoices(type: PluginOption['type'], choices: unknown, fallback: unknown): string | undefined {
  if (choices === undefined) return undefined
  if (type === 'boolean') return 'has choices, which a boolean has not'
  const item = type === 'number' ? number : text
  if (!Array.isArray(choices) || choices.length === 0)
    return `has choices that are ${called(choices)}, not an array such as ${type === 'number' ? '[1, 2]' : "['a', 'b']"}`
  const odd = choices.findIndex(choice => !item.is(choice))
  if (odd >= 0) return `has the choice ${called(choices[odd])}, not ${item.called}`
  const defaults = fallback === undefined ? [] : [fallback].flat()
  const other = defaults.find(value => !choices.includes(value))
  return other === undefined
    ? undefined
    : `has the default ${called(other)}, which is none of ${choices.join(', ')}`
}

function isType(type: unknown): type is PluginOption['type'] {
  return typeof type === 'string' && Object.hasOwn(TYPES, type)
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a value is, for messages: `5`, `"abc"`, `null`, "an array", "a function". */
export function called(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
