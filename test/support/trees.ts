/** Folders of files for tests, and what is in them. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'

export type Tree = Readonly<Record<string, string | Buffer>>

/** A new folder with these files, all of the given time (seconds since the epoch). */
export function makeTree(files: Tree = {}, mtime = 1_700_000_000.25): string {
  const root = mkdtempSync(join(tmpdir(), 'dfsp-tree-'))
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
    utimesSync(file, mtime, mtime)
  }
  return root
}

export function removeTree(root: string): void {
  rmSync(root, { recursive: true, force: true })
}

/** Content and time (seconds) of every file, but those below the folders named in `without`. */
export function readTree(
  root: string,
  { without = [] as readonly string[] } = {},
): Record<string, { content: string; mtime: number }> {
  const names = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(root, join(entry.parentPath, entry.name)))
    .filter(name => !without.includes(name.split('/')[0] as string))
    .sort()
  return Object.fromEntries(
    names.map(name => {
      const file = join(root, name)
      return [
        name,
        { content: readFileSync(file).toString('base64'), mtime: Math.round(statSync(file).mtimeMs) / 1000 },
      ]
    }),
  )
}
