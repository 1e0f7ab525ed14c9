/**
 * Reads INI files as Python's `configparser.ConfigParser()` does, since that is what OpenMSIStream's files were
 * written for: keys in lower case, `=` or `:`, comments on lines of their own only (`pass = a;b#c` is a value),
 * continuation lines by indentation with empty lines in them, `[DEFAULT]`, `%(name)s`.
 *
 * Unlike Python it goes on after a problem, keeps line numbers, and skips a byte order mark.
 */

import { isSecret } from '../secrets.ts'
import { interpolate } from './interpolation.ts'

const DEFAULT_SECTION = 'DEFAULT'

export interface IniEntry {
  readonly value: string
  /** Line of the key, from 1. */
  readonly line: number
  /** Inherited from [DEFAULT]. */
  readonly inherited: boolean
}

export interface IniProblem {
  readonly line: number
  readonly text: string
  /** What follows may belong to another section than it seems to. */
  readonly losesSection?: boolean
}

export type IniSection = ReadonlyMap<string, IniEntry>

export interface Ini {
  /** [DEFAULT] is not among them: its keys are in each. */
  readonly sections: ReadonlyMap<string, IniSection>
  /** Line of each section's header. */
  readonly headers: ReadonlyMap<string, number>
  /** In the order of their lines; where there are any, the rest is only good for finding more of them. */
  readonly problems: readonly IniProblem[]
}

interface Written {
  readonly lines: string[]
  readonly line: number
}

export function readIni(text: string): Ini {
  const problems: IniProblem[] = []
  const headers = new Map<string, number>()
  const written = readLines(text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/), headers, problems)
  const defaults = written.get(DEFAULT_SECTION) ?? new Map<string, Written>()

  const sections = new Map<string, IniSection>()
  for (const name of headers.keys()) {
    const raw = new Map<string, Written>([...defaults, ...(written.get(name) ?? [])])
    const texts = new Map([...raw].map(([key, { lines }]) => [key, stripEnd(lines.join('\n'))]))
    const section = new Map<string, IniEntry>()
    for (const [key, { line }] of raw) {
      const { value, problem } = interpolate(key, texts)
      const inherited = !written.get(name)?.has(key)
      if (problem !== undefined && !problems.some(known => known.line === line)) {
        // A reference may be a piece of a password.
        const text = isSecret(key)
          ? 'what looks like %(name)s in it refers to no key; %% is a plain %'
          : problem
        problems.push({ line, text: `[${name}] ${key}: ${text}` })
      }
      section.set(key, { value, line, inherited })
    }
    sections.set(name, section)
  }
  problems.sort((a, b) => a.line - b.line)
  return { sections, headers, problems }
}

function readLines(
  lines: readonly string[],
  headers: Map<string, number>,
  problems: IniProblem[],
): ReadonlyMap<string, ReadonlyMap<string, Written>> {
  const sections = new Map<string, Map<string, Written>>()
  let name = ''
  let section: Map<string, Written> | undefined
  let entry: Written | undefined
  let indent = 0
  let headerMissed = false

  for (const [index, text] of lines.entries()) {
    const line = index + 1
    const stripped = strip(text)
    if (stripped.startsWith('#') || stripped.startsWith(';')) continue
    if (stripped === '') {
      entry?.lines.push('')
      continue
    }
    const column = text.length - stripStart(text).length
    if (entry !== undefined && column > indent) {
      entry.lines.push(stripped)
      continue
    }
    indent = column

    const header = headerName(stripped)
    if (header !== undefined) {
      name = header
      entry = undefined
      section = sections.get(name) ?? new Map()
      sections.set(name, section)
      if (name === DEFAULT_SECTION) continue
      const first = headers.get(name)
      if (first === undefined) headers.set(name, line)
      else problems.push({ line, text: `section [${name}] is already in line ${first}` })
      continue
    }
    if (section === undefined) {
      if (!headerMissed)
        problems.push({ line, text: 'a line before the first [section]', losesSection: true })
      headerMissed = true
      continue
    }
    const delimiter = stripped.search(/[=:]/)
    if (delimiter <= 0) {
      problems.push({
        line,
        text: delimiter === 0 ? 'no name before the value' : `neither "name = value" nor [section]`,
        losesSection: delimiter < 0, // it may have been meant as a header
      })
      continue
    }
    const key = strip(stripped.slice(0, delimiter)).toLowerCase()
    const before = section.get(key)
    if (before !== undefined)
      problems.push({ line, text: `[${name}] ${key} is already in line ${before.line}` })
    entry = { lines: [strip(stripped.slice(delimiter + 1))], line }
    section.set(key, entry)
  }
  return sections
}

/** "[a] rest" is section "a": the header ends at the last bracket, what follows is not looked at. */
function headerName(stripped: string): string | undefined {
  const end = stripped.lastIndexOf(']')
  return stripped.startsWith('[') && end > 1 ? stripped.slice(1, end) : undefined
}

/** Python's idea of white space: unlike JavaScript's it has the four separators and NEL, and not the BOM. */
function isSpace(char: string): boolean {
  return (char.trim() === '' && char !== '\uFEFF') || (char >= '\x1c' && char <= '\x1f') || char === '\x85'
}

function stripStart(text: string): string {
  let start = 0
  while (start < text.length && isSpace(text.charAt(start))) start++
  return text.slice(start)
}

function stripEnd(text: string): string {
  let end = text.length
  while (end > 0 && isSpace(text.charAt(end - 1))) end--
  return text.slice(0, end)
}

function strip(text: string): string {
  return stripEnd(stripStart(text))
}
