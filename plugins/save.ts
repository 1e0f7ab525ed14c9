/** Writes each file below the output directory, whole or not at all: `dfsp run -p save -t xrd -o data/`. */
import fs from 'node:fs'
import path from 'node:path'
import type { Context, DataFile } from 'dfsp'

export const options = {
  existing: {
    type: 'string',
    choices: ['replace', 'keep'],
    default: 'replace',
    describe: 'what becomes of a file that is there already (with --mode memory)',
  },
} as const

export default async function save(file: DataFile, ctx: Context<typeof options>): Promise<Error | null> {
  // In --mode disk and both dfsp itself has put it there.
  if (file.diskPath !== undefined) return null
  const folder = openFolder(ctx.outputDir, file.subdir)
  try {
    if (isOwn(ctx.outputDir, path.join(folder.path, file.name)))
      return ofItsPath(
        'EEXIST',
        `its place, ${path.join(folder.path, file.name)}, is kept for dfsp's own files`,
      )
    const there = fs.lstatSync(folder.entry(file.name), { throwIfNoEntry: false })
    if (there?.isDirectory()) return folderInTheWay(path.join(folder.path, file.name))
    if (there !== undefined && ctx.options.existing === 'keep') {
      ctx.logger.info('kept what was there')
      return null
    }
    const moved = new Error(`${folder.path} was moved or replaced while the file was written`)
    const tmp = openFolder(ctx.outputDir, path.relative(ctx.outputDir, ctx.tmpDir))
    try {
      await writeFile(tmp.entry('whole'), file)
      if (!isStillAt(folder)) return moved
      fs.renameSync(tmp.entry('whole'), folder.entry(file.name))
    } catch (error) {
      // Another thread has made it meanwhile, for a file below it.
      if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error
      return folderInTheWay(path.join(folder.path, file.name))
    } finally {
      fs.closeSync(tmp.fd)
    }
    if (!isStillAt(folder)) return moved
    // Its offset may be committed once this returns: the new name must outlive a power cut.
    fs.fsyncSync(folder.fd)
    return null
  } finally {
    fs.closeSync(folder.fd)
  }
}

/** dfsp tells by the code that it says nothing of other files. */
function ofItsPath(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

function folderInTheWay(target: string): Error {
  return ofItsPath('EISDIR', `${target} is a folder, a file is needed there`)
}

async function writeFile(temporary: string, file: DataFile): Promise<void> {
  const fd = fs.openSync(temporary, 'wx')
  try {
    for await (const piece of file.stream()) fs.writeFileSync(fd, piece)
    if (file.mtime !== null) setTime(fd, file.mtime)
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/**
 * A folder that is held open. Others may be able to write to the output folder and put a link in its place meanwhile: on
 * Linux what is in it is reached through the open folder, whatever stands at its path.
 */
interface Folder {
  readonly path: string
  readonly fd: number
  entry(name: string): string
}

const IS_LINUX = fs.existsSync('/proc/self/fd')
const { O_DIRECTORY = 0, O_NOFOLLOW = 0 } = fs.constants
/** As systems have it: whoever makes new ones all the time does not hold us up. */
const MOST_LINKS = 40

function hold(folder: string, at = folder): Folder {
  const fd = fs.openSync(at, O_DIRECTORY | O_NOFOLLOW)
  return { path: folder, fd, entry: name => path.join(IS_LINUX ? `/proc/self/fd/${fd}` : folder, name) }
}

function isStillAt({ path: at, fd }: Folder): boolean {
  const [now, held] = [fs.statSync(at, { throwIfNoEntry: false }), fs.fstatSync(fd)]
  return now?.ino === held.ino && now.dev === held.dev
}

/** Makes what is missing of it. Links are followed to folders inside the output folder: `path` has none. */
function openFolder(root: string, subdir: string, links = MOST_LINKS): Folder {
  const top = fs.realpathSync(root)
  const parts = subdir === '' ? [] : subdir.split('/')
  let folder = hold(top)
  for (const [i, part] of parts.entries()) {
    const parent = folder
    const at = path.join(parent.path, part)
    try {
      makeFolder(parent, part)
      const found = fs.lstatSync(parent.entry(part))
      if (found.isSymbolicLink() && links > 0) {
        const real = [realBelow(top, at), ...parts.slice(i + 1)].filter(part => part !== '')
        return openFolder(root, real.join('/'), links - 1)
      }
      if (!found.isDirectory()) throw ofItsPath('ENOTDIR', `${at} is a file, a folder is needed there`)
      folder = hold(at, parent.entry(part))
    } finally {
      fs.closeSync(parent.fd)
    }
  }
  return folder
}

/** No path of a message begins so, but a link may lead there, and on some systems `logs` is LOGS. */
function isOwn(root: string, target: string): boolean {
  const [top = ''] = path.relative(fs.realpathSync(root), target).split(path.sep)
  if (/^\.dfsp-/i.test(top) || top === 'LOGS') return true
  if (!/^logs/i.test(top)) return false
  const [one, other] = [top, 'LOGS'].map(name =>
    fs.lstatSync(path.join(root, name), { throwIfNoEntry: false }),
  )
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev
}

function makeFolder(parent: Folder, name: string): void {
  try {
    fs.mkdirSync(parent.entry(name))
    fs.fsyncSync(parent.fd)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Where a link leads, relative to `top`. */
function realBelow(top: string, link: string): string {
  const real = path.relative(top, fs.realpathSync(link))
  if (real === '..' || real.startsWith(`..${path.sep}`))
    throw ofItsPath('ELOOP', `${link} is a symbolic link that leads out of ${top}`)
  return real
}

/** Node cuts times to whole microseconds: half of one more makes it round. */
function setTime(fd: number, mtime: Date): void {
  const seconds = mtime.getTime() / 1000 + 5e-7
  fs.futimesSync(fd, seconds, seconds)
}
