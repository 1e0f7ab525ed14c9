/**
 * The output folder and the folder for temporary files inside it (on the same file system, so that a rename is all
 * it takes). Temporary folders are named after host and process: those of a dead process are removed at start.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { isAlive } from '../alive.ts'
import { DfspError } from '../errors.ts'

const TMP_ROOT = '.dfsp-tmp'

export interface OutputDir {
  readonly path: string
  /** This process' own folder for temporary files. */
  readonly tmpDir: string
  /** Folders of dead processes that were removed. */
  readonly removedStale: readonly string[]
  /** Removes the temporary folder. */
  close(): void
}

/** Makes the folder itself; throws E_OUTPUT when it cannot be made or written. */
export function makeOutputDir(dir: string): void {
  orUnwritable(dir, () => untilStill(() => makeFolder(path.resolve(dir))))
}

/** Makes the folders; throws E_OUTPUT when they cannot be written. */
export function openOutputDir(dir: string): OutputDir {
  const root = path.resolve(dir)
  const tmpRoot = path.join(root, TMP_ROOT)
  const own = `${os.hostname()}-${process.pid}`
  const tmpDir = path.join(tmpRoot, own)
  return orUnwritable(dir, () => {
    let removedStale: string[] = []
    untilStill(() => {
      makeFolder(tmpRoot)
      removedStale = removeStale(tmpRoot, own)
      fs.mkdirSync(tmpDir)
    })
    return { path: root, tmpDir, removedStale, close: () => closeTmp(tmpRoot, tmpDir) }
  })
}

/** Another process that ends may take an empty folder away, one that begins may make it, at the same moment. */
function untilStill(work: () => void): void {
  for (let left = 10; ; left--) {
    try {
      work()
      return
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (left === 0 || (code !== 'EEXIST' && code !== 'ENOENT')) throw error
    }
  }
}

/** mkdir -p; Node's own never returns where the parent takes no folders, as below /proc (seen with 20.20). */
function makeFolder(folder: string): void {
  if (!fs.existsSync(folder)) {
    makeFolder(path.dirname(folder))
    fs.mkdirSync(folder)
  }
  if (!fs.statSync(folder).isDirectory()) throw new Error(`${folder} is not a directory`)
  fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK)
}

function orUnwritable<T>(dir: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new DfspError('E_OUTPUT', `cannot write to the output directory ${path.resolve(dir)}`, {
      facts: [(error as Error).message],
      next: 'choose another with --output-dir, or give this user the right to write there',
      cause: error,
    })
  }
}

function removeStale(tmpRoot: string, own: string): string[] {
  const prefix = `${os.hostname()}-`
  const stale = fs.readdirSync(tmpRoot).filter(name => {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN
    return name === own || (Number.isInteger(pid) && !isAlive(pid))
  })
  for (const name of stale) fs.rmSync(path.join(tmpRoot, name), { recursive: true, force: true })
  return stale
}

function closeTmp(tmpRoot: string, tmpDir: string): void {
  fs.rmSync(tmpDir, { recursive: true, force: true })
  try {
    fs.rmdirSync(tmpRoot)
  } catch {
    // Another process has its folder there.
  }
}
