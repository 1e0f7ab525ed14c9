/** Writes man/dfsp.1 from the tables of commands, options, errors: part of `npm run build`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { EXIT_CODES, SIGNAL_EXITS } from '../dist/base/errors.js'
import { loadCommand, SUMMARIES } from '../dist/cli/command-list.js'
import { HELP_TOPICS } from '../dist/cli/help/help-topics.js'
import { GROUPS } from '../dist/config/options/option-spec.js'
import { environmentName, OPTIONS } from '../dist/config/options/options.js'

const ROOT = new URL('../', import.meta.url)
const { version, description } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'))

const commands = await Promise.all(Object.keys(SUMMARIES).map(loadCommand))
mkdirSync(new URL('man', ROOT), { recursive: true })
writeFileSync(
  new URL('man/dfsp.1', ROOT),
  `${[
    `.TH DFSP 1 "" "dfsp ${version}" "User commands"`,
    ...['.SH NAME', `dfsp \\- ${escaped(description)}`],
    ...['.SH SYNOPSIS', '.B dfsp', '.I command', '[options]'],
    ...[
      '.SH DESCRIPTION',
      escaped(
        'Files that were sent through Kafka in chunks, as OpenMSIStream and dfsp upload do, are put together, verified by SHA-512, and given to your function, once each; offsets are committed after it returned null.',
      ),
    ],
    ...['.SH COMMANDS', ...commands.flatMap(commandPart)],
    ...[
      '.SH OPTIONS',
      escaped('In parentheses: the commands that take it. In brackets: its environment variable.'),
    ],
    ...GROUPS.flatMap(optionPart),
    ...['.SH EXIT STATUS', ...Object.entries(EXIT_CODES).flatMap(([code, text]) => item(bold(code), text))],
    ...SIGNAL_EXITS.flatMap(([status, text]) => item(bold(status), text)),
    ...[
      '.SH FILES',
      ...item(
        bold('./dfsp.config'),
        'settings, else dfsp/dfsp.config in $XDG_CONFIG_HOME or ~/.config; dfsp config path tells which',
      ),
    ],
    ...Object.entries(HELP_TOPICS).flatMap(topicPart),
    ...['.SH SEE ALSO', 'dfsp help errors, dfsp help E_CODE'],
  ].join('\n')}\n`,
)

function commandPart({ name, describe, positionals = [], examples }) {
  const words = positionals.map(
    word => (word.required ? word.name : `[${word.name}]`) + (word.many ? '...' : ''),
  )
  return [
    `.SS ${escaped(`dfsp ${[name, ...words].join(' ')}`)}`,
    escaped(describe),
    ...positionals.flatMap(word => item(bold(word.name), word.describe)),
    ...['.PP', 'Examples:', ...examples.flatMap(([line, what]) => item(bold(line), what))],
  ]
}

function optionPart(group) {
  const rows = Object.entries(OPTIONS).filter(([, spec]) => spec.group === group)
  if (rows.length === 0) return []
  return [
    `.SS ${escaped(group)}`,
    ...rows.flatMap(([name, spec]) => {
      const head = `${spec.alias ? `${bold(`-${spec.alias}`)}, ` : ''}${bold(`--${name}`)}`
      const value =
        spec.choices?.join('|') ??
        spec.placeholder ??
        { integer: 'N', size: 'SIZE', duration: 'TIME', string: 'TEXT' }[spec.type] ??
        ''
      const standard = spec.default === undefined ? '' : ` (default ${spec.default})`
      const variable = spec.flagOnly ? '' : ` [${environmentName(name)}]`
      return item(
        `${head} ${value === '' ? '' : `\\fI${escaped(value)}\\fR`}`.trim(),
        `${spec.describe}${standard}${variable} (${spec.commands.join(', ')})`,
      )
    }),
  ]
}

function topicPart([name, { text }]) {
  return [`.SH ${escaped(name.toUpperCase())}`, '.nf', ...text.trimEnd().split('\n').map(escaped), '.fi']
}

function item(head, text) {
  return ['.TP', head, escaped(text)]
}

function bold(text) {
  return `\\fB${escaped(text)}\\fR`
}

/** roff reads backslashes, hyphens, and dots and quotes at the start of a line; what is not ASCII by its number. */
function escaped(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/[^\x20-\x7e]/g, c => `\\[u${c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}]`)
    .replace(/^([.'])/, '\\&$1')
}
