/** One call of a command: its flags are parsed, the rest is read when the command asks for it. */

import { DfspError } from '../base/errors.ts'
import type { CommandName } from '../config/options/option-spec.ts'
import { optionsOf } from '../config/options/options.ts'
import { checkPluginOptions, mergePluginOptions } from '../config/options/plugin-options.ts'
import { type Problem, problemsError } from '../config/problems.ts'
import { masked } from '../config/secrets.ts'
import type { Settings } from '../config/settings-type.ts'
import type { Command, Invocation, Positional, World } from './command.ts'
import { type ParsedFlags, parseFlags, takenNames, unknownFlagProblems } from './flags.ts'

/**
 * `argv` is what follows the command's name. Flags and words that a plugin may still claim are judged only by
 * `pluginOptions`, and are `unclaimed` until then; any other odd one throws E_USAGE here.
 */
export function invoke(
  command: Command,
  argv: readonly string[],
  parsed: ParsedFlags,
  world: World,
): { invocation: Invocation; unclaimed: () => readonly string[] } {
  let words = parsed.words
  refuseSplitProperty(parsed)
  const open = command.takesPlugin === true && parsed.unknown.length > 0
  if (!open && !parsed.help) judge(command, words, unknownFlagProblems(parsed.unknown, command.name))
  let merged: Promise<Settings> | undefined
  const settings = (configFile?: string) => {
    merged ??= readSettings(command.name, parsed, world, configFile)
    return merged
  }
  let unclaimed = open ? parsed.unknown : []
  const invocation: Invocation = {
    ...world,
    command: command.name,
    get positionals() {
      return positionalsOf(command.positionals ?? [], words)
    },
    settings,
    async pluginOptions(plugin) {
      checkPluginOptions(plugin, takenNames())
      const exact = await parseFlags(argv, command.name, plugin)
      words = exact.words
      unclaimed = []
      judge(command, words, unknownFlagProblems(exact.unknown, command.name, plugin))
      const { sections, configFile } = await settings()
      return mergePluginOptions(plugin, {
        flags: exact.plugin,
        env: world.env,
        section: sections.plugin ?? {},
        shownFile: configFile ?? '',
        help: `dfsp ${command.name} ${command.name === 'try' ? '' : '-p '}${plugin.file} --help`,
      })
    },
  }
  return { invocation, unclaimed: () => unclaimed }
}

async function readSettings(
  command: CommandName,
  { flags, notices }: ParsedFlags,
  world: World,
  configFile: string | undefined,
): Promise<Settings> {
  const [{ mergeSettings }, { findConfigFile, readConfigFile }, { readSecretFiles }, properties] =
    await Promise.all([
      import('../config/settings.ts'),
      import('../config/file/config-file.ts'),
      import('../config/secret-files.ts'),
      import('../kafka/properties.ts'),
    ])
  const { cwd, env } = world
  for (const name of ['config', 'env-file'] as const)
    if (flags.get(name)?.at(-1)?.text === '')
      throw problemsError([
        { place: `--${name}`, text: 'is empty', hint: `dfsp ${command} --help`, in: 'call' },
      ])
  const envFile = flags.get('env-file')?.at(-1)?.text
  const cut = envFile === undefined ? [] : await loadEnvironment(envFile, world)
  const given = configFile ?? flags.get('config')?.at(-1)?.text ?? (env.DFSP_CONFIG || undefined)
  const path = optionsOf(command).includes('config') ? findConfigFile(given, world) : undefined
  return mergeSettings({
    command,
    flags,
    env,
    secretFiles: await readSecretFiles(env),
    file: path === undefined ? undefined : await readConfigFile(path, cwd),
    knowledge: {
      find: properties.findProperty,
      nearest: properties.nearestProperty,
      problem: properties.propertyProblem,
    },
    notices: [...notices, ...cut],
  })
}

/** As process.loadEnvFile: what is set already stays. Returns warnings. */
async function loadEnvironment(file: string, { cwd, env }: World): Promise<readonly string[]> {
  const [{ readGivenFile }, { resolve }, { parseEnv }] = await Promise.all([
    import('../config/file/given-file.ts'),
    import('node:path'),
    import('node:util'),
  ])
  const bytes = await readGivenFile(resolve(cwd, file)).catch(cause => {
    throw new DfspError('E_NOT_FOUND', `--env-file: ${(cause as Error).message}`, { cause })
  })
  const text = bytes.toString()
  for (const [name, value] of Object.entries(parseEnv(text))) env[name] ??= value
  return [...text.matchAll(CUT_VALUE)].map(
    ([, name]) =>
      `--env-file ${file}: the value of ${name} ends at its "#": put it in quotes if that belongs to it`,
  )
}

/** A "#" without a space before it, in a value without quotes: to Node's parser what follows is a comment. */
const CUT_VALUE = /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=(?:[ \t]*[^\s"'`#][^\n#]*(?<!\s))?#(?=\S)/gm

/** What follows `-X name` in a word of its own may be a password: it is not told as a word that nobody wants. */
function refuseSplitProperty({ flags, words }: ParsedFlags): void {
  const alone = flags.get('kafka-x')?.find(({ text }) => /^[\w.-]+$/.test(text) && text !== 'list')
  if (alone !== undefined && words.length > 0)
    throw problemsError([
      {
        place: '-X',
        text: `"${alone.text}" is not property=value`,
        hint: `-X ${alone.text}=VALUE, as one word`,
        in: 'call',
      },
    ])
}

function judge(command: Command, words: readonly string[], flagProblems: readonly Problem[]): void {
  const problems = [...flagProblems]
  const positionals = command.positionals ?? []
  const missing = positionals.find(({ required }, index) => required === true && words[index] === undefined)
  const { name } = command
  if (missing !== undefined) {
    problems.push({ place: name, text: `needs ${missing.name}`, hint: command.examples[0]?.[0], in: 'call' })
  }
  if (words.includes('')) {
    // Of a shell variable that is not set; it would mean the working directory.
    const what = positionals[Math.min(words.indexOf(''), positionals.length - 1)]?.name ?? 'a word'
    problems.push({ place: name, text: `${what} is empty`, hint: `dfsp ${name} --help`, in: 'call' })
  }
  const extra = positionals.some(({ many }) => many === true) ? undefined : words[positionals.length]
  if (extra) {
    problems.push({
      place: name,
      text: `does not take "${masked('', extra)}"`,
      hint: `dfsp ${name} --help`,
      in: 'call',
    })
  }
  if (problems.length > 0) throw problemsError(problems)
}

function positionalsOf(
  positionals: readonly Positional[],
  words: readonly string[],
): Invocation['positionals'] {
  return Object.fromEntries(
    positionals.map(({ name, many }, index) => [
      name,
      words.slice(index, many === true ? undefined : index + 1),
    ]),
  )
}
