/** From the text of an option, wherever it was written, to its value. */
import type { HostPort } from '../../core/host-port.ts'
import type { StartOffset } from '../../core/offsets/start-offset.ts'
import { nearest } from '../../core/text/nearest.ts'
import type { OldName, OptionSpec } from './option-spec.ts'
import { durationText, type Parsed, parseDuration, parseSize, sizeText } from './units.ts'

const TRUE: readonly string[] = ['true', 'yes', 'on', '1']
const FALSE: readonly string[] = ['false', 'no', 'off', '0']

/** Kafka's own rule. */
const TOPIC = /^(?!\.{1,2}$)[\w.-]{1,249}$/

/** Python's logging levels, by name and number, as OpenMSIStream takes them. */
const PYTHON_LEVELS: Readonly<Record<string, string>> = {
  notset: 'debug',
  debug: 'debug',
  10: 'debug',
  info: 'info',
  20: 'info',
  warning: 'warn',
  30: 'warn',
  error: 'error',
  40: 'error',
  critical: 'error',
  50: 'error',
}

export function parseOption(
  spec: OptionSpec,
  text: string,
): Parsed<string | number | boolean | RegExp | StartOffset | HostPort> {
  switch (spec.type) {
    case 'boolean':
      return parseBoolean(text)
    case 'integer':
      return parseInteger(text, spec.min, spec.max)
    case 'count':
      return parseInteger(text, 0, 9)
    case 'size': {
      const size = parseSize(text)
      if ('problem' in size || (size.value >= spec.min && size.value <= spec.max)) return size
      return { problem: `"${text}" is out of range (${sizeText(spec.min)} to ${sizeText(spec.max)})` }
    }
    case 'duration': {
      const ms = parseDuration(text)
      if ('problem' in ms || (ms.value >= spec.min && ms.value <= spec.max)) return ms
      if (ms.value < spec.min)
        return { problem: `"${text}" is too short: at least ${durationText(spec.min)}` }
      return { problem: `"${text}" is too long: at most ${durationText(spec.max)}` }
    }
    case 'regex':
      return parseRegex(text)
    case 'start':
      return parseStart(text)
    case 'time': {
      const start = parseStart(text)
      if ('value' in start && typeof start.value === 'object') return { value: start.value.time }
      return { problem: `"${text}" is not a time such as 2026-11-24T15:00Z` }
    }
    case 'address':
      return parseAddress(text)
    case 'enum': {
      if (spec.choices.includes(text)) return { value: text }
      const near = nearest(text, spec.choices)
      return {
        problem: `"${text}" is none of ${spec.choices.join(', ')}${near === undefined ? '' : `: ${near}?`}`,
      }
    }
    case 'topic':
      return text !== '' && !TOPIC.test(text)
        ? { problem: `"${text}" is no name of a topic: letters, digits, ".", "_" and "-", at most 249` }
        : parseText(text)
    case 'brokers':
      return parseBrokers(text)
    case 'string':
    case 'list':
      return parseText(text)
  }
}

function parseText(text: string): Parsed<string> {
  return text === '' ? { problem: 'is empty' } : { value: text }
}

export function parseBoolean(text: string): Parsed<boolean> {
  const word = text.toLowerCase()
  if (TRUE.includes(word)) return { value: true }
  return FALSE.includes(word) ? { value: false } : { problem: `"${text}" is neither true nor false` }
}

/** Rewrites the value of an OpenMSIStream spelling into dfsp's. */
export function modernValue(as: OldName['as'], text: string): string {
  switch (as) {
    case 'bytes':
      return /^\d+$/.test(text) ? `${text}B` : text
    case 'seconds':
      return /^\d+(\.\d+)?$/.test(text) ? `${text}s` : text
    case 'anchored':
      return `^(?:${text})`
    case 'python-level':
      return PYTHON_LEVELS[text.toLowerCase()] ?? text
    case undefined:
      return text
  }
}

function parseInteger(text: string, min: number, max: number): Parsed<number> {
  const number = Number(text)
  if (/^-?\d+$/.test(text) && number >= min && number <= max) return { value: number }
  return { problem: `"${text}" is not a whole number (${min}-${max})` }
}

function parseRegex(text: string): Parsed<RegExp> {
  try {
    return { value: new RegExp(text) }
  } catch (error) {
    const why = (error as Error).message.replace(/^.*: /, '')
    return {
      problem: `"${text}" is no regular expression (${why}); for a pattern such as *.csv write '\\.csv$'`,
    }
  }
}

/** With a protocol before it, perhaps; an IPv6 address stands in brackets, or without a port. */
const BROKER = /^(?:[a-z_]+:\/\/)?(?:(?:\[[\da-f:.%a-z]+\]|[^\s:/[\]]+)(?::(\d{1,5}))?|[\da-f:.]+)$/i
const LOOPBACK = '127.0.0.1'

function parseAddress(text: string): Parsed<HostPort> {
  const found = /^(?:(?:\[([\da-f:.]+)\]|([^\s:/[\]]*)):)?(\d{1,5})$/i.exec(text)
  const port = Number(found?.[3])
  if (!found || port > 65_535)
    return { problem: `"${text}" is no port and no HOST:PORT such as ${LOOPBACK}:9464` }
  return { value: { host: found[1] || found[2] || LOOPBACK, port } }
}

function parseBrokers(text: string): Parsed<string> {
  const names = text
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
  const isRight = (name: string) => {
    const found = BROKER.exec(name)
    return found !== null && Number(found[1] ?? 0) <= 65_535
  }
  if (text.includes('@'))
    return {
      problem: 'has an "@": a login belongs into sasl.username and sasl.password, not into the address',
    }
  const wrong = names.find(name => !isRight(name))
  if (names.length === 0) return { problem: 'is empty' }
  return wrong === undefined ? { value: text } : { problem: `"${wrong}" is no HOST:PORT such as lab1:9092` }
}

/** A date alone is midnight UTC, a time without zone is local: JavaScript's reading of ISO 8601. */
function parseStart(text: string): Parsed<StartOffset> {
  if (text === 'earliest' || text === 'latest') return { value: text }
  const time = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text)
    ? Date.parse(text)
    : Number.NaN
  if (!Number.isNaN(time) && isDay(text)) return { value: { time } }
  return { problem: `"${text}" is neither earliest, latest nor a time such as 2026-11-24T15:00Z` }
}

/** JavaScript reads 2026-02-30 as the second of March. */
function isDay(text: string): boolean {
  const day = text.slice(0, 10)
  return new Date(`${day}T00:00Z`).toISOString().startsWith(day)
}
