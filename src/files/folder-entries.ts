/**
 * What lies below the watched roots. The system tells what changes in each folder; what it does not tell (network
 * folders, a full queue, links' targets) a walk through all of them finds now and then.
 *
 * Node's own watcher, one for each folder: chokidar takes one for each file (20,000 files: 217 MB, 3 s to start).
 */
import fs from 'node:fs'
import path from 'node:path'
import {
  type FoundFile,
  type FoundOther,
  findFiles,
  findFilesBelow,
  nameOf,
  type Root,
  refusedBelow,
} from './walk.ts'

export interface EntriesOptions {
  readonly roots: readonly Root[]
  /** Asked for the path below a folder. */
  readonly wanted: (path: string) => boolean
  /** The system is not asked to tell; the walk comes often. */
  readonly poll: boolean
}

export interface EntriesHeard {
  /** Whether it is looked at anyway, so that it need not be heard of. */
  isFollowed(file: string): boolean
  /** May be heard of again and again. */
  file(root: Root, at: FoundFile): void
  other(other: FoundOther): void
  /** The system can watch no more folders; heard once. */
  problem(text: string): void
}

export interface FolderEntries {
  /** Walks through all roots if that is due. */
  walkIfDue(): Promise<void>
  /** The root is away: it is not walked, and its watchers are given up. */
  leave(root: Root): void
  /** It is there again, or another one is. */
  enter(root: Root): void
  stop(): void
}

const WALK_EVERY_MS = 60_000
const POLL_EVERY_MS = 1_000
/** Where the system can watch no more folders. */
const WALK_OFTEN_MS = 5_000
/** Of the time, what walks may take: a large tree is walked less often. */
const WALK_SHARE = 0.05

export function folderEntries({ roots, wanted, poll }: EntriesOptions, heard: EntriesHeard): FolderEntries {
  const watchers = new Map<
    string,
    { readonly watcher: fs.FSWatcher; readonly inode: number; readonly root: Root }
  >()
  const away = new Set<Root>()
  let walkEveryMs = poll ? POLL_EVERY_MS : WALK_EVERY_MS
  let isWalkDue = true
  let isStopped = false
  let timer: NodeJS.Timeout | undefined

  async function walk(): Promise<void> {
    const start = performance.now()
    for (const root of roots) {
      if (away.has(root)) continue
      if (root.isFolder) await walkBelow(root, '')
      else
        for await (const entry of findFiles([root], wanted))
          if (entry.kind === 'file') heard.file(root, entry)
          else heard.other(entry)
      if (isStopped) return
    }
    const tookMs = performance.now() - start
    clearTimeout(timer)
    timer = setTimeout(walkSoon, Math.max(walkEveryMs, tookMs / WALK_SHARE)).unref()
  }

  function walkSoon(): void {
    isWalkDue = true
  }

  async function walkBelow(root: Root, subdir: string): Promise<void> {
    const onFolder = poll ? () => {} : (below: string) => watchFolder(root, below)
    for await (const entry of findFilesBelow(root, subdir, wanted, onFolder)) {
      if (isStopped) return
      if (entry.kind === 'file') heard.file(root, entry)
      // Who looks after the roots tells of a root itself.
      else if (entry.shown !== path.join(root.shown, '')) heard.other(entry)
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
      watchers.set(folder, { watcher, inode, root })
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOSPC' && code !== 'EMFILE') return // it is gone, or cannot be read: the walk tells
      if (walkEveryMs !== WALK_OFTEN_MS)
        heard.problem(
          `the system watches no more folders (fs.inotify.max_user_watches): all are walked through every ${WALK_OFTEN_MS / 1000} s`,
        )
      walkEveryMs = WALK_OFTEN_MS
    }
  }

  /** Something happened to an entry of a folder. */
  async function look(root: Root, subdir: string, name: string): Promise<void> {
    const below = subdir === '' ? name : `${subdir}/${name}`
    const file = path.join(root.path, below)
    if (heard.isFollowed(file)) return
    let entry: fs.Stats
    try {
      entry = fs.lstatSync(file)
      if (entry.isSymbolicLink() && !fs.statSync(file).isFile()) return
    } catch {
      return
    }
    if (entry.isDirectory()) await walkBelow(root, below)
    else if (wanted(below) && (entry.isFile() || entry.isSymbolicLink()))
      heard.file(root, { kind: 'file', file, shown: path.join(root.shown, below), subdir, name })
  }

  async function refuse(root: Root, subdir: string, bytes: Buffer): Promise<void> {
    const folder = Buffer.from(`${path.join(root.path, subdir)}/`)
    for await (const entry of refusedBelow(folder, bytes, root, subdir, wanted)) heard.other(entry)
  }

  function leave(root: Root): void {
    away.add(root)
    for (const [folder, watched] of watchers) {
      if (watched.root !== root) continue
      watchers.delete(folder)
      watched.watcher.close()
    }
  }

  return {
    async walkIfDue() {
      if (!isWalkDue) return
      isWalkDue = false
      await walk()
    },
    leave,
    enter(root) {
      leave(root)
      away.delete(root)
      walkSoon()
    },
    stop() {
      isStopped = true
      for (const { watcher } of watchers.values()) watcher.close()
    },
  }
}
