/** Where the config file is, and reading it. */
import { lstatSync, statSync } from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { DfspError } from '../../base/errors.ts'
import { homeFolder } from '../../base/home.ts'
import { type Problem, problemsError } from '../problems.ts'
import { readGivenFile } from './given-file.ts'
import { type Ini, readIni } from './ini.ts'

export interface ConfigFile {
  readonly path: string
  /** The path as messages give it: relative where it lies below the working directory. */
  readonly shown: string
  readonly ini: Ini
}

interface Caller {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
}

/**
 * The file that `-c` or DFSP_CONFIG names (a path, or the NAME of NAME.config in one of the folders), else the first
 * of the standard places that exists; `undefined` where there is none and none was asked for.
 */
export function findConfigFile(given: string | undefined, caller: Caller): string | undefined {
  const candidates = candidatePaths(given, caller)
  // What stands in a standard place and cannot be read must not count as absent: its settings may be what protects.
  const found = candidates.find(path => (given === undefined ? wrongAt(path) !== ABSENT : isReadable(path)))
  const wrong = found === undefined ? undefined : wrongAt(found)
  if (wrong !== undefined) {
    const text = `${shownPath(found as string, caller.cwd)} ${wrong}`
    throw new DfspError('E_CONFIG', text, { next: 'put the config file there, or remove it' })
  }
  if (found !== undefined || given === undefined) return found
  throw new DfspError('E_NOT_FOUND', `no config file "${given}"`, {
    facts: [`looked for ${candidates.map(path => shownPath(path, caller.cwd)).join(', ')}`],
    next: 'dfsp init config writes one to start from',
  })
}

const ABSENT = 'is not there'

/** Why it is no file that can be read; a pipe and a device can. */
function wrongAt(path: string): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return ABSENT
  try {
    return statSync(path).isDirectory() ? 'is a folder' : undefined
  } catch {
    return 'is a symbolic link that leads nowhere'
  }
}

function isReadable(path: string): boolean {
  return wrongAt(path) === undefined
}

/** All places in the order in which they are looked at. */
function candidatePaths(given: string | undefined, { cwd, env }: Caller): readonly string[] {
  const base = env.XDG_CONFIG_HOME
  const home = homeFolder(env)
  const folder = base !== undefined && isAbsolute(base) ? base : home && join(home, '.config')
  const own = folder === undefined ? [] : [join(folder, 'dfsp')]
  if (given === undefined) return [cwd, ...own].map(place => join(place, 'dfsp.config'))
  const paths = [resolve(cwd, given)]
  if (/[/\\]/.test(given)) return paths
  paths.push(join(cwd, `${given}.config`))
  for (const place of own) paths.push(join(place, given), join(place, `${given}.config`))
  const theirs = env.OPENMSISTREAM_CONFIG_FILE_DIR
  if (theirs) paths.push(resolve(cwd, theirs, given), resolve(cwd, theirs, `${given}.config`))
  return paths
}

/** Throws one DfspError that lists every problem of its INI text where nothing can be told of the rest. */
export async function readConfigFile(path: string, cwd: string): Promise<ConfigFile> {
  const shown = shownPath(path, cwd)
  const ini = readIni(await textOf(path, shown))
  if (ini.problems.some(({ losesSection }) => losesSection)) throw problemsError(iniProblems(shown, ini))
  return { path, shown, ini }
}

export function iniProblems(shown: string, { problems }: Ini): readonly Problem[] {
  return problems.map(({ line, text }): Problem => ({ place: `${shown}:${line}`, text, in: 'file' }))
}

async function textOf(path: string, shown: string): Promise<string> {
  let bytes: Buffer
  try {
    bytes = await readGivenFile(path)
  } catch (cause) {
    throw new DfspError('E_NOT_FOUND', `cannot read ${shown}: ${(cause as Error).message}`, { cause })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new DfspError('E_CONFIG', `${shown} is not UTF-8 text`, { cause, next: `iconv -t UTF-8 ${shown}` })
  }
}

function shownPath(path: string, cwd: string): string {
  const near = relative(cwd, path)
  return near === '' || near.startsWith('..') || isAbsolute(near) ? path : near
}
