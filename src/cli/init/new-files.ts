/** Writing files that a user then owns. */
import { chmod, lstat, mkdir, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { refuseOtherThanFile } from '../../base/entry-kind.ts'
import { DfspError } from '../../base/errors.ts'
import type { Settings } from '../../config/settings-type.ts'
import { jsonLine, textLines } from '../../core/text/shown-text.ts'
import type { Invocation } from '../command.ts'

export interface Folder {
  readonly cwd: string
  /** Overwrites what exists. */
  readonly force: boolean
}

/** `mode`: the permissions, where they are not the usual ones. */
export type NewFile = readonly [path: string, text: string, mode?: number]

/**
 * Writes what does not exist yet, or all with `force`, and gives the paths that were written. Throws E_USAGE where one
 * of the first `wanted` files exists, E_OUTPUT where one cannot be written.
 */
export async function writeNew(
  files: readonly NewFile[],
  wanted: number,
  { cwd, force }: Folder,
): Promise<readonly string[]> {
  const present = await Promise.all(files.map(([path]) => exists(resolve(cwd, path))))
  const inTheWay = files.find((_, index) => index < wanted && present[index] && !force)
  if (inTheWay !== undefined) {
    throw new DfspError('E_USAGE', `${inTheWay[0]} exists`, {
      next: '--force overwrites it, or choose another name',
    })
  }
  const written = files.filter((_, index) => force || !present[index])
  try {
    for (const [path, text, mode] of written) {
      const file = resolve(cwd, path)
      await mkdir(dirname(file), { recursive: true })
      refuseOtherThanFile(file)
      // What came meanwhile is not overwritten, nor written through if it is a link.
      await writeFile(file, text, { flag: force ? 'w' : 'wx' })
      if (mode !== undefined) await chmod(file, mode)
    }
  } catch (cause) {
    throw new DfspError('E_OUTPUT', (cause as Error).message, { cause })
  }
  return written.map(([path]) => path)
}

/** Tells what was written, and the commands that come next. */
export function announce(
  written: readonly string[],
  next: readonly string[],
  { stdout }: Invocation,
  { values }: Pick<Settings, 'values'>,
): void {
  if (values.json) {
    stdout.write(`${jsonLine({ v: 1, type: 'written', files: written, next })}\n`)
    return
  }
  stdout.write(
    textLines([
      `wrote ${written.join(', ')}`,
      ...next.map((line, i) => `${i === 0 ? 'Next: ' : '      '} ${line}`),
    ]),
  )
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  )
}
