/**
 * Writes src/kafka/property-table.ts from librdkafka's CONFIGURATION.md, which the client's package carries.
 * Run after an update of the client: node --import tsx scripts/generate-properties.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'

const client = new URL('../node_modules/@confluentinc/kafka-javascript/', import.meta.url)
const table = readFileSync(new URL('deps/librdkafka/CONFIGURATION.md', client), 'utf8')
const { librdkafka } = JSON.parse(readFileSync(new URL('package.json', client), 'utf8')) as {
  librdkafka: string
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'integer',
  float: 'number',
  boolean: 'boolean',
  'enum value': 'enum',
  'CSV flags': 'string',
  'pattern list': 'string',
}
const USERS: Readonly<Record<string, string>> = { '*': 'both', C: 'consumer', P: 'producer' }

let level = 'global'
const seen = new Set<string>()
const rows: string[] = []
for (const line of table.split('\n')) {
  if (line.startsWith('## Topic configuration')) level = 'topic'
  const cells = line.split(/\s*\|\s*/)
  const kind = KINDS[/\*Type: ([^*]*)\*/.exec(line)?.[1] ?? '']
  const [name = '', user = '', range = '', standard = ''] = cells
  // What only code can set has no kind here; of a name in both tables librdkafka wants the global one.
  if (kind === undefined || USERS[user] === undefined || seen.has(name)) continue
  seen.add(name)
  const aliasOf = /\|\s*Alias for `([^`]+)`/.exec(line)?.[1] ?? ''
  // A default that holds the table's own bar is left out.
  const shown = cells.length > 6 ? '' : standard
  rows.push([name, level, USERS[user], kind, aliasOf, range, shown].join(' | ').trimEnd())
}

writeFileSync(
  new URL('../src/kafka/property-table.ts', import.meta.url),
  `/**
 * librdkafka ${librdkafka}'s properties: name | level | used by | kind | alias of | range or choices | default.
 * Written by scripts/generate-properties.ts: do not edit.
 */
export const PROPERTY_TABLE = \`
${rows.join('\n')}
\`
`,
)
