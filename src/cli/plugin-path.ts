/** From what the user wrote after --plugin to the module's URL. */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { DfspError } from '../base/errors.ts'
import type { DeclaredOptions } from '../config/options/plugin-options.ts'
import { nearest } from '../core/text/nearest.ts'
import type { LoadedInfo } from '../plugin/host/host.ts'
import { formatMs } from '../report/quantities.ts'
import type { PluginModule } from '../run/plugin-runtime.ts'
import type { Invocation } from './command.ts'
import { slowProgress } from './terminal/progress.ts'

export interface PluginPath extends PluginModule {
  /** `plot` for ./plot.ts: it names the group and the output directory. */
  readonly name: string
}

/** Warnings of plugin and config where messages can write over them: files arrive below `outputDir`, which exists. */
export function withinReach(
  { url }: PluginPath,
  configFile: string | undefined,
  outputDir: string,
): string[] {
  const root = fs.realpathSync(outputDir)
  const config = configFile !== undefined && fs.existsSync(configFile) ? [fs.realpathSync(configFile)] : []
  return [fileURLToPath(url), ...config]
    .filter(file => !path.relative(root, file).startsWith('..'))
    .map(
      file =>
        `${path.relative(root, file)} lies below the output directory ${outputDir}: whoever writes to the topic may write over it; choose another --output-dir`,
    )
}

/** What the import of a module may take. */
const LOAD_MS = 300_000

const BUILT_IN = fileURLToPath(new URL('../plugins/', import.meta.url))

/** Names of the plugins that come with dfsp. */
export function builtInPlugins(): string[] {
  return fs
    .readdirSync(BUILT_IN)
    .filter(file => file.endsWith('.js'))
    .map(file => path.basename(file, '.js'))
}

export function findPlugin(given: string, cwd: string): PluginPath {
  const bare = /^[\w-]+$/.test(given)
  const file = path.resolve(cwd, given)
  if (bare && builtInPlugins().includes(given)) {
    return { url: pathToFileURL(path.join(BUILT_IN, `${given}.js`)).href, shown: given, name: given }
  }
  if (fs.statSync(file, { throwIfNoEntry: false })?.isFile()) {
    return {
      url: pathToFileURL(fs.realpathSync(file)).href,
      shown: given,
      name: path.basename(given).replace(/\.[^.]*$/, ''),
    }
  }
  throw new DfspError('E_PLUGIN_MISSING', `there is no plugin ${given}`, {
    facts: [whyMissing(given, file, bare)],
    next: 'dfsp init plugin plot   writes one to start from',
  })
}

function whyMissing(given: string, file: string, bare: boolean): string {
  if (fs.existsSync(file)) {
    if (!fs.statSync(file).isDirectory()) return `${file} is no ordinary file`
    const index = fs.readdirSync(file).find(name => /^index\.(?:[cm]?[jt]s|[jt]sx)$/.test(name))
    return `${file} is a directory${index === undefined ? '' : `: did you mean ${path.join(given, index)}?`}`
  }
  const folder = path.dirname(file)
  const modules = fs.existsSync(folder)
    ? fs.readdirSync(folder).filter(name => /\.(?:[cm]?[jt]s|[jt]sx)$/.test(name))
    : []
  const meant = nearest(path.basename(file), modules)
  if (meant)
    return `did you mean ${given.startsWith('./') ? './' : ''}${path.join(path.dirname(given), meant)}?`
  return bare
    ? `no file ${file}, and the built-in ones are ${builtInPlugins().join(', ')}`
    : `no file ${file}`
}

/** What a plugin declares, for help: loaded in a thread that ends again. */
export async function declaredOptions(plugin: PluginPath): Promise<DeclaredOptions> {
  return { file: plugin.shown, options: (await declaredPlugin(plugin)).options }
}

/** The same with its hooks and warnings. */
export async function declaredPlugin(plugin: PluginPath): Promise<LoadedInfo> {
  const { pluginRuntime } = await import('../run/plugin-runtime.ts')
  const runtime = pluginRuntime(plugin, { threads: 1, timeoutMs: undefined })
  try {
    return await runtime.load()
  } finally {
    await runtime.host.close(0)
  }
}

/** What `loading` resolves to; a module that takes long, as it may wait for something, is told of. */
export async function loadedPlugin(
  loading: Promise<LoadedInfo>,
  plugin: PluginPath,
  invocation: Invocation,
  isQuiet: boolean,
  maxTimeMs = Number.POSITIVE_INFINITY,
): Promise<LoadedInfo> {
  const progress = slowProgress(invocation, isQuiet)
  progress.update(() => `loading ${plugin.shown}`)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const next =
      'what its module waits for at the top level may not come: wait for it in setup() or in the function'
    const mostMs = Math.min(LOAD_MS, maxTimeMs)
    // One that takes longer than --max-time may be right, and load in time when the machine is less busy.
    const code = maxTimeMs < LOAD_MS ? 'E_BREAKER' : 'E_PLUGIN'
    const text = `${plugin.shown} has not loaded after ${formatMs(mostMs)}`
    timer = setTimeout(() => reject(new DfspError(code, text, { next })), mostMs)
  })
  return await Promise.race([loading, late]).finally(() => {
    clearTimeout(timer)
    progress.end()
  })
}

/** What the plugin after --plugin declares, for a command's help; undefined without one. */
export async function pluginOfFlag(invocation: Invocation): Promise<DeclaredOptions | undefined> {
  const { values } = await invocation.settings()
  return values.plugin === undefined ? undefined : declaredOptions(findPlugin(values.plugin, invocation.cwd))
}
