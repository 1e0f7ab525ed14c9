/** `dfsp try`: a plugin on local files, without Kafka. */

import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { pluginSections } from '../../config/file/plugin-sections.ts'
import type { Values } from '../../config/options/options.ts'
import type { Settings } from '../../config/settings-type.ts'
import { jsonLine } from '../../core/text/shown-text.ts'
import { type FoundFile, findFiles, findRoots, isOrdinary } from '../../files/walk.ts'
import type { OutgoingRecord } from '../../plugin/plugin.ts'
import { recordJson, recordLine } from '../../report/commands/produced-record.ts'
import { tryReporter } from '../../report/commands/try-report.ts'
import { loggedError } from '../../report/error-text.ts'
import type { Command, Invocation } from '../command.ts'
import { declaredOptions, findPlugin, loadedPlugin } from '../plugin-path.ts'

export const command: Command = {
  name: 'try',
  describe:
    'Runs a plugin on local files, without Kafka: each is cut into chunks, shuffled, put together, verified and processed by the code that does it in production, once, without retries. What the plugin produces is shown. Options of the plugin come after its name.',
  examples: [
    ['dfsp try ./plot.ts samples/*.csv', 'ok or FAIL for each file'],
    ['dfsp try ./plot.ts samples/ --column 2', 'all files of a folder, with an option of the plugin'],
    ['dfsp try ./plot.ts samples/ --watch', 'again whenever the plugin changes, while you write it'],
    ['dfsp try ./plot.ts big.raw --mode disk -o /tmp/out', 'from disk, results elsewhere'],
  ],
  positionals: [
    { name: 'PLUGIN', describe: 'your function: a .ts or .js file, or a built-in', required: true },
    { name: 'FILE', describe: 'a file or a folder', required: true, many: true },
  ],
  takesPlugin: true,
  describePlugin: async ({ positionals, cwd }) =>
    declaredOptions(findPlugin(positionals.PLUGIN?.[0] ?? '', cwd)),
  async run(invocation) {
    const settings = await invocation.settings()
    if (!settings.values.watch) return await tryOnce(invocation, settings)
    const { url } = findPlugin(invocation.positionals.PLUGIN?.[0] ?? '', invocation.cwd)
    const { tryOnEachChange } = await import('../try-watch.ts')
    return await tryOnEachChange(fileURLToPath(url), invocation, settings, () =>
      tryOnce(invocation, settings),
    )
  },
}

async function tryOnce(invocation: Invocation, settings: Settings): Promise<number> {
  const { values } = settings
  const { cwd, stdout, env } = invocation
  const [{ tryPlugin }, { openConsole }, [plugin, runtime]] = await Promise.all([
    import('../../local/try.ts'),
    import('../terminal/console.ts'),
    open(invocation, values),
  ])
  const outputDir = path.resolve(cwd, values.outputDir ?? `${plugin.name}_output`)
  const wasThere = fs.existsSync(outputDir)
  let console: ReturnType<typeof openConsole> | undefined
  try {
    const loaded = await loadedPlugin(runtime.load(), plugin, invocation, values.quiet)
    const pluginOptions = await invocation.pluginOptions({ file: plugin.shown, options: loaded.options })
    const files = findFiles(findRoots(invocation.positionals.FILE ?? [], cwd), isOrdinary)
    console = openConsole(invocation, values)
    const print = console.out
    const isTerminal = (stdout as NodeJS.WriteStream).isTTY === true && env.TERM !== 'dumb'
    const report = tryReporter({
      log: console.log,
      print,
      json: values.json,
      color: isTerminal && !values.noColor && !env.NO_COLOR,
    })
    for (const text of [...settings.notices, ...loaded.warnings.map(w => `${plugin.shown} ${w}`)])
      report({ type: 'problem', text })
    const { exit, error } = await tryPlugin(
      { ...values, outputDir, pluginOptions, sections: pluginSections(settings) },
      {
        runtime,
        loaded,
        files,
        pathOf: found => pathFrom(cwd, found),
        report,
        log: console.logFromPlugin,
        produce:
          values.produceTo === undefined
            ? showing(print, values.json)
            : appending(path.resolve(cwd, values.produceTo)),
        random: Math.random,
      },
    )
    if (error) console.log.write('error', ...loggedError(error))
    return exit
  } finally {
    await runtime.host.close(0)
    await console?.close()
    if (!wasThere) removeEmpty(outputDir)
  }
}

async function open({ positionals, cwd }: Invocation, values: Values) {
  const plugin = findPlugin(positionals.PLUGIN?.[0] ?? '', cwd)
  const { pluginRuntime } = await import('../../run/plugin-runtime.ts')
  const runtime = pluginRuntime(plugin, values)
  return [plugin, runtime] as const
}

/** What the plugin sees as its path: relative to the working directory, or for a file outside as upload gives it. */
function pathFrom(cwd: string, { file, subdir, name }: FoundFile): string {
  const relative = path.relative(cwd, file)
  return relative.split(path.sep)[0] === '..' ? path.posix.join(subdir, name) : relative
}

function showing(print: (line: string) => void, json: boolean) {
  return async (record: OutgoingRecord) =>
    print(json ? jsonLine({ v: 1, type: 'produced', ...recordJson(record) }) : recordLine(record))
}

function appending(file: string) {
  return async (record: OutgoingRecord) =>
    await fs.promises.appendFile(file, `${jsonLine(recordJson(record))}\n`)
}

/** The plugin wrote nothing into the folder that was made for it. */
function removeEmpty(folder: string): void {
  try {
    fs.rmdirSync(folder)
  } catch {
    // It did, or the folder was never made.
  }
}
