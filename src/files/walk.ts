/** From the paths of a command line to the files that they mean: themselves, or what lies below them. */
import fs from 'node:fs'
import path from 'node:path'
import { otherThanFile } from '../base/entry-kind.ts'
import { DfspError } from '../base/errors.ts'

/** A file or folder of the command line. */
export interface Root {
  /** Absolute. */
  readonly path: string
  /** As it was given. */
  readonly shown: string
  readonly isFolder: boolean
  /** Why nothing of it can be sent; otherwise it exists. */
  readonly refused?: string
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

interface Other<Kind> {
  readonly kind: Kind
  readonly shown: string
  readonly reason: string
}

/** `refused`: it should have been a file to send. `no-file`: links to folders, pipes and the like, which are left out. */
export type FoundOther = Other<'refused'> | Other<'no-file'>

export type Found = FoundFile | FoundOther

/** Names on a topic are text, and so are paths in Node. */
const NO_TEXT_ABOVE = 'lies in a folder with a name that is not UTF-8, which no record can carry: rename that'
const NO_TEXT = 'has a name that is not UTF-8, which no record can carry: rename it'

/** Throws E_NOT_FOUND that names every path which is neither a file nor a folder; a name that is no text is refused. */
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
      // What Node puts in the place of bytes that are no text.
      if (text.includes('\ufffd')) return [{ path: at, shown: text, isFolder: false, refused: NO_TEXT }]
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
    if (root.refused !== undefined) yield { kind: 'refused', shown: root.shown, reason: root.refused }
    else if (root.isFolder) yield* findFilesBelow(root, '', wanted)
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
  const folder = path.join(root.path, subdir)
  let entries: Entry[]
  try {
    entries = await entriesOf(folder)
  } catch (error) {
    yield { kind: 'refused', shown: path.join(root.shown, subdir), reason: reasonOf(error) }
    return
  }
  for (const { name, bytes, dirent } of entries) {
    const below = subdir === '' ? name : `${subdir}/${name}`
    const shown = path.join(root.shown, below)
    if (bytes !== undefined) yield* refusedBelow(Buffer.from(`${folder}/`), bytes, root, subdir, wanted)
    else if (dirent.isDirectory()) yield* findFilesBelow(root, below, wanted, onFolder)
    else if (wanted(below)) {
      const file = path.join(folder, name)
      const other = dirent.isFile() ? undefined : await whyNoFile(file, dirent)
      yield other === undefined ? { kind: 'file', file, shown, subdir, name } : { ...other, shown }
    }
  }
}

interface Entry {
  readonly name: string
  /** Of a name that is no text. */
  readonly bytes: Buffer | undefined
  readonly dirent: Pick<fs.Dirent, 'isDirectory' | 'isFile' | 'isSymbolicLink' | 'isFIFO' | 'isSocket'>
}

/** In the order of their names. */
async function entriesOf(folder: string | Buffer): Promise<Entry[]> {
  const dirents = (await fs.promises.readdir(folder, {
    withFileTypes: true,
    encoding: 'buffer',
  } as never)) as unknown as (Entry['dirent'] & { readonly name: Buffer })[]
  return dirents
    .map(dirent => ({ ...nameOf(dirent.name), dirent }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** A name as the system has it. */
export function nameOf(bytes: Buffer): Pick<Entry, 'name' | 'bytes'> {
  const name = bytes.toString()
  return { name, bytes: name.includes('\ufffd') && !Buffer.from(name).equals(bytes) ? bytes : undefined }
}

/**
 * Refuses an entry whose name is no text, and each wanted file below it; `at` is the folder that it lies in, with a `/`,
 * `subdir` that folder below the root.
 */
export async function* refusedBelow(
  at: Buffer,
  bytes: Buffer,
  root: Root,
  subdir: string,
  wanted: (path: string) => boolean,
): AsyncGenerator<FoundOther, void> {
  const shownName = printable(bytes)
  const below = subdir === '' ? shownName : `${subdir}/${shownName}`
  const file = Buffer.concat([at, bytes])
  const shown = path.join(root.shown, below)
  try {
    const stats = await fs.promises.lstat(file)
    if (!stats.isDirectory()) {
      if (wanted(below) && (stats.isFile() || stats.isSymbolicLink()))
        yield { kind: 'refused', shown, reason: NO_TEXT }
      return
    }
    const folder = Buffer.concat([file, Buffer.from('/')])
    for (const { name, bytes } of await entriesOf(folder))
      for await (const each of refusedBelow(folder, bytes ?? Buffer.from(name), root, below, wanted))
        yield { ...each, reason: each.reason === NO_TEXT ? NO_TEXT_ABOVE : each.reason }
  } catch (error) {
    const reason = reasonOf(error)
    if (reason !== GONE) yield { kind: 'refused', shown, reason }
  }
}

/** Bytes that are no text, as a shell's `$'…'` takes them. */
function printable(bytes: Buffer): string {
  let text = ''
  const decoded = bytes.toString('latin1')
  for (let at = 0; at < bytes.length; ) {
    // The longest run of text from here: at most four bytes make a character.
    const length = [4, 3, 2, 1].find(n => at + n <= bytes.length && isCharacter(bytes.subarray(at, at + n)))
    text += length ? bytes.toString('utf8', at, at + length) : `\\x${decoded.charCodeAt(at).toString(16)}`
    at += length ?? 1
  }
  return text
}

function isCharacter(bytes: Buffer): boolean {
  const text = bytes.toString()
  return [...text].length === 1 && Buffer.from(text).equals(bytes)
}

/** What an entry is that is no file. */
async function whyNoFile(
  file: string,
  dirent: Entry['dirent'],
): Promise<Pick<FoundOther, 'kind' | 'reason'> | undefined> {
  if (!dirent.isSymbolicLink()) return { kind: 'no-file', reason: `is ${otherThanFile(dirent)}` }
  try {
    const stats = await fs.promises.stat(file)
    if (stats.isFile()) return undefined
    return { kind: 'no-file', reason: `is a link to ${stats.isDirectory() ? 'a folder' : 'no file'}` }
  } catch (error) {
    return { kind: 'refused', reason: reasonOf(error) }
  }
}

const GONE = 'does not exist'

/** A system error without the path, which stands beside it. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOENT':
      return GONE
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this user'
    default:
      return message.replace(/, \w+( '.*')?$/, '')
  }
}
