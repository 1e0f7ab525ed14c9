/**
 * Folders held open while something is done in them, where others may write, too: what is done goes to the folder that
 * was looked at, whatever stands at its path by then. Links are not followed. Below everything else.
 *
 * Node has no openat(2). On Linux an entry is reached through the open folder itself, below /proc/self/fd; elsewhere by
 * its path, and `check` is what is left.
 */
import fs from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { notAFile, otherThanFile } from './entry-kind.ts'

const { O_RDONLY, O_RDWR, O_APPEND, O_CREAT, O_DIRECTORY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants
const OPEN_FOLDERS = '/proc/self/fd'
const isReachable = fs.existsSync(OPEN_FOLDERS)

export class HeldFolder {
  readonly path: string
  readonly #fd: number
  readonly #id: string

  /** `at`: where it is reached, where that is not its path. Throws the system's errors, ELOOP or ENOTDIR for a link. */
  constructor(folder: string, at = folder) {
    this.path = folder
    this.#fd = fs.openSync(at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    this.#id = identity(fs.fstatSync(this.#fd, { bigint: true }))
  }

  /** What leads to an entry, as long as the folder is open. */
  at(name: string): string {
    return path.join(isReachable ? `${OPEN_FOLDERS}/${this.#fd}` : this.path, name)
  }

  /** Calls `work` with what leads to an entry. The system's errors name it by its path. */
  entry<T>(name: string, work: (at: string) => T): T {
    try {
      return work(this.at(name))
    } catch (error) {
      if (isReachable && error instanceof Error)
        error.message = error.message.replaceAll(this.at('/'), `${this.path}${path.sep}`)
      throw error
    }
  }

  /** A folder in it. */
  open(name: string): HeldFolder {
    return this.entry(name, at => new HeldFolder(path.join(this.path, name), at))
  }

  names(): string[] {
    return this.entry('', at => fs.readdirSync(at))
  }

  /** Whether this was found at its path. */
  is(found: fs.BigIntStats | undefined): boolean {
    return found !== undefined && identity(found) === this.#id
  }

  /** Throws where its path does not lead to it any more. */
  check(): void {
    if (!this.is(fs.statSync(this.path, { bigint: true, throwIfNoEntry: false })))
      throw new Error(`${this.path} was moved or replaced while something was written into it`)
  }

  /** What has come and gone in it outlives a power cut. */
  sync(): void {
    fs.fsyncSync(this.#fd)
  }

  close(): void {
    fs.closeSync(this.#fd)
  }
}

/** The error, which names a folder by its path instead of by what led to it. */
export function named<T>(error: T, folder: string): T {
  if (error instanceof Error) error.message = error.message.replace(/\/proc\/self\/fd\/\d+(?=\/)/g, folder)
  return error
}

function identity({ dev, ino }: fs.BigIntStats): string {
  return `${dev}:${ino}`
}

/**
 * Opens a folder below `root`, and makes what is missing of it. `root` itself may be a link, and links are followed that
 * lead to folders below `root`: `path` of what is returned has none. Throws an Error without a code where something
 * else is in the way.
 */
export function openBelow(root: string, parts: readonly string[]): HeldFolder {
  const top = fs.realpathSync(root)
  let way = parts
  for (let links = 0; links < MOST_LINKS; links++) {
    const found = open(root, top, way)
    if (found instanceof HeldFolder) return found
    const [link, rest] = found
    const real = path.relative(top, realPath(link))
    if (real === '..' || real.startsWith(`..${path.sep}`))
      throw new Error(`${link} is a symbolic link that leads out of ${root}`)
    way = [...real.split(path.sep), ...rest]
  }
  throw new Error(`${path.join(root, ...parts)} has too many symbolic links`)
}

/** As systems have it: whoever makes new ones all the time does not hold us up. */
const MOST_LINKS = 40

type Link = readonly [at: string, rest: readonly string[]]

function open(root: string, top: string, parts: readonly string[]): HeldFolder | Link {
  return down<Link>(top, parts, (folder, part, i) =>
    openOrMake(folder, part, undefined, isLink => {
      const shown = path.join(root, ...parts.slice(0, i + 1))
      if (!isLink) throw new Error(`${shown} is a file, a folder is needed there`)
      return [path.join(top, ...parts.slice(0, i + 1)), parts.slice(i + 1)]
    }),
  )
}

/** Down from a folder, one held at a time; ends where `enter` gives no folder. */
function down<T>(
  top: string,
  parts: readonly string[],
  enter: (parent: HeldFolder, part: string, i: number) => HeldFolder | T,
): HeldFolder | T {
  let held = new HeldFolder(top)
  for (const [i, part] of parts.entries()) {
    if (part === '') continue
    const parent = held
    try {
      const found = enter(parent, part, i)
      if (!(found instanceof HeldFolder)) return found
      held = found
    } finally {
      parent.close()
    }
  }
  return held
}

/** `inTheWay` says what comes of a link, or of something else that is no folder. */
function openOrMake<T>(
  parent: HeldFolder,
  name: string,
  rights: number | undefined,
  inTheWay: (isLink: boolean) => T,
): HeldFolder | T {
  make(parent, name, rights)
  try {
    return parent.open(name)
  } catch (error) {
    const found = parent.entry(name, at => fs.lstatSync(at, { throwIfNoEntry: false }))
    if (found === undefined || found.isDirectory()) throw error
    return inTheWay(found.isSymbolicLink())
  }
}

/** Another thread or process may make the same folder at the same moment. */
function make(folder: HeldFolder, name: string, rights: number | undefined): void {
  try {
    folder.entry(name, at => fs.mkdirSync(at, rights))
    folder.sync()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function realPath(link: string): string {
  try {
    return fs.realpathSync(link)
  } catch {
    throw new Error(`${link} is a symbolic link that leads nowhere`)
  }
}

/**
 * Opens a folder of dfsp's own below `root`, which may be a link, and makes what is missing of it, itself with `rights`.
 * Below `root` no link is followed: one in its place is an error of the environment.
 */
export function openOwnFolder(root: string, folder: string, rights?: number): HeldFolder {
  const parts = path.relative(root, folder).split(path.sep)
  return down<never>(fs.realpathSync(root), parts, (parent, part, i) =>
    openOrMake(parent, part, i === parts.length - 1 ? rights : undefined, isLink => {
      const what = isLink ? 'a symbolic link, which is not followed' : 'not a directory'
      const refusal = new Error(`${path.join(parent.path, part)} is ${what}: remove it`)
      throw Object.assign(refusal, { code: 'E_ENVIRONMENT' }) // as core/environment.ts has it
    }),
  )
}

/** A file in it, in whose place no link is followed. */
export interface OwnFile {
  readonly folder: OwnFolder
  readonly name: string
}

/** A folder of dfsp's own for as long as it runs: held open, and made anew where it was removed or replaced. */
export class OwnFolder {
  readonly path: string
  readonly #open: () => HeldFolder
  #held: HeldFolder | undefined
  /** Others may still be about to reach something in them: the number of one that is closed soon leads elsewhere. */
  readonly #former: HeldFolder[] = []

  constructor(root: string, folder: string, rights?: number) {
    this.path = folder
    this.#open = () => openOwnFolder(root, folder, rights)
  }

  /** What leads to an entry of the folder as it is now. Throws as `openOwnFolder` does where it was not opened yet. */
  at(name: string): string {
    this.#held ??= this.#open()
    return this.#held.at(name)
  }

  /** Opens a file of it for reading and appending, and makes one that is missing. Throws for anything else, told by its path. */
  async openToAppend(name: string): Promise<FileHandle> {
    const at = this.at(name)
    const asked = (other: string) => new Error(notAFile(path.join(this.path, name), other))
    const file = await fs.promises.open(at, APPENDED).catch(error => {
      const other = otherThanFile(fs.lstatSync(at, { throwIfNoEntry: false }))
      throw other === undefined ? error : asked(other)
    })
    try {
      const found = await file.stat()
      // Whoever may write in the folder could have made it another name of a file elsewhere.
      const other = found.nlink > 1 ? 'a hard link to another file' : otherThanFile(found)
      if (other !== undefined) throw asked(other)
      return file
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Has it at its path again. Throws as `openOwnFolder` does. */
  renew(): void {
    const former = this.#held
    if (former?.is(fs.lstatSync(former.path, { bigint: true, throwIfNoEntry: false }))) return
    this.#held = this.#open()
    if (former !== undefined) this.#former.push(former)
    if (this.#former.length > MOST_FORMER) this.#former.shift()?.close()
  }

  /** The same for those that may not wait for a disk; only what is not as it was does. */
  async renewed(): Promise<void> {
    const held = this.#held
    const found = held && (await fs.promises.lstat(held.path, { bigint: true }).catch(() => undefined))
    if (!held?.is(found)) this.renew()
  }

  close(): void {
    for (const held of this.#former.splice(0)) held.close()
    this.#held?.close()
    this.#held = undefined
  }
}

const MOST_FORMER = 8
/** Others may be able to write to the folder: no link of theirs is followed, and a pipe of theirs holds up nothing. */
const APPENDED = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK

/** Removes an entry of a folder, and what is below it. A link is removed, not what it leads to. */
export function removeEntry(folder: HeldFolder, name: string): void {
  folder.entry(name, at => {
    const found = fs.lstatSync(at, { throwIfNoEntry: false })
    if (found === undefined) return
    if (!found.isDirectory()) return fs.rmSync(at, { force: true })
    const inner = folder.open(name)
    try {
      for (const each of inner.names()) removeEntry(inner, each)
    } finally {
      inner.close()
    }
    fs.rmdirSync(at)
  })
}
