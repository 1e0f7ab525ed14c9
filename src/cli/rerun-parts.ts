/** What the commands that run files again have in common: plugin, log and producer, and the question before it begins. */
import path from 'node:path'
import { createInterface } from 'node:readline'
import { DfspError } from '../base/errors.ts'
import { producerProperties } from '../config/encryption.ts'
import { pluginSections } from '../config/file/plugin-sections.ts'
import type { Settings } from '../config/settings-type.ts'
import { makeOutputDir, ownLogFile } from '../files/output-dir.ts'
import { willWork } from '../run/shutdown.ts'
import type { Invocation } from './command.ts'
import { loadedPlugin, type PluginPath, withinReach } from './plugin-path.ts'

/** Plugin, log, producer, and the options that do not depend on the command; without a plugin only a log on stderr. */
export async function openRerun(
  invocation: Invocation,
  settings: Settings,
  chosen: PluginPath | undefined,
  topic: string,
) {
  const { values } = settings
  const [{ pluginRuntime }, { openConsole }, { outgoing }, { ownClientId }] = await Promise.all([
    import('../run/plugin-runtime.ts'),
    import('./terminal/console.ts'),
    import('../run/outgoing.ts'),
    import('../kafka/consumer/group.ts'),
  ])
  if (!values.dryRun) willWork() // the plan is shown first, maybe to nobody
  const name = chosen?.name ?? invocation.command
  const outputDir = path.resolve(invocation.cwd, values.outputDir ?? `${name}_output`)
  const runtime = chosen && pluginRuntime(chosen, values)
  try {
    const plugin = chosen &&
      runtime && {
        runtime,
        loaded: await loadedPlugin(runtime.load(), chosen, invocation, values.quiet),
      }
    const pluginOptions =
      plugin && chosen
        ? await invocation.pluginOptions({ file: chosen.shown, options: plugin.loaded.options })
        : {}
    if (chosen) makeOutputDir(outputDir) // before the log file, which lies in it
    const console = openConsole(invocation, values, {
      topic,
      logFile: chosen && (values.logFile ?? ownLogFile(outputDir, name)),
      live: invocation.command === 'replay' ? 'status' : undefined,
    })
    const warnings = [
      ...settings.notices,
      ...(plugin?.loaded.warnings.map(w => `${chosen?.shown} ${w}`) ?? []),
      ...(chosen ? withinReach(chosen, settings.configFile, outputDir) : []),
    ]
    for (const text of warnings) console.report({ type: 'problem', text })
    const producing = outgoing(producerProperties(settings), values.outputTopic)
    return {
      plugin,
      console,
      produce: producing.send,
      options: {
        ...values,
        outputDir,
        consumerProperties: { 'client.id': ownClientId(), ...settings.kafka.consumer },
        pluginOptions,
        sections: pluginSections(settings),
      },
      async close() {
        await runtime?.host.close(0)
        await producing.close()
        await console.close()
      },
    }
  } catch (error) {
    await runtime?.host.close(0)
    throw error
  }
}

/** Asks on the terminal whether to run so many files; throws E_USAGE where there is none. */
export async function asked({ stderr, command }: Invocation, files: number): Promise<boolean> {
  if (process.stdin.isTTY !== true || (stderr as NodeJS.WriteStream).isTTY !== true)
    throw new DfspError('E_USAGE', `${command} asks before it begins, and there is no terminal`, {
      next: 'add --yes, or --dry-run to see the plan only',
    })
  const lines = createInterface({ input: process.stdin, output: stderr })
  return await new Promise(resolve => {
    let isInterrupted = false
    // Ctrl-D, the end of the input, is a no; Ctrl-C is the signal that it is elsewhere.
    lines.once('close', () => isInterrupted || resolve(false))
    lines.once('SIGINT', () => {
      isInterrupted = true
      lines.close()
      stderr.write('\n')
      process.kill(process.pid, 'SIGINT')
      setImmediate(resolve, false) // for whoever listens to the signal, and has heard it by then
    })
    lines.question(`Run ${files} ${files === 1 ? 'file' : 'files'} again? [y/N] `, answer => {
      resolve(/^y(es)?$/i.test(answer.trim()))
      lines.close()
    })
  })
}
