/** Text as Python writes it: what scripts for OpenMSIStream's files and messages were written against. */
import { HIDDEN } from '../../core/text/shown-text.ts'

/** What Python escapes, and what no output shows as it is; Python reads both back. */
const QUOTABLE = new RegExp(`[\\\\\\p{Co}\\p{Cn}\\p{Zs}]|${HIDDEN.source}`, 'gu')

const PLAIN = /^[ -&(-[\]-~]*$/

/** `repr()` of a str. */
export function pythonRepr(text: string): string {
  if (PLAIN.test(text)) return `'${text}'`
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const inner = text.replace(QUOTABLE, escaped)
  return `${quote}${quote === "'" ? inner.replaceAll("'", "\\'") : inner}${quote}`
}

function escaped(letter: string): string {
  if (letter === ' ') return letter
  if (letter === '\\') return '\\\\'
  if (letter === '\n') return '\\n'
  if (letter === '\r') return '\\r'
  if (letter === '\t') return '\\t'
  const code = letter.codePointAt(0) as number
  const hex = code.toString(16)
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`
  return code < 0x1_0000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}

/** A field of `csv.writer` with `;` between fields and quotes where they are needed. */
export function csvField(text: string): string {
  return /[;"\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export type PythonValue = string | number | readonly PythonValue[] | { readonly [name: string]: PythonValue }

/** `json.dumps()`: a space behind separators, nothing but ASCII. */
export function pythonJson(value: PythonValue): string {
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string')
    return JSON.stringify(value).replace(
      /[\u007f-\uffff]/g,
      letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`
  const entries = Object.entries(value as Readonly<Record<string, PythonValue>>)
  return `{${entries.map(([name, inner]) => `${pythonJson(name)}: ${pythonJson(inner)}`).join(', ')}}`
}

/** `datetime.isoformat()` of a moment in UTC, with the milliseconds that there are. */
export function pythonIsoUtc(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000+00:00')
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (n: number) => String(n).padStart(2, '0')

/** `%a %b %d, %Y at %H:%M:%S` in local time: `Wed Nov 25, 2026 at 03:18:24`. */
export function registryTime(ms: number): string {
  const second = Math.floor(ms / 1_000)
  const before = known.get(second)
  if (before !== undefined) return before
  if (known.size >= MOST_KNOWN) known.clear()
  const text = registryText(new Date(ms))
  known.set(second, text)
  return text
}

/** Many rows are of the same seconds. */
const known = new Map<number, string>()
const MOST_KNOWN = 4_096

function registryText(t: Date): string {
  return `${DAYS[t.getDay()]} ${MONTHS[t.getMonth()]} ${two(t.getDate())}, ${t.getFullYear()} at ${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`
}
