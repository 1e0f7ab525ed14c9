/** The folder's side of `upload --watch`: what is to be sent, and what became of it. */
import path from 'node:path'
import { relativePath } from '../core/chunks/output-path.ts'
import { type FolderWatchOptions, folderWatch, type Seen } from '../files/folder-watch.ts'
import { openSentFiles, type SentFiles, type SentTo } from '../files/sent-files.ts'
import type { Found, Root } from '../files/walk.ts'
import type { FileOutcome, UploadEvent } from '../report/commands/upload-report.ts'

export interface WatchSettings extends Omit<FolderWatchOptions, 'first'> {
  /** Files that are there when it is started for the first time are not sent. */
  readonly newOnly: boolean
  /** Where what was sent is remembered. */
  readonly stateDir: string
}

export interface Watching {
  /** Ends after `stop`. */
  readonly files: AsyncIterable<Found>
  /** Hears what became of a file; false: not to be told, as it comes again or was told before. */
  ended(outcome: FileOutcome): boolean
  stop(): void
  close(): void
}

export function watching(
  { newOnly, stateDir, ...options }: WatchSettings,
  to: Omit<SentTo, 'root'>,
  report: (event: UploadEvent) => void,
): Watching {
  const info = (text: string) => report({ type: 'info', text })
  const problem = (text: string) => report({ type: 'problem', text })
  const memories = openMemories(options.roots, root =>
    openSentFiles(stateDir, { ...to, root: root.path }, { skipsLeftOut: newOnly, problem }),
  )
  const memoryOf = (file: Seen) => memories.get(file.root) as SentFiles
  const leavesOut = newOnly && ![...memories.values()].every(memory => memory.hasBaseline)
  const sending = new Map<string, Seen>() // by path on the topic
  const owners = new Map<string, string>() // the file that has a path on the topic
  const told = new Map<string, string>() // failed files, with the fingerprint that failed
  let leftOut = 0

  const watch = folderWatch(
    { ...options, first: leavesOut ? 'leave-out' : 'give' },
    {
      isKnown: file => memoryOf(file).has(file.file, file.fingerprint),
      leaveOut(file) {
        leftOut++
        memoryOf(file).add(file.file, file.fingerprint, 'left-out')
      },
      onReady() {
        if (leavesOut) for (const memory of memories.values()) memory.setBaseline()
        if (leavesOut) info(`left out what is there: ${leftOut} files; what comes from now on is sent`)
      },
      problem,
      info,
    },
  )
  const known = [...memories.values()].reduce((sum, memory) => sum + memory.size, 0)
  info(
    `watching ${options.roots.map(root => root.shown).join(', ')}${known > 0 ? `: ${known} files are known already` : ''}`,
  )

  /** Why it can never be sent: of files with the same path below two folders the first that comes is. */
  function whyNever(file: Seen, topicPath: string): string | undefined {
    const subdir = [to.subdir, file.subdir].filter(part => part !== '').join('/')
    const named = relativePath(subdir, file.name, '')
    if ('refused' in named) return `${named.refused}, which readers refuse`
    if (options.roots.length === 1) return undefined
    const owner = owners.get(topicPath) ?? file.file
    owners.set(topicPath, owner)
    return owner === file.file ? undefined : `would overwrite ${owner}, which has the same path`
  }

  async function* files(): AsyncGenerator<Found, void> {
    for await (const file of watch.files) {
      if (file.kind !== 'file') {
        yield file
        continue
      }
      const topicPath = path.posix.join(to.subdir, file.subdir, file.name)
      const reason = whyNever(file, topicPath)
      // It is not released, so it does not come again.
      if (reason !== undefined) yield { kind: 'refused', shown: file.shown, reason }
      else {
        sending.set(topicPath, file)
        sending.set(file.shown, file)
        yield file
      }
    }
  }

  return {
    files: files(),
    ended(outcome) {
      const file = sending.get(outcome.path)
      if (file === undefined) return true
      sending.delete(path.posix.join(to.subdir, file.subdir, file.name))
      sending.delete(file.shown)
      if (outcome.result === 'ok') {
        told.delete(file.file)
        memoryOf(file).add(file.file, file.fingerprint, 'sent')
        watch.release(file, 'sent')
        return true
      }
      const now = watch.release(file, 'failed')
      if (now === 'gone') info(`${file.shown} went away before all of it was sent`)
      if (now === 'changed') info(`${file.shown} changed while it was sent: again once it has settled`)
      if (now !== 'same' || told.get(file.file) === file.fingerprint) return false
      told.set(file.file, file.fingerprint)
      return true
    },
    stop: () => watch.stop(),
    close: () => closeAll(memories),
  }
}

/** One for each root, or none. */
function openMemories(roots: readonly Root[], open: (root: Root) => SentFiles): ReadonlyMap<Root, SentFiles> {
  const memories = new Map<Root, SentFiles>()
  try {
    for (const root of roots) if (root.refused === undefined) memories.set(root, open(root))
    return memories
  } catch (error) {
    closeAll(memories)
    throw error
  }
}

function closeAll(memories: ReadonlyMap<Root, SentFiles>): void {
  for (const memory of memories.values()) memory.close()
}
