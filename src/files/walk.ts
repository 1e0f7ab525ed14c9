/** From the paths of a command line to the files that they mean: themselves, or what lies below them. */
import fs from 'node:fs'
import path from 'node:path'
import { DfspError } from '../errors.ts'

/** A file or folder of the command line; it exists. */
export interface Root {
  /** Absolute. */
  readonly path: string
  /** As it was given. */
  readonly shown: string
  readonly isFolder: boolean
}

export interface FoundFile {
  readonly kind: 'file'
  /** Absolute. */
  readonly file: string
  /** As the user would write it. */
  readonly shown: string
  /** Folder relative to the root, with `/`; "" for a root that is a file. */
  readonly subdir: string
  readonly name: string
}

export type Found = FoundFile | { readonly kind: 'refused'; readonly shown: string; readonly reason: string }

/** Throws E_NOT_FOUND that names every path which is neither a file nor a folder. */
export function findRoots(given: readonly string[], cwd: string): Root[] {
  const wrong: string[] = []
  const roots = given.flatMap(text => {
    const at = path.resolve(cwd, text)
    try {
      const found = fs.statSync(at)
      if (found.isDirectory() || found.isFile())
        return [{ path: at, shown: text, isFolder: found.isDirectory() }]
      wrong.push(`${text} is neither a file nor a folder`)
    } catch (error) {
      wrong.push(`${text}: ${reasonOf(error)}`)
    }
    return []
  })
  const [first] = wrong
  if (first === undefined) return roots
  throw new DfspError('E_NOT_FOUND', wrong.length === 1 ? first : `${wrong.length} paths cannot be read`, {
    facts: wrong.length === 1 ? [] : wrong,
    next: 'check the spelling; nothing was done',
  })
}

/**
 * The files of the roots, folders in the order of their names. `wanted` is asked for the path below a folder.
 * Links to files are followed, links to folders are not (they may lead round in a circle).
 */
export async function* findFiles(
  roots: readonly Root[],
  wanted: (path: string) => boolean,
): AsyncGenerator<Found, void> {
  for (const root of roots) {
    if (root.isFolder) yield* findFilesBelow(root, '', wanted)
    else yield alone(root)
  }
}

/** Of files that have the same path below different roots only the first; the others are refused. */
export async function* firstOfEachPath(files: AsyncIterable<Found>): AsyncGenerator<Found, void> {
  const taken = new Map<string, string>()
  for await (const found of files) {
    const path = found.kind === 'file' ? `${found.subdir}/${found.name}` : undefined
    const first = path === undefined ? undefined : taken.get(path)
    if (path !== undefined && first === undefined) taken.set(path, found.shown)
    yield first === undefined
      ? found
      : { kind: 'refused', shown: found.shown, reason: `would overwrite ${first}, which has the same path` }
  }
}

function alone(root: Root): FoundFile {
  return { kind: 'file', file: root.path, shown: root.shown, subdir: '', name: path.basename(root.path) }
}

/** Neither a dot file, nor below a dot folder, nor a log: what is meant where nobody says otherwise. */
export function isOrdinary(path: string): boolean {
  return !/(^|\/)\.|\.log$/.test(path)
}

/** Those in one folder of a root and below; `onFolder` hears of each folder before it is read. */
export async function* findFilesBelow(
  root: Root,
  subdir: string,
  wanted: (path: string) => boolean,
  onFolder: (subdir: string) => void = () => {},
): AsyncGenerator<Found, void> {
  onFolder(subdir)
  let entries: fs.Dirent[]
  try {
    entries = await fs.promises.readdir(path.join(root.path, subdir), { withFileTypes: true })
  } catch (error) {
    yield { kind: 'refused', shown: path.join(root.shown, subdir), reason: reasonOf(error) }
    return
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const below = subdir === '' ? entry.name : `${subdir}/${entry.name}`
    const file = path.join(root.path, below)
    const shown = path.join(root.shown, below)
    if (entry.isDirectory()) yield* findFilesBelow(root, below, wanted, onFolder)
    else if (wanted(below)) {
      const reason = entry.isFile() ? undefined : await otherThanFile(file, entry)
      if (reason === 'passed over') continue
      yield reason === undefined
        ? { kind: 'file', file, shown, subdir, name: entry.name }
        : { kind: 'refused', shown, reason }
    }
  }
}

/** Why an entry is no file; pipes, devices and links to folders are passed over. */
async function otherThanFile(file: string, entry: fs.Dirent): Promise<string | undefined> {
  if (!entry.isSymbolicLink()) return 'passed over'
  try {
    return (await fs.promises.stat(file)).isFile() ? undefined : 'passed over'
  } catch (error) {
    return reasonOf(error)
  }
}

/** A system error without the path, which stands beside it. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOENT':
      return 'does not exist'
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this user'
    default:
      return message.replace(/, \w+( '.*')?$/, '')
  }
}
