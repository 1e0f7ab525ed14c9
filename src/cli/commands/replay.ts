/** `dfsp replay`: any files of a topic once more. */

import { refuseEncryption } from '../../config/encryption.ts'
import { requireBrokers, requireValue } from '../../config/options/required.ts'
import { fileIndex } from '../../core/chunks/file-index.ts'
import { textLines } from '../../core/text/shown-text.ts'
import { stateOf } from '../../report/commands/listing.ts'
import { replayPlanJson, replayPlanText } from '../../report/commands/replay-plan-text.ts'
import { formatClock, formatCount } from '../../report/quantities.ts'
import { exitStatus } from '../../run/outcome.ts'
import type { Command } from '../command.ts'
import { findPlugin, pluginOfFlag } from '../plugin-path.ts'
import { asked, openRerun } from '../rerun-parts.ts'
import { scanned } from '../scanned.ts'

const EXAMPLE = 'dfsp replay -p ./plot.ts -t xrd'

export const command: Command = {
  name: 'replay',
  describe:
    "Runs a plugin once more on files that are on a topic, processed or not: after a change of the plugin, for another one, or for a day that went wrong. Of each path the content that was sent last is taken; what is not whole is left alone. The topic is read to find the files, the plan is shown, then each is fetched, verified and given to the plugin once. No group's offsets are read or moved: a dfsp run that goes on beside it is not disturbed.",
  examples: [
    [`${EXAMPLE} --files '^run7/' --dry-run`, 'show what would run'],
    [`${EXAMPLE} --from 2026-11-24 --to 2026-11-25`, 'what was sent on a day'],
    [`${EXAMPLE} --files 'scan_07' --yes`, 'from a script'],
  ],
  takesPlugin: true,
  describePlugin: pluginOfFlag,
  async run(invocation) {
    const settings = await invocation.settings()
    refuseEncryption(settings)
    const { values } = settings
    const topic = requireValue(settings, 'topic', EXAMPLE)
    requireBrokers(settings, 'replay')
    const chosen =
      values.dryRun && values.plugin === undefined
        ? undefined
        : findPlugin(requireValue(settings, 'plugin', EXAMPLE), invocation.cwd)
    const ready = await openRerun(invocation, settings, chosen, topic)
    const { console, plugin } = ready
    const started = performance.now()
    let timer: NodeJS.Timeout | undefined
    try {
      const { files: wanted } = values
      const index = fileIndex({ wanted: path => wanted?.test(path) ?? true, places: true })
      const interrupted = await scanned(invocation, settings, index, true)
      if (interrupted !== 0) return interrupted
      const all = index.files().filter(({ newest }) => newest)
      const files = all.filter(file => stateOf(file) === 'complete')
      const leftAlone = all.filter(file => stateOf(file) !== 'complete')
      const plan = { files, leftAlone }
      invocation.stdout.write(textLines(values.json ? replayPlanJson(plan, topic) : replayPlanText(plan)))
      const exit = exitStatus({ wrong: wanted !== undefined && all.length === 0 ? 1 : 0 })
      if (exit !== 0)
        console.report({
          type: 'problem',
          text: `no file among ${formatCount(index.records)} ${index.records === 1 ? 'record' : 'records'} of ${topic} matches --files ${wanted?.source}`,
        })
      if (
        exit !== 0 ||
        values.dryRun ||
        (files.length > 0 && !values.yes && !(await asked(invocation, files.length)))
      ) {
        const { NOTHING_COUNTED, summaryOf } = await import('../../run/run-progress.ts')
        console.report({ type: 'summary', summary: summaryOf(NOTHING_COUNTED, [], started, exit) })
        return exit
      }
      const { replay } = await import('../../rerun/replay.ts')
      const replayStarted = performance.now()
      let text = ''
      const tell = () => {
        if (console.isLive) console.status(text)
        else if (text !== '') console.report({ type: 'info', text })
      }
      timer = setInterval(tell, console.isLive ? 250 : 30_000)
      const ended = await replay(
        { ...ready.options, topic, group: 'dfsp.replay' },
        {
          plugin,
          report: console.report,
          log: console.logFromPlugin,
          produce: ready.produce,
          onProgress({ done, failed, mismatched }) {
            const seconds = (performance.now() - replayStarted) / 1_000
            const over = done + failed + mismatched - leftAlone.length
            text = ` ${formatCount(over)} of ${formatCount(files.length)} files   ${formatCount(over - done)} failed   ${formatClock(seconds)}`
          },
        },
        files,
        leftAlone.length,
      )
      return ended.exit
    } finally {
      clearInterval(timer)
      await ready.close()
    }
  },
}
