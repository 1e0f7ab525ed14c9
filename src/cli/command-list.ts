/** The commands in the order of the help, and how each is loaded: only the one that is called. */
import { COMMANDS, type CommandName } from '../config/options/option-spec.ts'
import type { Command } from './command.ts'

export const SUMMARIES: Readonly<Record<CommandName, string>> = {
  run: 'your plugin on every file that arrives on a topic',
  upload: 'send files or folders to a topic',
  repartition: 'copy a topic so that each file lies in one partition',
  ls: 'the files on a topic',
  get: 'verified files from a topic into a folder',
  status: 'how far a group is, and what it has left',
  retry: 'what was given up, once more',
  replay: 'any files of a topic, once more',
  try: 'your plugin on local files, without Kafka',
  demo: 'see it work: a broker, files and a plugin in one process',
  config: 'check and show settings, and where they come from',
  init: 'write a plugin, a config file, a service to start from',
  completion: 'Tab in bash, zsh and fish',
  help: 'commands, topics, exit codes, error codes',
}

export function isCommand(word: string | undefined): word is CommandName {
  return (COMMANDS as readonly (string | undefined)[]).includes(word)
}

export async function loadCommand(name: CommandName): Promise<Command> {
  const module: { command: Command } = await import(`./commands/${name}.ts`)
  return module.command
}
