/**
 * Which files were processed, noted between the plugin's null and the commit, so that a kill in between repeats none
 * on this host. A file of 16 bytes `dfsp-journal v1` + newline, then per processed file its 16-byte key and the CRC-32
 * of that, the lowest byte first. Reading ends at the first record that is not whole or whose CRC does not hold.
 *
 * Only the newest keys are kept: commits come far more often.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, rename } from 'node:fs/promises'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { DfspError } from '../errors.ts'
import { faultPoint } from '../fault-point.ts'

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

/** Where in the output folder the journal of a topic and group is: files done in one are not done in another. */
export function journalPath(outputDir: string, topic: string, group: string): string {
  const name = createHash('sha256').update(`${topic}\0${group}`).digest('hex').slice(0, 16)
  return path.join(outputDir, `.dfsp-journal-${name}`)
}

/** Opens or makes it; keeps the newest `limit` keys. Throws E_OUTPUT, or E_CONFIG when the file is something else. */
export async function openJournal(file: string, limit = 100_000): Promise<Journal> {
  try {
    return await opened(file, limit)
  } catch (error) {
    if (error instanceof DfspError) throw error
    throw new DfspError('E_OUTPUT', `cannot open the journal ${file}`, {
      facts: [(error as Error).message],
      next: 'give this user the right to write there, or run without --journal',
      cause: error,
    })
  }
}

interface Waiting {
  readonly key: string
  resolve(): void
  reject(error: unknown): void
}

async function opened(file: string, limit: number): Promise<Journal> {
  const most = HEADER.length + 2 * limit * RECORD_BYTES
  let handle = await open(file, constants.O_RDWR | constants.O_CREAT, 0o600)
  const { keys, length } = await readKeys(handle, file, limit).catch(closing(handle))
  let end = length
  let waiting: Waiting[] = []
  let working: Promise<void> | undefined

  /** Leaves out the keys that are too old: another file replaces this one. */
  async function shorten(): Promise<void> {
    const next = await open(`${file}.new`, 'w', 0o600)
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
async function readKeys(
  handle: FileHandle,
  file: string,
  limit: number,
): Promise<{ keys: Set<string>; length: number }> {
  const bytes = await handle.readFile()
  const head = bytes.subarray(0, HEADER.length)
  // A shorter one is of a process that was killed while it made the file.
  if (!head.equals(HEADER.subarray(0, head.length)))
    throw new DfspError('E_CONFIG', `${file} is not a journal that this dfsp can read`, {
      facts: [`it begins with ${JSON.stringify(head.toString('latin1'))}`],
      next: 'move it away, or run without --journal',
    })
  const keys = new Set<string>()
  let length = HEADER.length
  for (; length + RECORD_BYTES <= bytes.length; length += RECORD_BYTES) {
    const key = bytes.subarray(length, length + KEY_BYTES)
    if (crc32(key) !== bytes.readUInt32LE(length + KEY_BYTES)) break
    keep(keys, key.toString('latin1'), limit)
  }
  if (head.length < HEADER.length) await writeAll(handle, HEADER, 0)
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
