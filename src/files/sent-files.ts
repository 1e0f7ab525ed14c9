/**
 * What an upload that watches a folder has sent, so that a restart sends it no second time: a file of JSON lines in
 * the state folder, the first of which says what it belongs to. A line is written once the broker has acknowledged
 * the whole file; what a kill leaves half-written at the end does not count.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { isAlive } from '../base/alive.ts'
import { refuseOtherThanFile } from '../base/entry-kind.ts'
import { DfspError } from '../base/errors.ts'

/** What is sent where. */
export interface SentTo {
  readonly brokers: string
  readonly topic: string
  /** Tells a topic from an earlier one of the same name; undefined where the broker does not say. */
  readonly topicId: string | undefined
  readonly subdir: string
  /** Absolute path of the file or folder that is watched. */
  readonly root: string
}

export interface SentFiles {
  /** Whether the file was sent (or left out at the first start) with this fingerprint. */
  has(file: string, fingerprint: string): boolean
  /** Never throws: what cannot be written is sent again after a restart at worst. */
  add(file: string, fingerprint: string, how: 'sent' | 'left-out'): void
  /** Whether all that was there at the first start has been left out. */
  readonly hasBaseline: boolean
  setBaseline(): void
  /** How many files it knows. */
  readonly size: number
  close(): void
}

interface Entry {
  readonly fingerprint: string
  readonly at: number
  readonly how: 'sent' | 'left-out'
}

/** Entries of files that are gone are kept for so long: a folder may be away for a while. */
const KEEP_GONE_SECONDS = 30 * 24 * 3600

/**
 * Opens or makes it. `skipsLeftOut`: whether files that an earlier start left out count as known.
 * Throws E_OUTPUT where it cannot be written, E_UPLOAD_BUSY where another process has it open.
 */
export function openSentFiles(
  stateDir: string,
  to: SentTo,
  { skipsLeftOut, problem }: { readonly skipsLeftOut: boolean; readonly problem: (text: string) => void },
): SentFiles {
  const { root, topicId, ...rest } = to
  const name = createHash('sha256')
    .update(JSON.stringify([rest, root]))
    .digest('hex')
    .slice(0, 16)
  const file = path.join(stateDir, 'upload', `${path.basename(root)}-${name}.jsonl`)
  const unlock = orUnwritable(file, () => {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    return lock(`${file}.lock`, to)
  })
  try {
    const { entries, baseline } = orUnwritable(file, () => read(file, topicId, problem))
    forgetGone(entries, root)
    const fd = orUnwritable(file, () => rewritten(file, to, entries, baseline))
    return opened(fd, entries, baseline, { root, skipsLeftOut, problem, unlock })
  } catch (error) {
    unlock()
    throw error
  }
}

function opened(
  fd: number,
  entries: Map<string, Entry>,
  baseline: boolean,
  {
    root,
    skipsLeftOut,
    problem,
    unlock,
  }: {
    root: string
    skipsLeftOut: boolean
    problem: (text: string) => void
    unlock: () => void
  },
): SentFiles {
  let hasBaseline = baseline
  let isTold = false
  const write = (line: string) => {
    try {
      fs.writeSync(fd, line)
    } catch (error) {
      if (!isTold) problem(`what was sent cannot be remembered: ${(error as Error).message}`)
      isTold = true
    }
  }
  return {
    has(file, fingerprint) {
      const entry = entries.get(path.relative(root, file))
      return entry?.fingerprint === fingerprint && (entry.how === 'sent' || skipsLeftOut)
    },
    add(file, fingerprint, how) {
      const name = path.relative(root, file)
      const entry = { fingerprint, at: Math.floor(Date.now() / 1000), how }
      entries.set(name, entry)
      write(entryLine(name, entry))
    },
    get hasBaseline() {
      return hasBaseline
    },
    setBaseline() {
      hasBaseline = true
      write(BASELINE_LINE)
    },
    get size() {
      return entries.size
    },
    close() {
      fs.closeSync(fd)
      unlock()
    },
  }
}

const BASELINE_LINE = '{"baseline":true}\n'

function entryLine(name: string, { fingerprint, at, how }: Entry): string {
  return `${JSON.stringify([name, fingerprint, at, how])}\n`
}

function read(file: string, topicId: string | undefined, problem: (text: string) => void) {
  const entries = new Map<string, Entry>()
  let baseline = false
  let text = ''
  refuseOtherThanFile(file)
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const [head, ...lines] = text.split('\n').map(parsed)
  const before = head as { topicId?: string } | undefined
  if (before?.topicId !== undefined && topicId !== undefined && before.topicId !== topicId) {
    problem('the topic is not the one that files were sent to before: all are sent again')
    return { entries, baseline }
  }
  for (const line of lines) {
    if (Array.isArray(line)) {
      const [name, fingerprint, at, how] = line as [string, string, number, Entry['how']]
      entries.set(name, { fingerprint, at, how })
    } else if (line !== undefined) baseline = true
  }
  return { entries, baseline }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined // the last one, cut off by a kill
  }
}

/** Unless all of them are gone: then it is the folder that is away. */
function forgetGone(entries: Map<string, Entry>, root: string): void {
  const old = Date.now() / 1000 - KEEP_GONE_SECONDS
  const isThere = (name: string) => fs.existsSync(path.join(root, name))
  const gone = [...entries].filter(([name, { at }]) => at < old && !isThere(name))
  if (gone.length === 0 || ![...entries.keys()].some(isThere)) return
  for (const [name] of gone) entries.delete(name)
}

/** Writes it anew, without lines that later ones replace; returns the descriptor that lines are added to. */
function rewritten(file: string, to: SentTo, entries: Map<string, Entry>, baseline: boolean): number {
  const next = `${file}.new`
  const lines = [...entries].map(([name, entry]) => entryLine(name, entry))
  const head = `${JSON.stringify({ dfsp: 'sent files', v: 1, ...to })}\n`
  const text = [head, ...(baseline ? [BASELINE_LINE] : []), ...lines].join('')
  fs.rmSync(next, { force: true })
  fs.writeFileSync(next, text, { mode: 0o600, flag: 'wx' })
  fs.renameSync(next, file)
  return fs.openSync(file, fs.constants.O_WRONLY | fs.constants.O_APPEND | (fs.constants.O_NOFOLLOW ?? 0))
}

/** Two processes that watch the same folder would send everything twice. Returns how to unlock. */
function lock(file: string, { root, topic }: SentTo): () => void {
  const own = `${process.pid} ${os.hostname()}`
  for (let left = 3; ; left--) {
    try {
      fs.writeFileSync(file, own, { flag: 'wx' })
      return () => fs.rmSync(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || left === 0) throw error
    }
    refuseOtherThanFile(file)
    const [pid, host] = fs.readFileSync(file, 'utf8').split(' ')
    // One of another host is what a container of another name has left behind.
    if (host === os.hostname() && Number(pid) !== process.pid && isAlive(Number(pid)))
      throw new DfspError('E_UPLOAD_BUSY', `${root} is being watched for topic ${topic} already`, {
        facts: [`by process ${pid}`],
        next: `stop that one: kill ${pid}`,
      })
    fs.rmSync(file, { force: true })
  }
}

function orUnwritable<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof DfspError) throw error
    throw new DfspError('E_OUTPUT', `cannot remember what was sent in ${file}`, {
      facts: [(error as Error).message],
      next: 'set STATE_DIRECTORY or XDG_STATE_HOME to a folder that this user may write',
      cause: error,
    })
  }
}
