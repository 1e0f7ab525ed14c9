/** `dfsp config check --connect`: one line for each thing that a run needs, in the order in which it needs them. */

import { randomUUID } from 'node:crypto'
import { DfspError } from '../../base/errors.ts'
import { encryptionError } from '../../config/encryption.ts'
import { groupId } from '../../config/file/group.ts'
import { requireBrokers } from '../../config/options/required.ts'
import type { Settings } from '../../config/settings-type.ts'
import { jsonLine, textLines } from '../../core/text/shown-text.ts'
import type { ClusterFacts } from '../../kafka/ask/cluster-facts.ts'
import { groupText, waitingText } from '../../report/commands/forecast-text.ts'
import { formatAge, formatBytes } from '../../report/quantities.ts'
import type { Invocation } from '../command.ts'
import { declaredPlugin, findPlugin, type PluginPath } from '../plugin-path.ts'
import { type Predicted, predicted } from './predicted.ts'
import { shownSettings } from './shown-settings.ts'

type CheckName = 'config' | 'plugin' | 'broker' | 'topic' | 'access' | 'group'

interface Check {
  readonly name: CheckName
  readonly result: 'ok' | 'FAIL' | 'skip'
  readonly text: string
  readonly error?: DfspError
}

/** Prints the lines and resolves to 0, or to the status of the first that failed. */
export async function checkConnect(invocation: Invocation, settings: Settings): Promise<number> {
  const { values } = settings
  const { stdout } = invocation
  let exit = 0
  const print = (check: Check) => {
    exit ||= check.error?.exitCode ?? 0
    const lines = values.json ? [checkJson(check)] : checkLines(check)
    stdout.write(textLines(lines))
  }
  const ok = (name: CheckName, text: string) => print({ name, result: 'ok', text })
  const skip = (name: CheckName, text: string) => print({ name, result: 'skip', text })
  const fail = (name: CheckName, error: unknown) => {
    if (!(error instanceof DfspError)) throw error
    print({ name, result: 'FAIL', text: error.message, error })
  }

  if (settings.encryption === undefined) ok('config', configText(settings))
  else fail('config', encryptionError(settings.encryption))
  const plugin = await checkPlugin(settings, invocation).catch(error => fail('plugin', error))
  if (plugin) ok('plugin', plugin.text)
  else if (values.plugin === undefined) skip('plugin', 'none given (-p)')

  try {
    requireBrokers(settings, 'config')
  } catch (error) {
    fail('broker', error)
    return exit
  }
  const { topic = '' } = values
  const group = groupId(values.group, { plugin: plugin?.path.name ?? 'plugin', topic }, randomUUID)
  const known: { -readonly [K in keyof Predicted]?: Predicted[K] } = {}
  try {
    if (topic === '') {
      const { clusterFacts } = await import('../../kafka/ask/cluster-facts.ts')
      ok(
        'broker',
        brokerText(
          settings,
          await onlyConnect(settings),
          await clusterFacts(settings.kafka.consumer, undefined),
        ),
      )
      skip('topic', 'none given (-t)')
      return exit
    }
    const found = await predicted(invocation, settings, { topic, group }, step => {
      Object.assign(known, step)
      if (step.brokers !== undefined) ok('broker', brokerText(settings, step.brokers, step.facts))
      if (step.standing)
        ok(
          'topic',
          `${topic}, ${counted(step.standing.partitions.length, 'partition')}${keptText(known.facts)}`,
        )
      if (step.refused) fail('group', step.refused)
      if (step.access) checkAccess(settings, { topic, group }, step.access, { ok, fail, skip })
    })
    if ('interrupted' in found) return found.interrupted
    if (known.refused) return exit
    const isNew = found.standing.partitions.every(({ committed }) => committed === undefined)
    const named = values.group !== undefined || plugin !== undefined
    if (!named) skip('group', `none given (-g or -p); on the topic: ${waitingText(found.waiting)}`)
    else {
      const begins = isNew
        ? `: will start at ${typeof values.from === 'object' ? '' : 'the '}${typeof values.from === 'object' ? new Date(values.from.time).toISOString() : values.from} of`
        : ', waiting:'
      ok('group', `${group} ${groupText(found.standing)}${begins} ${waitingText(found.waiting)}`)
    }
  } catch (error) {
    // What may not be read was told with the rights.
    if (known.access === undefined || exit === 0)
      fail(known.brokers === undefined ? 'broker' : failing(error), error)
  }
  return exit
}

function failing(error: unknown): CheckName {
  const code = error instanceof DfspError ? error.code : undefined
  const message = error instanceof DfspError ? error.message : ''
  if (code === 'E_ACL') return / group /.test(message) ? 'group' : 'topic'
  return code === 'E_TOPIC_MISSING' ? 'topic' : 'broker'
}

async function checkPlugin(
  { values, sections }: Settings,
  invocation: Invocation,
): Promise<{ path: PluginPath; text: string } | undefined> {
  if (values.plugin === undefined) return undefined
  const path = findPlugin(values.plugin, invocation.cwd)
  const { options, warnings } = await declaredPlugin(path)
  const names = Object.keys(options)
  const given = Object.keys(sections.plugin ?? {})
  for (const text of warnings) invocation.stderr.write(textLines([`note ${path.shown} ${text}`]))
  const unknown = given.filter(name => !names.includes(name))
  if (unknown.length > 0)
    throw new DfspError('E_CONFIG', `${path.shown} has no option ${unknown.join(', ')}`, {
      facts: [`[plugin] of the config file names it; there are ${names.join(', ') || 'none'}`],
    })
  const told = names.length === 0 ? 'no options' : `${counted(names.length, 'option')}: ${names.join(', ')}`
  return { path, text: `${path.shown}, ${told}` }
}

function checkAccess(
  { values }: Settings,
  { topic, group }: { topic: string; group: string },
  access: Predicted['access'],
  { ok, fail, skip }: { ok: Tell; skip: Tell; fail(name: CheckName, error: unknown): void },
): void {
  const lacking = (have: readonly string[] | undefined, resource: string, needed: readonly string[]) =>
    have === undefined
      ? []
      : needed.filter(each => !have.includes(each)).map(each => `${each} on ${resource}`)
  const missing = [
    ...lacking(access.topic, `topic ${topic}`, ['READ', 'DESCRIBE']),
    ...lacking(access.group, `group ${group}`, ['READ']),
  ]
  if (missing.length > 0)
    return fail(
      'access',
      new DfspError('E_ACL', `not allowed: ${missing.join(', ')}`, {
        next: `ask for an ACL that allows ${missing.join(' and ')}`,
      }),
    )
  if (access.topic === undefined) return skip('access', 'the broker does not tell what is allowed')
  const ofGroup =
    access.group === undefined ? '; of the group the broker does not tell' : ', and the group be joined'
  const letters = values.dlq === undefined ? '' : ` (of ${values.dlq} it was not asked)`
  ok('access', `the topic may be read${ofGroup}${letters}`)
}

type Tell = (name: CheckName, text: string) => void

async function onlyConnect({ kafka }: Settings): Promise<number> {
  const { watchGroup } = await import('../../kafka/ask/group-watch.ts')
  const watch = await watchGroup({ topic: '', group: 'dfsp.check', properties: kafka.consumer })
  await watch.close()
  return watch.brokers
}

function configText(settings: Settings): string {
  const count = shownSettings(settings, false).filter(({ origin }) => origin !== 'default').length
  return `${settings.configFile ?? 'no file'} (${counted(count, 'setting')})`
}

function brokerText({ values }: Settings, brokers: number, facts: ClusterFacts | undefined): string {
  const version = facts?.version === undefined ? '' : ` Kafka ${facts.version},`
  return `${values.brokers},${version} ${counted(brokers, 'broker')}`
}

function keptText(facts: ClusterFacts | undefined): string {
  const { ms, bytes } = facts?.retention ?? {}
  if (facts?.retention === undefined) return ''
  const size =
    bytes === undefined
      ? ''
      : `${ms === undefined ? ', keeps' : ','} at most ${formatBytes(bytes)} a partition`
  const time =
    ms === undefined ? (bytes === undefined ? ', keeps all records' : '') : `, keeps ${formatAge(ms)}`
  return `${time}${size}`
}

function counted(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`
}

function checkLines({ name, result, text, error }: Check): string[] {
  const code = error === undefined ? '' : ` [${error.code}]`
  const next = error?.next === undefined ? [] : [`              Try: ${error.next}`]
  return [
    `${result.padEnd(4)} ${name.padEnd(8)} ${text}${code}`,
    ...(error?.facts ?? []).map(fact => `              ${fact}`),
    ...next,
  ]
}

function checkJson({ name, result, text, error }: Check): string {
  const why = error === undefined ? {} : { code: error.code, facts: error.facts, next: error.next ?? null }
  return jsonLine({ v: 1, type: 'check', name, result: result.toLowerCase(), text, ...why })
}
