/** `dfsp run`: the main job. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { keepHeapsSmall } from '../../base/heap-growth.ts'
import { producerProperties, refuseEncryption } from '../../config/encryption.ts'
import { groupId } from '../../config/file/group.ts'
import { pluginSections } from '../../config/file/plugin-sections.ts'
import type { Values } from '../../config/options/options.ts'
import { requireBrokers, requireValue } from '../../config/options/required.ts'
import { makeOutputDir, ownLogFile } from '../../files/output-dir.ts'
import type { LoadedInfo } from '../../plugin/messages.ts'
import { memberName } from '../../report/monitor/sharing.ts'
import type { Onlooker } from '../../report/onlooker.ts'
import type { Connecting } from '../../run/connecting.ts'
import type { Outgoing } from '../../run/outgoing.ts'
import type { Command } from '../command.ts'
import type { LogsToTopic } from '../onlookers.ts'
import { findPlugin, loadedPlugin, pluginOfFlag, withinReach } from '../plugin-path.ts'
import type { Console } from '../terminal/console.ts'
import type { StatusKeys } from '../terminal/status-keys.ts'

const EXAMPLE = 'dfsp run -p ./plot.ts -t xrd …'

export const command: Command = {
  name: 'run',
  describe:
    'Runs a plugin on each whole file that arrives on a topic: chunks are put together, SHA-512 is checked, the plugin is called, and offsets are committed only after it returned null. Stop it with Ctrl-C: what runs is finished first. On a terminal, the key c shows how it stands, and ? what else there is; elsewhere SIGUSR2 does.',
  examples: [
    ['dfsp run -p ./plot.ts -t xrd', 'process what comes, until Ctrl-C'],
    ['dfsp run -p ./plot.ts -t xrd --until-end', 'process what is there, then end (for cron)'],
    ['dfsp run -p save -t xrd -o data/', 'write verified files into a folder'],
    ['dfsp run -p ./plot.ts -t xrd --watch', 'load the plugin anew when it changes'],
    ['dfsp run -p ./plot.ts -t xrd --dry-run', 'what it would do, without doing it'],
    ['dfsp run -p ./plot.ts --help', "the plugin's own options, too"],
  ],
  takesPlugin: true,
  describePlugin: pluginOfFlag,
  async run(invocation) {
    const settings = await invocation.settings()
    refuseEncryption(settings)
    const { values } = settings
    const plugin = findPlugin(requireValue(settings, 'plugin', EXAMPLE), invocation.cwd)
    const topic = requireValue(settings, 'topic', EXAMPLE)
    const brokers = requireBrokers(settings, 'run')
    if (values.dryRun) {
      const { dryRun } = await import('../checks/dry-run.ts')
      return await dryRun(invocation, settings, plugin, topic)
    }
    const { pluginRuntime } = await import('../../run/plugin-runtime.ts')
    keepHeapsSmall(values.memoryBytes)
    const runtime = pluginRuntime(plugin, values)
    let opening: Connecting | undefined
    let producing: Outgoing | undefined
    let console: Console | undefined
    const onlookers: Onlooker[] = []
    let logTopic: LogsToTopic | undefined
    let keys: StatusKeys | undefined
    try {
      // The module loads in its thread, the client connects in its own, and meanwhile this one loads the rest.
      const loading = runtime.load()
      loading.catch(() => {}) // told below, before anything that the broker says
      const [{ connecting }, { outgoing }, { ownClientId }] = await Promise.all([
        import('../../run/connecting.ts'),
        import('../../run/outgoing.ts'),
        import('../../kafka/consumer/group.ts'),
      ])
      const group = groupId(values.group, { plugin: plugin.name, topic }, randomUUID)
      const outputDir = path.resolve(invocation.cwd, values.outputDir ?? `${plugin.name}_output`)
      const { consumer } = settings.kafka
      const clientId = values.shared ? ownClientId(true, consumer['client.id']) : ownClientId()
      const consumerProperties = {
        ...(values.shared ? { ...consumer, 'client.id': clientId } : { 'client.id': clientId, ...consumer }),
        ...(values.member === undefined ? {} : { 'group.instance.id': values.member }),
      }
      const options = { ...values, topic, group, outputDir, consumerProperties }
      opening = connecting(options)
      const sending = outgoing(producerProperties(settings), values.outputTopic)
      producing = sending
      const [{ openConsole }, { statusKeys }, { run }, { openLogsToTopic, openOnlookers }] =
        await Promise.all([
          import('../terminal/console.ts'),
          import('../terminal/status-keys.ts'),
          import('../../run/run.ts'),
          import('../onlookers.ts'),
        ])
      logTopic = openLogsToTopic(settings, group, sending.send, text =>
        console?.report({ type: 'problem', text }),
      )
      const loaded = await loadedPlugin(loading, plugin, invocation, values.quiet, values.maxTimeMs)
      const pluginOptionsOf = ({ options }: LoadedInfo) =>
        invocation.pluginOptions({ file: plugin.shown, options })
      const pluginOptions = await pluginOptionsOf(loaded)
      makeOutputDir(outputDir) // before the log file, which lies in it
      const shown = openConsole(invocation, values, {
        topic,
        logFile: values.logFile ?? ownLogFile(outputDir, plugin.name),
        live: { topic, group, threads: values.threads, brokers },
        heard: logTopic?.heard,
      })
      console = shown
      const warnings = [
        ...settings.notices,
        ...loaded.warnings.map(w => `${plugin.shown} ${w}`),
        ...withinReach(plugin, settings.configFile, outputDir),
      ]
      for (const text of warnings) shown.report({ type: 'problem', text })
      const asked = statusKeys(shown)
      keys = asked
      onlookers.push(
        ...(await openOnlookers({
          settings,
          identity: {
            ...ownIdentity(values, consumerProperties),
            topic,
            group,
            plugin: plugin.name,
            brokers,
          },
          cwd: invocation.cwd,
          outputDir,
          send: sending.send,
          report: shown.report,
        })),
      )
      const { exit } = await run(
        {
          ...options,
          statsMs: shown.isLive ? 250 : values.statsMs,
          pluginOptions,
          sections: pluginSections(settings),
        },
        {
          runtime,
          loaded,
          reload: values.watch ? { file: fileURLToPath(plugin.url), optionsOf: pluginOptionsOf } : undefined,
          connecting: opening,
          report(event) {
            for (const onlooker of onlookers) onlooker.report(event)
            shown.report(event)
          },
          onView(view) {
            for (const onlooker of onlookers) onlooker.attach(view)
            asked.attach(view)
          },
          logFromPlugin: shown.logFromPlugin,
          produce: sending.send,
        },
      )
      return exit
    } finally {
      keys?.end()
      await runtime.host.close(0)
      await opening?.close()
      for (const onlooker of onlookers) await onlooker.close()
      await logTopic?.close()
      await producing?.close()
      await console?.close()
    }
  },
}

/** What whoever looks from outside is told of this process. */
function ownIdentity(
  { threads, mode, shared }: Pick<Values, 'threads' | 'mode' | 'shared'>,
  { 'client.id': clientId = '', 'group.instance.id': name }: Readonly<Record<string, string>>,
) {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  return {
    threads,
    mode,
    host: hostname(),
    pid: process.pid,
    version: JSON.parse(text).version,
    ...(shared && { member: memberName(name, clientId) }),
  }
}
