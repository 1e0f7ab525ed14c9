/**
 * A command: what `--help` says, and what it does. Each module of commands/ exports one as `command`.
 *
 * `--help` loads the module: what is heavy (client, winston, tsx) is imported inside `run`.
 *
 * cli/ is the command line: what only one command shows or asks lies there. What a command does lies in the folder of
 * its work.
 */
import type { CommandName } from '../config/options/option-spec.ts'
import type { DeclaredOptions, PluginOptionValues } from '../config/options/plugin-options.ts'
import type { Settings } from '../config/settings-type.ts'

export interface Positional {
  readonly name: string
  readonly describe: string
  readonly required?: true
  /** Takes all further words. */
  readonly many?: true
}

export interface Command {
  readonly name: CommandName
  /** The first lines of its help: what it does, when one needs it. */
  readonly describe: string
  /** Each a command line, and a few words on what it does. */
  readonly examples: readonly (readonly [line: string, what: string])[]
  readonly positionals?: readonly Positional[]
  /** Whether flags that dfsp does not know may be the plugin's: `run` then calls `invocation.pluginOptions`. */
  readonly takesPlugin?: true
  /**
   * Loads what the plugin of this call declares, for `--help`; asked only where flag, variable or words may name one.
   * `undefined` where they do not.
   */
  readonly describePlugin?: (invocation: Invocation) => Promise<DeclaredOptions | undefined>
  /** Resolves to a row of EXIT_CODES, or to 128 + n after signal n; throws a DfspError otherwise. */
  run(invocation: Invocation): Promise<number>
}

/** What a call meets outside: handed in, so that tests can replace it. */
export interface World {
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
}

/** One call of dfsp, flags parsed, nothing else read yet. */
export interface Invocation extends World {
  readonly command: CommandName
  /** By the positional's name; an array for each, empty where nothing was given. */
  readonly positionals: Readonly<Record<string, readonly string[]>>
  /**
   * Flags, environment, file and defaults merged (once); throws a DfspError that lists every problem.
   * `configFile` is read instead of the file that flags and environment name.
   */
  settings(configFile?: string): Promise<Settings>
  /**
   * The second, strict parse: flags > DFSP_PLUGIN_X > [plugin] x > the plugin's default. Throws a DfspError on a
   * flag that neither dfsp nor the plugin knows, and on an option that clashes with one of dfsp's. A command with
   * `takesPlugin` must call it, also for a plugin without options: only then are typing errors found.
   */
  pluginOptions(plugin: DeclaredOptions): Promise<PluginOptionValues>
}
