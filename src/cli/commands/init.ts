/** `dfsp init`: a plugin with samples, or a config file, to start from. */
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { optionsOf } from '../../config/options.ts'
import { meant } from '../../config/problems.ts'
import { nearest } from '../../core/nearest.ts'
import { DfspError } from '../../errors.ts'
import type { Command } from '../command.ts'
import { pluginTemplate, SAMPLES } from '../templates.ts'

const KINDS = ['plugin', 'config']

export const command: Command = {
  name: 'init',
  describe:
    'Writes a plugin with samples and a config file, or the config file alone, into this folder. What exists is left as it is.',
  positionals: [
    { name: 'KIND', describe: 'plugin or config', required: true },
    { name: 'NAME', describe: 'name of the plugin (default: plot)' },
  ],
  examples: [
    ['dfsp init plugin plot', 'plot.ts, samples/ and dfsp.config'],
    ['dfsp init config', 'dfsp.config alone'],
  ],
  options: optionsOf('init'),
  async run({ positionals, cwd, stdout, settings }) {
    const [kind = ''] = positionals.KIND ?? []
    const [name = 'plot'] = positionals.NAME ?? []
    if (!KINDS.includes(kind)) {
      throw new DfspError('E_USAGE', `dfsp init does not know "${kind}"`, {
        next: meant(nearest(kind, KINDS)) ?? `dfsp init ${KINDS.join(' or ')}`,
      })
    }
    if (!/^[A-Za-z][\w-]*$/.test(name)) {
      throw new DfspError('E_USAGE', `"${name}" cannot name a plugin: letters, digits, - and _`)
    }
    const { values } = await settings()
    const folder = { cwd, force: values.force }
    const written =
      kind === 'config' ? await writeNew([await configFile()], 1, folder) : await writePlugin(name, folder)
    stdout.write(`wrote ${written.join(', ')}\n`)
    stdout.write(
      kind === 'config'
        ? 'Next:  dfsp config check\n       dfsp config show --origin\n'
        : `Next:  dfsp try ./${name}.ts samples/*.csv\n       dfsp run -p ./${name}.ts -t TOPIC\n`,
    )
    return 0
  },
}

interface Folder {
  readonly cwd: string
  readonly force: boolean
}

type NewFile = readonly [path: string, text: string]

async function writePlugin(name: string, folder: Folder): Promise<readonly string[]> {
  const samples = Object.entries(SAMPLES).map(([file, text]): NewFile => [`samples/${file}`, text])
  const written = await writeNew(
    [[`${name}.ts`, pluginTemplate(name)], ...samples, await configFile()],
    1,
    folder,
  )
  // Its first line runs it: ./plot.ts -t xrd
  await chmod(join(folder.cwd, `${name}.ts`), 0o755)
  return written
}

/** The example that is shipped with dfsp; src/ and dist/ are equally deep. */
async function configFile(): Promise<NewFile> {
  return ['dfsp.config', await readFile(new URL('../../../config/dfsp.config', import.meta.url), 'utf8')]
}

/** Writes what does not exist yet, or all with `force`; the first `wanted` files must not exist. */
async function writeNew(
  files: readonly NewFile[],
  wanted: number,
  { cwd, force }: Folder,
): Promise<readonly string[]> {
  const present = await Promise.all(files.map(([path]) => exists(join(cwd, path))))
  const inTheWay = files.find((_, index) => index < wanted && present[index] && !force)
  if (inTheWay !== undefined) {
    throw new DfspError('E_USAGE', `${inTheWay[0]} exists`, {
      next: '--force overwrites it, or choose another name',
    })
  }
  const written = files.filter((_, index) => force || !present[index])
  try {
    for (const [path, text] of written) {
      await mkdir(dirname(join(cwd, path)), { recursive: true })
      await writeFile(join(cwd, path), text)
    }
  } catch (cause) {
    throw new DfspError('E_OUTPUT', (cause as Error).message, { cause })
  }
  return written.map(([path]) => path)
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
