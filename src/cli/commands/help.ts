/** `dfsp help`: commands, exit codes, error codes. */

import { COMMANDS } from '../../config/option-spec.ts'
import { optionsOf } from '../../config/options.ts'
import { meant } from '../../config/problems.ts'
import { nearest } from '../../core/nearest.ts'
import { DfspError, type ErrorCode, EXIT_CODES } from '../../errors.ts'
import type { Command } from '../command.ts'
import { isCommand, loadCommand } from '../command-list.ts'
import { ERROR_HELP } from '../error-help.ts'
import { commandHelp, overview } from '../help-text.ts'

export const command: Command = {
  name: 'help',
  describe: 'Explains a command, the exit codes, or the code in brackets behind an error.',
  positionals: [{ name: 'TOPIC', describe: 'a command, exit-codes, or a code such as E_NO_BROKER' }],
  examples: [
    ['dfsp help run', 'what dfsp run --help says'],
    ['dfsp help exit-codes', 'what a script may rely on'],
    ['dfsp help E_GROUP_BUSY', 'why, and what to do'],
  ],
  options: optionsOf('help'),
  async run({ positionals, stdout }) {
    stdout.write(await textOf(positionals.TOPIC?.[0]))
    return 0
  },
}

async function textOf(topic: string | undefined): Promise<string> {
  if (topic === undefined) return overview()
  if (isCommand(topic)) return commandHelp(await loadCommand(topic), 80)
  if (topic === 'exit-codes') return exitCodes()
  const code = topic.toUpperCase()
  if (isErrorCode(code)) return `${code} (exit ${new DfspError(code, '').exitCode})\n${ERROR_HELP[code]}\n`
  throw new DfspError('E_USAGE', `there is no help on "${topic}"`, {
    next: meant(nearest(topic, [...COMMANDS, 'exit-codes', ...Object.keys(ERROR_HELP)])) ?? 'dfsp help',
  })
}

function exitCodes(): string {
  const rows = Object.entries(EXIT_CODES).map(([status, meaning]) => `${status.padStart(4)}  ${meaning}`)
  rows.push('128+n  a finite run ended by signal n before its end, or a second signal')
  return `${rows.join('\n')}\n`
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_HELP, code)
}
