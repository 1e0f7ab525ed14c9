/** Files below folders, as they come and once they have settled. */
import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type EntriesOptions, folderEntries } from './folder-entries.ts'
import { attendRoots } from './root-presence.ts'
import { settling } from './settling.ts'
import { type FoundFile, type FoundOther, type Root, reasonOf } from './walk.ts'

export interface FolderWatchOptions extends EntriesOptions {
  readonly settleMs: number
  /** What to do with files that are there at the start and not known. */
  readonly first: 'give' | 'leave-out'
}

export interface FolderWatchDeps {
  isKnown(file: Seen): boolean
  leaveOut(file: Seen): void
  /** The first walk is over. */
  onReady(): void
  problem(text: string): void
  info(text: string): void
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

const AGAIN_MS = 30_000

export function folderWatch(options: FolderWatchOptions, deps: FolderWatchDeps): FolderWatch {
  const { roots, settleMs } = options
  const waiting = settling(settleMs)
  const found = new Map<string, { readonly at: FoundFile; readonly root: Root }>() // of those that wait
  const given = new Set<string>()
  const queue: (Seen | FoundOther)[] = []
  const told = new Set<string>()
  const stop = new AbortController()
  let isFirstWalk = true
  let wake = () => {}

  const isFollowed = (file: string) => waiting.isWaiting(file) || given.has(file)

  const entries = folderEntries(options, {
    isFollowed,
    /** Whether it is to be sent turns out when it has settled. */
    file(root, at) {
      if (isFollowed(at.file)) return
      const fingerprint = fingerprintOf(at.file)
      if (fingerprint === undefined) return
      const seen = { ...at, root, fingerprint }
      if (deps.isKnown(seen)) return
      if (isFirstWalk && options.first === 'leave-out') return deps.leaveOut(seen)
      found.set(at.file, { at, root })
      waiting.see(at.file, fingerprint, performance.now())
    },
    other(other) {
      const text = `${other.shown} ${other.reason}`
      if (told.has(text)) return
      told.add(text)
      queue.push(other)
      wake()
    },
    problem: deps.problem,
  })

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
      await entries.walkIfDue()
      if (isFirstWalk && !stop.signal.aborted) deps.onReady()
      isFirstWalk = false
      lookAtWaiting()
      await delay(tickMs, undefined, { signal: stop.signal }).catch(() => {})
    }
  }

  const presence = {
    away(root: Root, why: string) {
      entries.leave(root)
      deps.problem(`${nameOf(root)} ${why}: mount it or put it back; uploads go on by themselves then`)
    },
    back(root: Root, wasAway: boolean) {
      entries.enter(root)
      if (wasAway) deps.info(`${nameOf(root)} is back: uploads go on`)
    },
  }

  /** Back among those that wait: it has changed, or is to be tried again. */
  function again(file: Seen, fingerprint: string, at: number): void {
    given.delete(file.file)
    found.set(file.file, { at: file, root: file.root })
    waiting.putOff(file.file, fingerprint, at)
  }

  async function* settled(): AsyncGenerator<Seen | FoundOther, void> {
    attendRoots(roots, presence, stop.signal)
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
      entries.stop()
      wake()
    },
  }
}

function nameOf({ shown, isFolder }: Root): string {
  return `watched ${isFolder ? 'folder' : 'file'} ${shown}`
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
