/** `dfsp run --dry-run`: what the run would do, without running anything or joining the group. */

import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { groupId } from '../../config/file/group.ts'
import type { PluginOptionValues } from '../../config/options/plugin-options.ts'
import { masked } from '../../config/secrets.ts'
import type { Settings } from '../../config/settings-type.ts'
import { jsonLine, textLines } from '../../core/text/shown-text.ts'
import type { GroupStanding } from '../../kafka/ask/group-watch.ts'
import type { Forecast } from '../../report/commands/forecast-text.ts'
import { groupText, waitingText } from '../../report/commands/forecast-text.ts'
import { timeText } from '../../report/commands/listing.ts'
import type { Invocation } from '../command.ts'
import { declaredPlugin, type PluginPath } from '../plugin-path.ts'
import { predicted } from './predicted.ts'
import { shownSettings } from './shown-settings.ts'

interface Plan {
  readonly plugin: PluginPath
  readonly pluginOptions: PluginOptionValues
  readonly hooks: readonly string[]
  readonly topic: string
  readonly group: string
  readonly outputDir: string
  readonly standing: GroupStanding
  readonly waiting: Forecast
}

export async function dryRun(
  invocation: Invocation,
  settings: Settings,
  plugin: PluginPath,
  topic: string,
): Promise<number> {
  const { values } = settings
  const loaded = await declaredPlugin(plugin)
  const pluginOptions = await invocation.pluginOptions({ file: plugin.shown, options: loaded.options })
  const group = groupId(values.group, { plugin: plugin.name, topic }, randomUUID)
  const found = await predicted(invocation, settings, { topic, group })
  if ('interrupted' in found) return found.interrupted
  if (found.refused) throw found.refused
  const outputDir = path.resolve(invocation.cwd, values.outputDir ?? `${plugin.name}_output`)
  const plan = { ...found, plugin, pluginOptions, hooks: loaded.hooks, topic, group, outputDir }
  for (const warning of loaded.warnings)
    invocation.stderr.write(textLines([`note ${plugin.shown} ${warning}`]))
  for (const notice of settings.notices) invocation.stderr.write(textLines([`note ${notice}`]))
  const lines = values.json ? [planJson(plan, settings)] : planText(plan, settings)
  invocation.stdout.write(textLines(lines))
  return 0
}

function planText(plan: Plan, settings: Settings): string[] {
  const { plugin, pluginOptions, hooks, topic, group, outputDir, standing, waiting } = plan
  const options = Object.entries(shownOptions(pluginOptions)).map(
    ([name, value]) => `${name} = ${value === undefined ? 'undefined' : jsonLine(value)}`,
  )
  const isNew = standing.partitions.every(({ committed }) => committed === undefined)
  const begins = isNew ? `, begins at ${startText(settings.values.from)}` : ''
  const isBusy = (standing.described?.members.length ?? 0) > 0
  return [
    line('plugin', `${plugin.shown}${hooks.length === 0 ? '' : ` with ${hooks.join(', ')}`}`),
    ...options.map(text => line('', text)),
    line('topic', `${topic}, ${standing.partitions.length} partitions`),
    line('group', `${group} ${groupText(standing)}${begins}`),
    ...(isBusy ? [line('', 'a run would wait for it, then end with 75')] : []),
    ...standing.partitions.map(({ partition, start, end }, i) =>
      line(i === 0 ? 'reads' : '', `${partition}: from ${start}, ${end - start} records to ${end}`),
    ),
    line('waiting', waitingText(waiting)),
    line('output', outputDir),
    ...changed(settings).map(({ section, name, value, origin }, i) =>
      line(
        i === 0 ? 'settings' : '',
        `${section === 'dfsp' ? '' : `[${section}] `}${name} = ${value}   # ${origin}`,
      ),
    ),
    ...standing.partitions.flatMap(({ notice }) => (notice === undefined ? [] : [line('note', notice)])),
    'nothing was run, joined or committed',
  ]
}

function planJson(plan: Plan, settings: Settings): string {
  const { plugin, pluginOptions, hooks, topic, group, outputDir, standing, waiting } = plan
  return jsonLine({
    ...{ v: 1, type: 'plan', plugin: plugin.shown, hooks, topic, group, outputDir },
    pluginOptions: shownOptions(pluginOptions),
    groupState: standing.described?.state ?? null,
    members: standing.described?.members.map(({ clientId, host }) => ({ clientId, host })) ?? null,
    partitions: standing.partitions.map(({ partition, start, end, committed, notice }) => {
      return {
        partition,
        start,
        end,
        committed: committed ?? null,
        ...(notice === undefined ? {} : { notice }),
      }
    }),
    waiting,
    settings: changed(settings),
  })
}

/** Secrets masked. */
function shownOptions(options: PluginOptionValues): Readonly<Record<string, unknown>> {
  const shown = (name: string, value: unknown) => (typeof value === 'string' ? masked(name, value) : value)
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(item => shown(name, item)) : shown(name, value),
    ]),
  )
}

function changed(settings: Settings) {
  return shownSettings(settings, false).filter(({ origin }) => origin !== 'default')
}

function startText(from: Settings['values']['from']): string {
  return typeof from === 'object' ? timeText(from.time) : from
}

function line(name: string, text: string): string {
  return `${name.padEnd(9)} ${text}`
}
