/** `dfsp help`: commands, topics, exit codes, error codes. */

import { DfspError, type ErrorCode, EXIT_CODES, SIGNAL_EXITS } from '../../base/errors.ts'
import { COMMANDS } from '../../config/options/option-spec.ts'
import { meant } from '../../config/problems.ts'
import { nearest } from '../../core/text/nearest.ts'
import type { Command } from '../command.ts'
import { isCommand, loadCommand } from '../command-list.ts'
import { ERROR_HELP } from '../help/error-help.ts'
import { errorPageText } from '../help/error-page-text.ts'
import { commandHelp, overview, wrap } from '../help/help-text.ts'
import { HELP_TOPICS } from '../help/help-topics.ts'

const LISTS: Readonly<Record<string, readonly [summary: string, text: () => string]>> = {
  topics: ['this list', topics],
  errors: ['the code in brackets behind an error', errorCodes],
  'exit-codes': ['what a script may rely on', exitCodes],
}

export const command: Command = {
  name: 'help',
  describe:
    'Explains a command, a topic (plugins, settings, monitoring, scaling, services, failures, s3), the exit codes, or the code in brackets behind an error.',
  positionals: [
    { name: 'TOPIC', describe: 'a command, a topic (help topics lists them), or a code such as E_NO_BROKER' },
  ],
  examples: [
    ['dfsp help topics', 'what there is'],
    ['dfsp help services', 'cron, systemd, containers'],
    ['dfsp help exit-codes', 'what a script may rely on'],
    ['dfsp help E_GROUP_BUSY', 'what it means, how to look, what to do'],
  ],
  async run({ positionals, stdout }) {
    stdout.write(await textOf(positionals.TOPIC?.[0]))
    return 0
  },
}

/** Every word that `dfsp help` takes. */
export function helpWords(): readonly string[] {
  return [...COMMANDS, ...Object.keys(LISTS), ...Object.keys(HELP_TOPICS), ...Object.keys(ERROR_HELP)]
}

async function textOf(topic: string | undefined): Promise<string> {
  if (topic === undefined) return `${overview()}\n${topics()}`
  if (isCommand(topic)) return commandHelp(await loadCommand(topic), 80)
  const list = Object.hasOwn(LISTS, topic) ? LISTS[topic] : undefined
  if (list !== undefined) return list[1]()
  const text = Object.hasOwn(HELP_TOPICS, topic) ? HELP_TOPICS[topic] : undefined
  if (text !== undefined) return text.text
  const code = topic.toUpperCase()
  if (isErrorCode(code)) return errorPageText(code)
  throw new DfspError('E_USAGE', `there is no help on "${topic}"`, {
    next:
      meant(nearest(topic, helpWords())) ?? (/^E_/i.test(topic) ? 'dfsp help errors' : 'dfsp help topics'),
  })
}

function topics(): string {
  const rows = [
    ...Object.entries(HELP_TOPICS).map(([name, { summary }]) => [name, summary]),
    ...Object.entries(LISTS).map(([name, [summary]]) => [name, summary]),
  ]
  return [
    'dfsp help TOPIC:',
    ...rows.map(([name = '', summary]) => `  ${name.padEnd(10)}  ${summary}`),
    '',
  ].join('\n')
}

function errorCodes(): string {
  const codes = Object.keys(ERROR_HELP) as ErrorCode[]
  const rows = codes.map(
    code =>
      `  ${code.padEnd(20)} ${String(new DfspError(code, '').exitCode).padStart(2)}  ${ERROR_HELP[code].title}`,
  )
  return ['dfsp help CODE; the number is the exit status:', ...rows, ''].join('\n')
}

function exitCodes(): string {
  const rows = [
    ...Object.entries(EXIT_CODES).map(([status, meaning]) => [status.padStart(4), meaning] as const),
    ...SIGNAL_EXITS.map(([status, meaning]) => [status.padStart(4), meaning] as const),
  ]
  const lines = rows.flatMap(([status, meaning]) => {
    const [first = '', ...rest] = wrap(meaning, 80, 7)
    return [status.padEnd(7) + first.trimStart(), ...rest]
  })
  return `${lines.join('\n')}\n`
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_HELP, code)
}
