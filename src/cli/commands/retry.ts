/** `dfsp retry`: what was given up, once more. */
import path from 'node:path'
import { createInterface } from 'node:readline/promises'
import { optionsOf } from '../../config/options.ts'
import { requireBrokers, requireValue } from '../../config/required.ts'
import type { Settings } from '../../config/settings-type.ts'
import { DfspError } from '../../errors.ts'
import { makeOutputDir } from '../../files/output-dir.ts'
import type { LoadedInfo } from '../../plugin/host.ts'
import { planJson, planText } from '../../report/retry-plan-text.ts'
import type { PluginRuntime } from '../../run/plugin-runtime.ts'
import type { Command, Invocation } from '../command.ts'
import { declaredOptions, findPlugin } from '../plugin-path.ts'

const EXAMPLE = 'dfsp retry -p ./plot.ts --dlq xrd-dead'

export const command: Command = {
  name: 'retry',
  describe:
    'Takes up files of which there are dead letters (dfsp run --dlq): fetches them again by reference, verifies them and gives each to the plugin once. The plan is shown first. A file that fails again gets a new dead letter; one that was taken up five times is left alone unless it is named. What is done is remembered in a consumer group, so that a second call goes on where the first one stopped. Files that are held, not dead-lettered, need none of this: the next dfsp run of their group tries them again.',
  examples: [
    [`${EXAMPLE} --dry-run`, 'show what there is'],
    [EXAMPLE, 'with a mended plugin: all of it'],
    [`${EXAMPLE} run7/ a/scan_07.csv`, 'a folder and a file'],
    [`${EXAMPLE} --yes --max 100`, 'from a script'],
  ],
  positionals: [{ name: 'PATH', describe: 'only this file or folder, as the plugin saw it', many: true }],
  options: optionsOf('retry'),
  takesPlugin: true,
  async describePlugin(invocation) {
    const { values } = await invocation.settings()
    return values.plugin === undefined
      ? undefined
      : declaredOptions(findPlugin(values.plugin, invocation.cwd))
  },
  async run(invocation) {
    const settings = await invocation.settings()
    const { values } = settings
    const dlq = requireValue(settings, 'dlq', `${EXAMPLE} …`)
    const chosen = values.dryRun
      ? undefined
      : findPlugin(requireValue(settings, 'plugin', `${EXAMPLE} …`), invocation.cwd)
    requireBrokers(settings, 'retry')
    const [{ pluginRuntime }, { retry }, { openConsole }, { outgoing }, { ownClientId }] = await Promise.all([
      import('../../run/plugin-runtime.ts'),
      import('../../run/retry.ts'),
      import('../console.ts'),
      import('../../run/outgoing.ts'),
      import('../../kafka/group.ts'),
    ])
    const name = chosen?.name ?? 'retry'
    const outputDir = path.resolve(invocation.cwd, values.outputDir ?? `${name}_output`)
    const producing = outgoing(settings.kafka.producer, values.outputTopic)
    let plugin: { runtime: PluginRuntime; loaded: LoadedInfo } | undefined
    let console: ReturnType<typeof openConsole> | undefined
    try {
      let pluginOptions: Readonly<Record<string, unknown>> = {}
      if (chosen !== undefined) {
        const runtime = pluginRuntime({
          pluginUrl: chosen.url,
          pluginName: chosen.shown,
          threads: values.threads,
          timeoutMs: values.timeout,
        })
        plugin = { runtime, loaded: await runtime.load() }
        pluginOptions = await invocation.pluginOptions({ file: chosen.shown, options: plugin.loaded.options })
        makeOutputDir(outputDir) // before the log file, which lies in it
      }
      console = openConsole(
        {
          level: values.logLevel,
          format: values.logFormat,
          json: values.json,
          noColor: values.noColor,
          logFile: chosen && (values.logFile ?? path.join(outputDir, 'LOGS', `${name}.log`)),
          topic: dlq,
          live: undefined,
        },
        invocation,
      )
      const warnings = plugin?.loaded.warnings.map(w => `${chosen?.shown} ${w}`) ?? []
      for (const text of [...settings.notices, ...warnings]) console.report({ type: 'problem', text })
      const { exit } = await retry(
        {
          dlq,
          group: groupOf(settings, dlq),
          topic: values.topic,
          paths: invocation.positionals.PATH ?? [],
          max: values.max,
          dryRun: values.dryRun,
          mode: values.mode,
          threads: values.threads,
          memoryBytes: values.memory,
          breakerAfter: values.breaker,
          outputDir,
          consumerProperties: { 'client.id': ownClientId(), ...settings.kafka.consumer },
          drainMs: values.drainTimeout,
          pluginOptions,
          sections: settings.sections,
        },
        {
          plugin,
          report: console.report,
          log: console.logFromPlugin,
          produce: producing.send,
          showPlan(plan) {
            const lines = values.json ? planJson(plan) : planText(plan, dlq)
            invocation.stdout.write(lines.map(line => `${line}\n`).join(''))
          },
          confirm: async plan => values.yes || (await asked(invocation, plan.files.length)),
        },
      )
      return exit
    } finally {
      await plugin?.runtime.host.close(0)
      await producing.close()
      await console?.close()
    }
  },
}

/** That of a config file is the group of `dfsp run`, in which letters have no place. */
function groupOf({ values, origins }: Settings, dlq: string): string {
  return values.group !== undefined && origins.get('group') === 'flag' ? values.group : `dfsp.retry.${dlq}`
}

async function asked({ stderr }: Invocation, files: number): Promise<boolean> {
  if (process.stdin.isTTY !== true || (stderr as NodeJS.WriteStream).isTTY !== true)
    throw new DfspError('E_USAGE', 'retry asks before it begins, and there is no terminal', {
      next: 'add --yes, or --dry-run to see the plan only',
    })
  const lines = createInterface({ input: process.stdin, output: stderr })
  try {
    return /^y(es)?$/i.test((await lines.question(`Run ${files} files again? [y/N] `)).trim())
  } finally {
    lines.close()
  }
}
