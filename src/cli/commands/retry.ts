/** `dfsp retry`: what was given up, once more. */

import { DfspError } from '../../base/errors.ts'
import { refuseEncryption } from '../../config/encryption.ts'
import { requireBrokers, requireValue } from '../../config/options/required.ts'
import type { Settings } from '../../config/settings-type.ts'
import { textLines } from '../../core/text/shown-text.ts'
import { retryPlanJson, retryPlanText } from '../../report/commands/retry-plan-text.ts'
import { unfinishedJson, unfinishedText } from '../../report/commands/unfinished-text.ts'
import type { Command } from '../command.ts'
import { findPlugin, pluginOfFlag } from '../plugin-path.ts'
import { asked, openRerun } from '../rerun-parts.ts'
import { slowProgress } from '../terminal/progress.ts'

const EXAMPLE = 'dfsp retry -p ./plot.ts --dlq xrd-dead'
const HELD = 'dfsp retry -p ./plot.ts -t xrd -g dfsp.plot.xrd'

export const command: Command = {
  name: 'retry',
  describe:
    'Takes up what was given up. With --dlq: files of which there are dead letters (dfsp run --dlq) are fetched again by reference, verified and given to the plugin once; a file that fails again gets a new letter, and one that was taken up five times is left alone unless it is named; a second call goes on where the first one stopped. With -t and -g: the files that a group holds, as its next member: they are run once, and committed in the group as dfsp run does. It must not be running elsewhere: there a restart of dfsp run does the same. The plan is shown first.',
  examples: [
    [`${EXAMPLE} --dry-run`, 'show what there is'],
    [EXAMPLE, 'with a mended plugin: all of it'],
    [`${EXAMPLE} run7/ a/scan_07.csv`, 'a folder and a file'],
    [`${EXAMPLE} --yes --max 100`, 'from a script'],
    [HELD, 'what the group holds'],
    [`${HELD} a/scan_07.csv`, 'one file of it; the others stay held'],
  ],
  positionals: [{ name: 'PATH', describe: 'only this file or folder, as the plugin saw it', many: true }],
  takesPlugin: true,
  describePlugin: pluginOfFlag,
  async run(invocation) {
    const settings = await invocation.settings()
    refuseEncryption(settings)
    const { values } = settings
    const held = heldIn(settings)
    const dlq = held ? '' : (values.dlq ?? nothingNamed())
    requireBrokers(settings, 'retry')
    const chosen = values.dryRun
      ? undefined
      : findPlugin(requireValue(settings, 'plugin', `${EXAMPLE} …`), invocation.cwd)
    const ready = await openRerun(invocation, settings, chosen, held?.topic ?? dlq)
    const { plugin, console, produce, options } = ready
    const { report, logFromPlugin } = console
    const progress = slowProgress(invocation, values.quiet)
    progress.update(() => `asking ${values.brokers} for ${held ? `what ${held.group} holds` : dlq}`)
    const print = (lines: string[]) => {
      progress.end()
      invocation.stdout.write(textLines(lines))
    }
    const confirm = async (files: number) => values.yes || (await asked(invocation, files))
    try {
      const paths = invocation.positionals.PATH ?? [] // some words may have been the plugin's
      if (held) {
        const { retryHeld } = await import('../../rerun/retry-held.ts')
        const { exit } = await retryHeld(
          { ...options, ...held, paths },
          {
            report,
            run: plugin && { ...plugin, logFromPlugin, produce },
            showPlan: plan => print((values.json ? unfinishedJson : unfinishedText)(plan, held.topic)),
            confirm,
          },
        )
        return exit
      }
      const { retry } = await import('../../rerun/retry.ts')
      const { exit } = await retry(
        { ...options, dlq, group: lettersGroup(settings, dlq), paths },
        {
          plugin,
          report,
          log: logFromPlugin,
          produce,
          showPlan: plan => print(values.json ? retryPlanJson(plan) : retryPlanText(plan, dlq)),
          confirm: plan => confirm(plan.files.length),
        },
      )
      return exit
    } finally {
      progress.end()
      await ready.close()
    }
  },
}

/** The group whose held files are meant, undefined where dead letters are: those that the call names, else letters. */
function heldIn({ values: { topic, group, dlq }, origins }: Settings) {
  const isNamed = origins.get('group') === 'flag' && origins.get('dlq') !== 'flag'
  if (topic === undefined || group === undefined || !(isNamed || dlq === undefined)) return undefined
  return { topic, group }
}

function nothingNamed(): never {
  throw new DfspError('E_USAGE', 'neither dead letters nor a group is given', {
    facts: [
      '--dlq TOPIC: files of which there are dead letters',
      '-t TOPIC -g GROUP: files that a group holds',
    ],
    next: `${HELD} --dry-run`,
  })
}

/** The group of a config file is that of `dfsp run`, in which letters have no place. */
function lettersGroup({ values, origins }: Settings, dlq: string): string {
  return values.group !== undefined && origins.get('group') === 'flag' ? values.group : `dfsp.retry.${dlq}`
}
