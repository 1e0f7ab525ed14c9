/** `dfsp init systemd`: units for a plugin in this folder, printed or put in their place. */

import { statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DfspError } from '../../base/errors.ts'
import { homeFolder } from '../../base/home.ts'
import type { Values } from '../../config/options/options.ts'
import { jsonLine } from '../../core/text/shown-text.ts'
import type { Invocation } from '../command.ts'
import { builtInPlugins } from '../plugin-path.ts'
import { announce, writeNew } from './new-files.ts'
import { environmentFile, systemdUnits } from './systemd-units.ts'

const PROGRAM = fileURLToPath(new URL('../../../bin/dfsp.js', import.meta.url))

export async function initSystemd(invocation: Invocation, values: Values, name: string): Promise<void> {
  const { cwd, env, stdout, stderr } = invocation
  const { topic, user, install, force, json, shared } = values
  const plugin = pluginFile(name, cwd)
  const config = join(cwd, 'dfsp.config')
  const units = systemdUnits({
    name,
    plugin,
    topic,
    folder: cwd,
    program: [process.execPath, PROGRAM],
    user,
    owner: ownerOf(plugin, cwd),
    config: isFile(config) ? config : undefined,
    shared,
  })
  const target = user ? join(configFolder(env), 'systemd', 'user') : '/etc/systemd/system'
  const files = Object.entries(units).map(([file, text]) => [join(target, file), text] as const)
  const systemctl = user ? 'systemctl --user' : 'sudo systemctl'
  const envFile = environmentFile({ name, user }).replace('%h', () => homeFolder(env) ?? '~')
  if (!install) {
    printUnits(files, json, stdout)
    stderr.write(unseen(env, envFile))
    const again = [
      ...['dfsp init systemd', name, ...(topic ? ['-t', topic] : [])],
      ...[...(shared ? ['--shared'] : []), ...(user ? ['--user'] : [])],
    ]
    stderr.write(`Next:  ${user ? '' : 'sudo '}${again.join(' ')} --install\n`)
    return
  }
  try {
    await writeNew(files, files.length, { cwd, force })
  } catch (error) {
    if (!(error instanceof DfspError) || error.code !== 'E_OUTPUT' || user) throw error
    throw new DfspError('E_OUTPUT', error.message, {
      next: 'sudo, or --user for units of your own account',
      cause: error,
    })
  }
  const next = [
    `${systemctl} daemon-reload`,
    ...(shared
      ? [`${systemctl} enable --now dfsp-${name}@1 dfsp-${name}@2    # as many as wanted, on each host`]
      : [
          `${systemctl} enable --now dfsp-${name}.service        # always, or`,
          `${systemctl} enable --now dfsp-${name}-batch.timer    # every 15 minutes`,
        ]),
  ]
  announce(
    files.map(([file]) => file),
    next,
    invocation,
    { values },
  )
  stderr.write(unseen(env, envFile))
}

function configFolder(env: NodeJS.ProcessEnv): string {
  const given = env.XDG_CONFIG_HOME
  if (given && isAbsolute(given)) return given
  const home = homeFolder(env)
  if (home !== undefined) return join(home, '.config')
  throw new DfspError('E_USAGE', 'there is no folder for units of this account, which has no home', {
    next: 'HOME=/home/lab dfsp init systemd … --user, or without --user',
  })
}

/**
 * A service starts without the variables of this shell, of which only the topic is in its command line. Names only:
 * values may be secrets.
 */
function unseen(env: NodeJS.ProcessEnv, envFile: string): string {
  const names = Object.keys(env).filter(name => name.startsWith('DFSP_') && name !== 'DFSP_TOPIC')
  if (names.length === 0) return ''
  return `Not seen by a service: ${names.sort().join(', ')} of this shell; put what it needs into ${envFile}\n`
}

/** As `systemctl cat` prints units. */
function printUnits(
  files: readonly (readonly [file: string, text: string])[],
  json: boolean,
  stdout: NodeJS.WritableStream,
): void {
  stdout.write(
    json
      ? files.map(([path, text]) => `${jsonLine({ v: 1, type: 'unit', path, text })}\n`).join('')
      : files.map(([file, text]) => `# ${file}\n${text}`).join('\n'),
  )
}

function pluginFile(name: string, cwd: string): string {
  const found = ['ts', 'mts', 'js', 'mjs'].map(end => join(cwd, `${name}.${end}`)).find(isFile)
  if (found !== undefined) return found
  if (builtInPlugins().includes(name)) return name
  throw new DfspError('E_PLUGIN_MISSING', `there is no plugin ${name} in ${cwd}`, {
    facts: [
      `looked for ${name}.ts, .mts, .js and .mjs; the built-in ones are ${builtInPlugins().join(', ')}`,
    ],
    next: `dfsp init plugin ${name}`,
  })
}

/** Whose the plugin is: root's runs as root, which `User=` need not say. */
function ownerOf(plugin: string, cwd: string): string | undefined {
  const { uid } = statSync(isFile(plugin) ? plugin : cwd)
  return uid === 0 ? undefined : String(uid)
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}
