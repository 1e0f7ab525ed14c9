/**
 * Which files were processed, noted between the plugin's null and the commit, so that a kill in between repeats none
 * on this host. A file of 16 bytes `dfsp-journal v1` + newline, then per processed file its 16-byte key and the CRC-32
 * of that, the lowest byte first. Reading ends at the first record that is not whole or whose CRC does not hold.
 *
 * Only the newest keys are kept: commits come far more often.
 *
 * A key that is wrong loses a file, one that is missing costs a second run: so a file is believed only where it is as
 * dfsp makes it. What else stands in its place (written by a plugin, put there by others, damaged) is set aside.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { DfspError } from '../base/errors.ts'
import { faultPoint } from '../base/fault-point.ts'

export interface Journal {
  /** Whether the key is on disk. A key is 16 characters of Latin-1. */
  has(key: string): boolean
  /** Resolves once the key is on disk, rejects with the system's error. Those that come during a write share the next. */
  append(key: string): Promise<void>
  /** Empties it, because a commit covers all that it holds; does nothing while a key is on its way to the disk. */
  clear(): void
  /** Waits for what is on its way. */
  close(): Promise<void>
}

const HEADER = Buffer.from('dfsp-journal v1\n')
const KEY_BYTES = 16
const RECORD_BYTES = KEY_BYTES + 4
/** Narrower than those of a file that a plugin writes. */
const RIGHTS = 0o600

/**
 * Where in the output folder the journal of a topic and group is: files done in one are not done in another. A `member` of the
 * group has its own, beside those of others.
 */
export function journalPath(outputDir: string, topic: string, group: string, member?: string): string {
  const whose = [topic, group, ...(member === undefined ? [] : [member])].join('\0')
  const name = createHash('sha256').update(whose).digest('hex').slice(0, 16)
  return path.join(outputDir, `.dfsp-journal-${name}`)
}

/**
 * Opens or makes it; keeps the newest `limit` keys. `tell` hears of a file in its place that is none of dfsp's, which is
 * set aside. Throws E_OUTPUT.
 */
export async function openJournal(
  file: string,
  tell: (text: string) => void = () => {},
  limit = 100_000,
): Promise<Journal> {
  try {
    const why = await whyForeign(file)
    if (why !== undefined) {
      const aside = `${file}.set-aside-${Date.now()}`
      await rename(file, aside)
      tell(
        `the journal ${file} is not as dfsp makes it: ${why}. It is set aside as ${path.basename(aside)}; files that were finished without a commit run again`,
      )
    }
    return await opened(file, limit)
  } catch (error) {
    throw new DfspError('E_OUTPUT', `cannot open the journal ${file}`, {
      facts: [(error as Error).message],
      next: 'give this user the right to write there, or run without --journal',
      cause: error,
    })
  }
}

/** Why what stands in the journal's place is not to be believed. */
async function whyForeign(file: string): Promise<string | undefined> {
  const found = await lstat(file).catch(absent)
  if (found === undefined) return undefined
  if (!found.isFile()) return found.isSymbolicLink() ? 'it is a symbolic link' : 'it is no ordinary file'
  if (found.nlink > 1) return 'it has a second name (a hard link)'
  const rights = found.mode & 0o777
  if (found.uid !== process.geteuid?.() || rights !== RIGHTS) {
    // Some file systems have owners and rights of their own: what would one have that is made now?
    const made = await newFile(`${file}.new`)
    const { uid, mode } = await made.stat().finally(() => made.close())
    await rm(`${file}.new`)
    if (found.uid !== uid) return `it belongs to user ${found.uid}, not ${uid}`
    if (rights !== (mode & 0o777)) return `its rights are ${rights.toString(8)}, not ${RIGHTS.toString(8)}`
  }
  const handle = await open(file, constants.O_RDONLY | NO_LINK)
  try {
    const head = Buffer.alloc(HEADER.length)
    const { bytesRead } = await handle.read(head, 0, head.length, 0)
    // A shorter one is of a process that was killed while it made the file.
    if (head.subarray(0, bytesRead).equals(HEADER.subarray(0, bytesRead))) return undefined
    return `it begins with ${JSON.stringify(head.toString('latin1', 0, bytesRead))}`
  } finally {
    await handle.close()
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

const NO_LINK = constants.O_NOFOLLOW ?? 0

/** Instead of what stands there. */
async function newFile(file: string): Promise<FileHandle> {
  await rm(file, { force: true })
  return open(file, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, RIGHTS)
}

interface Waiting {
  readonly key: string
  resolve(): void
  reject(error: unknown): void
}

async function opened(file: string, limit: number): Promise<Journal> {
  const most = HEADER.length + 2 * limit * RECORD_BYTES
  let handle = await open(file, constants.O_RDWR | constants.O_CREAT | NO_LINK, RIGHTS)
  const { keys, length } = await readKeys(handle, limit).catch(closing(handle))
  let end = length
  let waiting: Waiting[] = []
  let working: Promise<void> | undefined

  /** Leaves out the keys that are too old: another file replaces this one. */
  async function shorten(): Promise<void> {
    const next = await newFile(`${file}.new`)
    const bytes = Buffer.concat([HEADER, ...[...keys].map(record)])
    await writeAll(next, bytes, 0)
      .then(() => next.datasync())
      .then(() => rename(`${file}.new`, file))
      .catch(closing(next))
    const old = handle
    handle = next
    end = bytes.length
    await old.close()
  }

  async function write(batch: readonly Waiting[]): Promise<void> {
    faultPoint('journal-append')
    if (end > most) await shorten()
    const bytes = Buffer.concat(batch.map(({ key }) => record(key)))
    // At a place, not at the end: what a failed write left behind is written over.
    await writeAll(handle, bytes, end)
    await handle.datasync()
    faultPoint('journal-synced')
    end += bytes.length
    for (const { key } of batch) keep(keys, key, limit)
  }

  async function work(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      try {
        await write(batch)
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    working = undefined
  }

  return {
    has: key => keys.has(key),
    append: key =>
      new Promise((resolve, reject) => {
        if (key.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} characters`)
        waiting.push({ key, resolve, reject })
        working ??= work()
      }),
    clear() {
      if (working !== undefined || keys.size === 0) return
      keys.clear()
      end = HEADER.length
      // If it fails, the old keys are still there and still true.
      working = handle.truncate(end).then(work, work)
    },
    async close() {
      await working
      await handle.close()
    },
  }
}

/** The keys, and the length of the file: what a crash left at its end is cut off. */
async function readKeys(handle: FileHandle, limit: number): Promise<{ keys: Set<string>; length: number }> {
  const bytes = await handle.readFile()
  const keys = new Set<string>()
  let length = HEADER.length
  for (; length + RECORD_BYTES <= bytes.length; length += RECORD_BYTES) {
    const key = bytes.subarray(length, length + KEY_BYTES)
    if (crc32(key) !== bytes.readUInt32LE(length + KEY_BYTES)) break
    keep(keys, key.toString('latin1'), limit)
  }
  if (bytes.length < HEADER.length) await writeAll(handle, HEADER, 0)
  if (bytes.length > length) await handle.truncate(length)
  return { keys, length }
}

function closing(handle: FileHandle): (error: unknown) => Promise<never> {
  return async error => {
    await handle.close()
    throw error
  }
}

function keep(keys: Set<string>, key: string, limit: number): void {
  keys.delete(key)
  keys.add(key)
  if (keys.size > limit) keys.delete(keys.values().next().value as string)
}

function record(key: string): Buffer {
  const bytes = Buffer.alloc(RECORD_BYTES)
  bytes.write(key, 'latin1')
  bytes.writeUInt32LE(crc32(bytes.subarray(0, KEY_BYTES)), KEY_BYTES)
  return bytes
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}
