/** From the command line to a command's exit status. */

import { DfspError } from '../base/errors.ts'
import { COMMANDS } from '../config/options/option-spec.ts'
import type { DeclaredOptions } from '../config/options/plugin-options.ts'
import { meant, type Problem, problemText } from '../config/problems.ts'
import { nearest } from '../core/text/nearest.ts'
import type { Command, Invocation, World } from './command.ts'
import { isCommand, loadCommand } from './command-list.ts'
import { parseFlags, unknownFlagProblems } from './flags.ts'
import { commandHelp, overview } from './help/help-text.ts'
import { invoke } from './invocation.ts'
import { namesPlugin } from './plugin-named.ts'

const WIDEST = 100

/** Resolves to the exit status; throws a DfspError, which `main` prints. */
export async function runCommandLine(argv: readonly string[], world: World): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined) {
    world.stderr.write(overview())
    return 2
  }
  if (name === '--help' || name === '-h') {
    world.stdout.write(overview())
    return 0
  }
  if (name === '__complete') return await (await import('./help/completions.ts')).complete(rest, world)
  if (!isCommand(name)) throw unknownCommand(name, rest)
  const command = await loadCommand(name)
  // After `--`, `run` and `try` take nothing but flags of the plugin.
  const flags = command.takesPlugin
    ? rest.filter((word, index) => word !== '--' || rest.indexOf('--') !== index)
    : rest
  const parsed = await parseFlags(flags, name)
  const { invocation, unclaimed } = invoke(command, flags, parsed, world)
  if (parsed.help) {
    world.stdout.write(await helpOf(command, invocation, namesPlugin(parsed, world)))
    return 0
  }
  if (parsed.flags.get('kafka-x')?.some(({ text }) => text === 'list')) {
    const { propertyList } = await import('./help/property-list.ts')
    world.stdout.write(propertyList())
    return 0
  }
  try {
    return await command.run(invocation)
  } catch (error) {
    throw withSuspects(error, unknownFlagProblems(unclaimed(), name))
  }
}

/** What is missing may have been mistyped, and so be waiting for a plugin to claim it. */
function withSuspects(error: unknown, suspects: readonly Problem[]): unknown {
  if (!(error instanceof DfspError) || error.exitCode !== 2 || suspects.length === 0) return error
  const facts = [...error.facts, ...suspects.map(problemText)]
  return new DfspError(error.code, error.message, { facts, next: error.next, cause: error })
}

async function helpOf(command: Command, invocation: Invocation, withPlugin: boolean): Promise<string> {
  const { columns } = invocation.stdout as Partial<NodeJS.WriteStream>
  const width = Math.min(columns || 80, WIDEST)
  let plugin: DeclaredOptions | undefined
  let note = ''
  try {
    if (withPlugin) plugin = await command.describePlugin?.(invocation)
  } catch (error) {
    // Who asks for help may have settings that are wrong.
    note = `\nThe plugin's own options are not shown: ${(error as Error).message}\n`
  }
  return commandHelp(command, width, plugin) + note
}

function unknownCommand(name: string, rest: readonly string[]): DfspError {
  if (name.startsWith('-')) {
    const command = rest.find(isCommand)
    return new DfspError('E_USAGE', `${name} stands where the command should be`, {
      next: command === undefined ? 'dfsp --help' : `dfsp ${command} ${name} …`,
    })
  }
  return new DfspError('E_USAGE', `there is no command "${name}"`, {
    next: meant(nearest(name, COMMANDS)) ?? 'dfsp --help',
  })
}
