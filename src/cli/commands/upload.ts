/** `dfsp upload`: files and folders onto a topic. */
import path from 'node:path'
import { DfspError } from '../../base/errors.ts'
import { homeFolder } from '../../base/home.ts'
import { producerProperties, refuseEncryption } from '../../config/encryption.ts'
import { requireBrokers, requireValue } from '../../config/options/required.ts'
import { relativePath } from '../../core/chunks/output-path.ts'
import { findFiles, findRoots, firstOfEachPath, isOrdinary } from '../../files/walk.ts'
import { uploadReporter } from '../../report/commands/upload-report.ts'
import { loggedError } from '../../report/error-text.ts'
import type { Command } from '../command.ts'

export const command: Command = {
  name: 'upload',
  describe:
    'Sends files to a topic in chunks, as OpenMSIStream does. Of a folder everything below it is sent, and the path below the folder is kept; dot files and *.log are left out unless --include says otherwise. A file is done when the broker has acknowledged all of its chunks. With --watch it stays and sends what comes.',
  examples: [
    ['dfsp upload data/ -t xrd', 'a folder: data/a/x.csv arrives as a/x.csv'],
    ['dfsp upload x.csv y.csv -t xrd --subdir run7', 'they arrive as run7/x.csv and run7/y.csv'],
    [
      'dfsp upload data/ -t xrd --watch',
      'go on with files as they come, until Ctrl-C; a restart sends none twice',
    ],
    [String.raw`dfsp upload data/ --include '\.csv$' --dry-run`, 'only list what would be sent'],
  ],
  positionals: [{ name: 'PATH', describe: 'a file or a folder', required: true, many: true }],
  async run(invocation) {
    const settings = await invocation.settings()
    refuseEncryption(settings)
    const { values } = settings
    const { cwd } = invocation
    const roots = findRoots(invocation.positionals.PATH ?? [], cwd)
    const include = values.include
    const wanted = include ? (path: string) => include.test(path) : isOrdinary
    const subdir = checkedSubdir(values.subdir)
    if (values.watch && values.dryRun)
      throw new DfspError('E_USAGE', '--watch and --dry-run exclude each other', {
        next: 'leave out --watch',
      })
    if (!values.watch && (values.newOnly || values.poll))
      throw new DfspError('E_USAGE', `--${values.newOnly ? 'new-only' : 'poll'} needs --watch`, {
        next: 'dfsp upload data/ -t xrd --watch …',
      })
    if (!values.dryRun) {
      requireValue(settings, 'topic', 'dfsp upload data/ -t xrd …')
      requireBrokers(settings, 'upload')
    }
    const { openConsole } = await import('../terminal/console.ts')
    const { topic = '' } = values
    const console = openConsole(invocation, values, { topic, live: 'status' })
    const report = uploadReporter({
      log: console.log,
      json: values.json ? console.out : undefined,
      list: values.json ? undefined : console.out,
      draw: console.isLive ? console.status : undefined,
    })
    for (const text of settings.notices) report({ type: 'problem', text })
    const found = findFiles(roots, wanted)
    const files = roots.length > 1 ? firstOfEachPath(found) : found
    const options = { topic, subdir, chunkSize: values.chunkSizeBytes, partitionBy: values.partitionBy }
    const { settleMs, poll, newOnly } = values
    const watch = values.watch
      ? { roots, wanted, settleMs, poll, newOnly, stateDir: stateFolder(invocation.env) }
      : undefined
    try {
      if (values.dryRun) {
        const { planUpload } = await import('../../upload/upload-plan.ts')
        return await planUpload(options, { files, report })
      }
      const { upload } = await import('../../upload/upload.ts')
      const { exit, error } = await upload(
        {
          ...options,
          producerProperties: producerProperties(settings),
          waitForTopic: values.waitForTopic,
          include,
          progressMs: console.isLive ? 250 : values.statsMs,
        },
        { files, watch, report },
      )
      if (error) console.log.write('error', ...loggedError(error))
      return exit
    } finally {
      await console.close()
    }
  },
}

/** systemd's (the first of several), else XDG's. */
function stateFolder(env: NodeJS.ProcessEnv): string {
  const ofService = env.STATE_DIRECTORY?.split(':')[0]
  if (ofService) return ofService
  const given = env.XDG_STATE_HOME
  if (given && path.isAbsolute(given)) return path.join(given, 'dfsp')
  const home = homeFolder(env)
  if (home !== undefined) return path.join(home, '.local', 'state', 'dfsp')
  throw new DfspError('E_USAGE', 'there is no folder in which to note what was sent', {
    facts: ['looked at STATE_DIRECTORY, XDG_STATE_HOME and HOME; this account has no home'],
    next: 'XDG_STATE_HOME=/var/lib/lab dfsp upload … --watch',
  })
}

function checkedSubdir(given: string | undefined): string {
  const subdir = given?.replace(/\/+$/, '') ?? ''
  if (given === undefined || subdir === '') return ''
  const found = relativePath(subdir, 'x', '')
  if ('path' in found) return subdir
  throw new DfspError('E_USAGE', `--subdir: ${found.refused}`, { next: '--subdir run7/raw' })
}
