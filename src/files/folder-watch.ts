/**
 * Files below folders, as they come and once they have settled. The system tells what changes in each folder; what
 * it does not tell (network folders, a full queue, links' targets) a walk through all of them finds now and then.
 *
 * Node's own watcher, one for each folder: chokidar takes one for each file (20,000 files: 217 MB, 3 s to start).
 */
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { settling } from './settling.ts'
import {
  type FoundFile,
  type FoundOther,
  findFiles,
  findFilesBelow,
  nameOf,
  type Root,
  reasonOf,
  refusedBelow,
} from './walk.ts'

export interface FolderWatchOptions {
  readonly roots: readonly Root[]
  /** Asked for the path below a folder. */
  readonly wanted: (path: string) => boolean
  readonly settleMs: number
  /** The system is not asked to tell; the walk comes often. */
  readonly poll: boolean
  /** What to do with files that are there at the start and not known. */
  readonly first: 'give' | 'leave-out'
}

export interface FolderWatchDeps {
  isKnown(file: Seen): boolean
  leaveOut(file: Seen): void
  /** The first walk is over. */
  onReady(): void
  problem(text: string): void
}

export interface Seen extends FoundFile {
  readonly root: Root
  /** Size and time: another one means other content. */
  readonly fingerprint: string
}

export interface FolderWatch {
  /**
   * Files that have settled, each not again before it is released, and once each what is none and what cannot be sent;
   * ends after `stop`.
   */
  readonly files: AsyncIterable<Seen | FoundOther>
  /** Tells what is with the file now. One that changed meanwhile comes again; after `failed` any does, a while later. */
  release(file: Seen, result: 'sent' | 'failed'): 'same' | 'changed' | 'gone'
  stop(): void
}

const WALK_EVERY_MS = 60_000
const POLL_EVERY_MS = 1_000
/** Where the system can watch no more folders. */
const WALK_OFTEN_MS = 5_000
/** Of the time, what walks may take: a large tree is walked less often. */
const WALK_SHARE = 0.05
const AGAIN_MS = 30_000

export function folderWatch(options: FolderWatchOptions, deps: FolderWatchDeps): FolderWatch {
  const { roots, wanted, settleMs, poll } = options
  const waiting = settling(settleMs)
  const found = new Map<string, { readonly at: FoundFile; readonly root: Root }>() // of those that wait
  const given = new Set<string>()
  const queue: (Seen | FoundOther)[] = []
  const watchers = new Map<string, { readonly watcher: fs.FSWatcher; readonly inode: number }>()
  const told = new Set<string>()
  const stop = new AbortController()
  let walkEveryMs = poll ? POLL_EVERY_MS : WALK_EVERY_MS
  let isFirstWalk = true
  let isWalkDue = true
  let wake = () => {}

  const once = (text: string) => {
    if (!told.has(text)) deps.problem(text)
    told.add(text)
  }

  function tellOnce(other: FoundOther): void {
    const text = `${other.shown} ${other.reason}`
    if (told.has(text)) return
    told.add(text)
    queue.push(other)
    wake()
  }

  /** A file is there; whether it is to be sent turns out when it has settled. */
  function notice(root: Root, at: FoundFile): void {
    if (waiting.isWaiting(at.file) || given.has(at.file)) return
    const fingerprint = fingerprintOf(at.file)
    if (fingerprint === undefined) return
    const seen = { ...at, root, fingerprint }
    if (deps.isKnown(seen)) return
    if (isFirstWalk && options.first === 'leave-out') return deps.leaveOut(seen)
    found.set(at.file, { at, root })
    waiting.see(at.file, fingerprint, performance.now())
  }

  async function walk(): Promise<void> {
    const start = performance.now()
    for (const root of roots) {
      if (root.isFolder) await walkBelow(root, '')
      else
        for await (const entry of findFiles([root], wanted))
          if (entry.kind === 'file') notice(root, entry)
          else tellOnce(entry)
      if (stop.signal.aborted) return
    }
    if (isFirstWalk) deps.onReady()
    isFirstWalk = false
    const tookMs = performance.now() - start
    setTimeout(walkSoon, Math.max(walkEveryMs, tookMs / WALK_SHARE)).unref()
  }

  function walkSoon(): void {
    isWalkDue = true
  }

  async function walkBelow(root: Root, subdir: string): Promise<void> {
    const onFolder = poll ? () => {} : (below: string) => watchFolder(root, below)
    for await (const entry of findFilesBelow(root, subdir, wanted, onFolder)) {
      if (stop.signal.aborted) return
      if (entry.kind === 'file') notice(root, entry)
      else tellOnce(entry)
    }
  }

  /** Before the folder is read, so that nothing comes unseen in between. */
  function watchFolder(root: Root, subdir: string): void {
    const folder = path.join(root.path, subdir)
    try {
      const inode = fs.statSync(folder).ino
      const before = watchers.get(folder)
      if (before?.inode === inode) return
      before?.watcher.close() // another folder of that name
      const watcher = fs.watch(folder, { persistent: false, encoding: 'buffer' }, (_, changed) => {
        if (changed === null) return walkSoon()
        const { name, bytes } = nameOf(changed)
        if (bytes === undefined) void look(root, subdir, name)
        else void refuse(root, subdir, bytes)
      })
      watcher.on('error', () => {
        watchers.delete(folder)
        watcher.close()
      })
      watchers.set(folder, { watcher, inode })
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOSPC' && code !== 'EMFILE') return // it is gone, or cannot be read: the walk tells
      walkEveryMs = WALK_OFTEN_MS
      once(
        `the system watches no more folders (fs.inotify.max_user_watches): all are walked through every ${WALK_OFTEN_MS / 1000} s`,
      )
    }
  }

  /** Something happened to an entry of a folder. */
  async function look(root: Root, subdir: string, name: string): Promise<void> {
    const below = subdir === '' ? name : `${subdir}/${name}`
    const file = path.join(root.path, below)
    if (waiting.isWaiting(file) || given.has(file)) return // it is looked at anyway
    let entry: fs.Stats
    try {
      entry = fs.lstatSync(file)
      if (entry.isSymbolicLink() && !fs.statSync(file).isFile()) return
    } catch {
      return
    }
    if (entry.isDirectory()) await walkBelow(root, below)
    else if (wanted(below) && (entry.isFile() || entry.isSymbolicLink()))
      notice(root, { kind: 'file', file, shown: path.join(root.shown, below), subdir, name })
  }

  async function refuse(root: Root, subdir: string, bytes: Buffer): Promise<void> {
    const folder = Buffer.from(`${path.join(root.path, subdir)}/`)
    for await (const entry of refusedBelow(folder, bytes, root, subdir, wanted)) tellOnce(entry)
  }

  function lookAtWaiting(): void {
    const now = performance.now()
    for (const file of waiting.due(now)) {
      const fingerprint = fingerprintOf(file)
      const state = waiting.look(file, fingerprint, now)
      if (state === 'waits') continue
      const entry = found.get(file)
      found.delete(file)
      if (state === 'gone' || entry === undefined || fingerprint === undefined) continue
      const seen = { ...entry.at, root: entry.root, fingerprint }
      if (deps.isKnown(seen)) continue
      given.add(file)
      queue.push(seen)
    }
    if (queue.length > 0) wake()
  }

  async function watch(): Promise<void> {
    const tickMs = Math.min(1_000, Math.max(20, settleMs / 4))
    while (!stop.signal.aborted) {
      if (isWalkDue) {
        isWalkDue = false
        await walk()
      }
      lookAtWaiting()
      await delay(tickMs, undefined, { signal: stop.signal }).catch(() => {})
    }
  }

  /** Back among those that wait: it has changed, or is to be tried again. */
  function again(file: Seen, fingerprint: string, at: number): void {
    given.delete(file.file)
    found.set(file.file, { at: file, root: file.root })
    waiting.putOff(file.file, fingerprint, at)
  }

  async function* settled(): AsyncGenerator<Seen | FoundOther, void> {
    void watch()
    while (!stop.signal.aborted) {
      const file = queue.shift()
      if (file === undefined) {
        await new Promise<void>(resolve => {
          wake = resolve
        })
        continue
      }
      if (file.kind !== 'file') {
        yield file
        continue
      }
      // It may have had to wait for its turn.
      const now = fingerprintOf(file.file)
      if (now === file.fingerprint) yield file
      else if (now === undefined) given.delete(file.file)
      else again(file, now, performance.now() + settleMs)
    }
  }

  return {
    files: settled(),
    release(file, result) {
      const now = fingerprintOf(file.file)
      if (now === undefined) {
        given.delete(file.file)
        return 'gone'
      }
      const changed = now !== file.fingerprint
      if (changed) again(file, now, performance.now() + settleMs)
      else if (result === 'failed') again(file, now, performance.now() + Math.max(AGAIN_MS, settleMs))
      else given.delete(file.file)
      return changed ? 'changed' : 'same'
    },
    stop() {
      stop.abort()
      for (const { watcher } of watchers.values()) watcher.close()
      wake()
    },
  }
}

/** undefined for what is gone or no file; what cannot be read is there, and tells when it is opened. */
function fingerprintOf(file: string): string | undefined {
  try {
    const stats = fs.statSync(file, { bigint: true })
    return stats.isFile() ? `${stats.size}:${stats.mtimeNs}` : undefined
  } catch (error) {
    return /^does not exist$/.test(reasonOf(error)) ? undefined : 'unknown'
  }
}
