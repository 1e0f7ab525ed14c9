/** `dfsp config`: are the settings right, what are they, where do they come from. */

import { DfspError } from '../../base/errors.ts'
import { refuseEncryption } from '../../config/encryption.ts'
import { meant } from '../../config/problems.ts'
import type { Settings } from '../../config/settings-type.ts'
import { nearest } from '../../core/text/nearest.ts'
import { jsonLine, textLines } from '../../core/text/shown-text.ts'
import { willWork } from '../../run/shutdown.ts'
import { tellEncryption } from '../checks/encryption-note.ts'
import { type Shown, shownSettings } from '../checks/shown-settings.ts'
import type { Command, Invocation } from '../command.ts'
import { tellLostOutput } from '../terminal/lost-output.ts'

const ACTIONS = ['check', 'show', 'path']

export const command: Command = {
  name: 'config',
  describe:
    'check reads the settings and reports every problem, without a broker; with --connect it also asks the broker about itself, topic, group and rights, loads the plugin and counts what waits: a line each, and what to do next where one fails. show prints what holds, secrets masked; path prints where the config file is.',
  positionals: [
    { name: 'ACTION', describe: 'check, show or path', required: true },
    { name: 'FILE', describe: 'config file to read instead of the usual one' },
  ],
  examples: [
    ['dfsp config check', 'is everything spelled right?'],
    ['dfsp config check --connect -b lab1:9092 -t xrd -p ./plot.ts', 'will a run work?'],
    ['dfsp config show --origin', 'each value, and the flag, variable or line it is from'],
    ['dfsp config path', 'which file is read'],
  ],
  async run(invocation) {
    const [action = ''] = invocation.positionals.ACTION ?? []
    if (!ACTIONS.includes(action)) {
      const next = meant(nearest(action, ACTIONS)) ?? `dfsp config ${ACTIONS.join(', ')}`
      throw new DfspError('E_USAGE', `dfsp config cannot "${action}"`, { next })
    }
    const settings = await invocation.settings(invocation.positionals.FILE?.[0])
    if (action === 'show') tellEncryption(settings, invocation)
    if (settings.values.connect && action === 'check') {
      tellLostOutput(invocation)
      willWork() // what it finds is its exit status, whoever reads the rest
      const { checkConnect } = await import('../checks/check-connect.ts')
      invocation.stderr.write(textLines(settings.notices.map(noteText)))
      return await checkConnect(invocation, settings)
    }
    if (action === 'path') printPath(settings, invocation)
    else if (action === 'show') printSettings(settings, invocation)
    else {
      refuseEncryption(settings)
      printCheck(settings, invocation)
    }
    return 0
  },
}

function printPath({ configFile, values }: Settings, { stdout }: Invocation): void {
  if (configFile === undefined) throw noFile()
  stdout.write(
    values.json ? `${jsonLine({ v: 1, type: 'path', path: configFile })}\n` : textLines([configFile]),
  )
}

function printCheck(settings: Settings, { stdout }: Invocation): void {
  const { configFile, notices, values } = settings
  if (configFile === undefined) throw noFile()
  const given = shownSettings(settings, false).filter(({ origin }) => !origin.startsWith('default'))
  const count = given.filter(({ origin }) => !/^(flag$|env )/.test(origin)).length
  const elsewhere = given.length - count
  if (values.json) {
    stdout.write(`${jsonLine({ v: 1, type: 'check', path: configFile, settings: count, notices })}\n`)
    return
  }
  stdout.write(
    textLines([
      ...notices.map(noteText),
      `ok   ${configFile} (${count} ${count === 1 ? 'setting' : 'settings'}${elsewhere > 0 ? `; ${elsewhere} more by flags and variables` : ''})`,
    ]),
  )
}

function printSettings(settings: Settings, { stdout, stderr }: Invocation): void {
  const { json, origin: wantsOrigin, reveal } = settings.values
  const shown = shownSettings(settings, reveal)
  stderr.write(textLines(settings.notices.map(noteText)))
  if (json) {
    for (const setting of shown) stdout.write(`${jsonLine({ v: 1, type: 'setting', ...setting })}\n`)
    return
  }
  const width = Math.min(MOST_PAD, Math.max(...shown.map(each => line(each).length)))
  let section = ''
  for (const each of shown) {
    if (each.section !== section)
      stdout.write(textLines([...(section === '' ? [] : ['']), `[${each.section}]`]))
    section = each.section
    const text = wantsOrigin ? `${line(each).padEnd(width)}  # ${each.origin}` : line(each)
    stdout.write(textLines(text.split('\n')))
  }
}

/** A certificate, for one, does not push all origins out of sight. */
const MOST_PAD = 80

const noteText = (notice: string) => `note ${notice}`

function line({ name, value }: Shown): string {
  return `${name} = ${value.replaceAll('\n', '\n  ')}`
}

function noFile(): DfspError {
  return new DfspError('E_NOT_FOUND', 'there is no config file', {
    facts: ['looked for ./dfsp.config and dfsp/dfsp.config in $XDG_CONFIG_HOME or ~/.config'],
    next: 'dfsp init config',
  })
}
