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
  const root = ctx.outputDir
  const target = path.join(root, file.path)
  if (ctx.options.existing === 'keep' && fs.existsSync(target)) {
    ctx.logger.info('kept what was there')
    return null
  }
  const made = makeFolders(root, path.dirname(target))
  const temporary = path.join(ctx.tmpDir, 'whole')
  const fd = fs.openSync(temporary, 'w')
  try {
    for await (const piece of file.stream()) fs.writeFileSync(fd, piece)
    if (file.mtime !== null) setTime(fd, file.mtime)
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
  fs.renameSync(temporary, target)
  // Its offset may be committed once this returns: the new names must outlive a power cut.
  for (const folder of new Set([path.dirname(target), ...made])) syncFolder(folder)
  return null
}

/**
 * mkdir -p from `root` to `folder` that does not follow a symbolic link out of the root. Returns the folders in which
 * one was made.
 */
function makeFolders(root: string, folder: string): string[] {
  const realRoot = fs.realpathSync(root)
  const changed: string[] = []
  let at = root
  for (const part of path.relative(root, folder).split(path.sep)) {
    if (part === '') continue
    const parent = at
    at = path.join(at, part)
    try {
      fs.mkdirSync(at)
      changed.push(parent)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const real = fs.realpathSync(at)
      if (real !== realRoot && !real.startsWith(realRoot + path.sep))
        throw new Error(`${at} is a symbolic link that leads out of ${root}`)
      if (!fs.statSync(real).isDirectory()) throw new Error(`${at} is a file, a folder is needed there`)
    }
  }
  return changed
}

/** Node cuts times to whole microseconds: half of one more makes it round. */
function setTime(fd: number, mtime: Date): void {
  const seconds = mtime.getTime() / 1000 + 5e-7
  fs.futimesSync(fd, seconds, seconds)
}

function syncFolder(folder: string): void {
  const fd = fs.openSync(folder, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}
