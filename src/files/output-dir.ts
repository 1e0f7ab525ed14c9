/**
 * The output folder and the folder for temporary files inside it (on the same file system, so that a rename is all
 * it takes). Each process has a temporary folder of its own: those of processes that are gone are removed at start.
 */
import fs from 'node:fs'
import path from 'node:path'
import { DfspError } from '../base/errors.ts'
import { HeldFolder, type OwnFile, OwnFolder, openOwnFolder, removeEntry } from '../base/held-folder.ts'
import { BEAT_MS, isGone, newMark } from './process-mark.ts'

const TMP_ROOT = '.dfsp-tmp'
const LOGS = 'LOGS'
const OWN_RIGHTS = 0o700

export interface OutputDir {
  readonly path: string
  /** This process' own folder for temporary files, for those that go by its path. */
  readonly tmpDir: string
  /** The same, held open until the end. */
  readonly tmp: OwnFolder
  /** Folders of dead processes that were removed. */
  readonly removedStale: readonly string[]
  /** Removes the temporary folder. */
  close(): void
}

/** Makes the folder itself; throws E_OUTPUT when it cannot be made or written. */
export function makeOutputDir(dir: string): void {
  orUnwritable(dir, () => untilStill(() => makeFolder(path.resolve(dir))))
}

/**
 * Makes the folders; throws E_OUTPUT when they cannot be written, or when something else stands in the place of the one
 * for temporary files: others may be able to write to the output folder, and no link of theirs is followed.
 */
export function openOutputDir(dir: string, beatMs = BEAT_MS): OutputDir {
  const root = path.resolve(dir)
  const tmpRoot = path.join(root, TMP_ROOT)
  const own = newMark()
  const tmpDir = path.join(tmpRoot, own)
  return orUnwritable(dir, () => {
    let removedStale: string[] = []
    untilStill(() => {
      const held = openOwn(root, TMP_ROOT)
      try {
        held.entry(own, at => fs.mkdirSync(at, OWN_RIGHTS))
        removedStale = removeStale(held, own)
      } finally {
        held.close()
      }
    })
    const tmp = new OwnFolder(root, tmpDir, OWN_RIGHTS)
    tmp.renew()
    const touched = touching(tmp, beatMs)
    return {
      path: root,
      tmpDir,
      tmp,
      removedStale,
      close() {
        touched.close()
        closeTmp(root, own)
      },
    }
  })
}

/** Where a run's log lies, unless it is told otherwise. */
export function ownLogFile(dir: string, plugin: string): OwnFile {
  return { folder: logFolder(dir), name: `${plugin}.log` }
}

/** Where log and registries lie; made when something is written there, and where that fails a run goes on. */
export function logFolder(dir: string): OwnFolder {
  const root = path.resolve(dir)
  return new OwnFolder(root, path.join(root, LOGS))
}

/** A folder of dfsp's own in the output folder, made where it is missing. */
function openOwn(root: string, name: string): HeldFolder {
  makeFolder(root)
  const held = openOwnFolder(root, path.join(root, name))
  try {
    held.entry('.', at => fs.accessSync(at, fs.constants.W_OK | fs.constants.X_OK))
  } catch (error) {
    held.close()
    throw error
  }
  return held
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
    // Of bytes that are no text Node hands us only this: another folder would be made than the one that was meant.
    if (folder.includes('\ufffd')) throw new Error(`${folder}: its name is not UTF-8`)
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

/**
 * Closes the folder, which until then is touched again and again: something comes and goes in it, so that its time is that of
 * the file system's clock, by which all go that have it.
 */
function touching(tmp: OwnFolder, everyMs: number): { close(): void } {
  let isClosed = false
  let isBusy = false
  const timer = setInterval(() => {
    if (isBusy) return
    isBusy = true
    const at = tmp.at(`beat-${process.pid}`)
    fs.mkdir(at, () => fs.rmdir(at, ended))
  }, everyMs)
  timer.unref()
  function ended(): void {
    isBusy = false
    if (isClosed) tmp.close()
  }
  return {
    close() {
      clearInterval(timer)
      isClosed = true
      // What is on its way would reach whatever is opened next.
      if (!isBusy) tmp.close()
    },
  }
}

function removeStale(tmpRoot: HeldFolder, own: string): string[] {
  const timeOf = (name: string) =>
    tmpRoot.entry(name, at => fs.lstatSync(at, { throwIfNoEntry: false })?.mtimeMs)
  const now = timeOf(own) ?? 0
  return tmpRoot.names().filter(name => {
    if (name === own || !isGone(name, now - (timeOf(name) ?? now))) return false
    try {
      removeEntry(tmpRoot, name)
      return true
    } catch {
      return false // another user's
    }
  })
}

function closeTmp(root: string, own: string): void {
  try {
    const tmpRoot = new HeldFolder(path.join(root, TMP_ROOT))
    try {
      removeEntry(tmpRoot, own)
    } finally {
      tmpRoot.close()
    }
    fs.rmdirSync(path.join(root, TMP_ROOT))
  } catch {
    // Another process has its folder there; and what cannot be removed now is at a later start.
  }
}
