/** Files of a topic into a folder: fetched by reference, each written beside its place, verified, and renamed. */

import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { DfspError } from '../base/errors.ts'
import { type Assembly, assembly } from '../core/chunks/assembly.ts'
import type { Chunk } from '../core/chunks/chunk.ts'
import { HASH } from '../core/chunks/chunk.ts'
import type { IndexedFile } from '../core/chunks/file-index.ts'
import { hexOf } from '../core/chunks/generation.ts'
import { namedChunk } from '../core/chunks/named-chunk.ts'
import { isEnvironmental } from '../core/environment.ts'
import { joined, sortedRanges } from '../core/offsets/offset-ranges.ts'
import { arena } from '../files/arena.ts'
import { openOutputDir } from '../files/output-dir.ts'
import { type StoredFile, store } from '../files/store.ts'
import type { ConsumedRecord } from '../kafka/consumer/consumer.ts'
import type { Refetcher } from '../kafka/refetch/refetch.ts'
import { placeOnDisk } from '../plugin/worker/content.ts'

export interface Got {
  readonly path: string
  /** `damaged`: SHA-512 or geometry is wrong; `failed`: it could not be put in its place. */
  readonly result: 'ok' | 'incomplete' | 'damaged' | 'failed'
  readonly bytes: number
  /** Of the file, in lower-case hex. */
  readonly sha512: string
  readonly error?: string
}

export interface GetDeps {
  readonly refetcher: Pick<Refetcher, 'read'>
  readonly signal: AbortSignal
  onFile(got: Got): void
  /** Content bytes so far. */
  onProgress(bytes: number): void
}

interface OpenFile {
  readonly file: IndexedFile
  readonly stored: StoredFile
  readonly parts: Assembly
  damaged: number
}

/**
 * `files` are of a path each, with the places of their records. All are read in one pass, however their records are
 * mixed; a file takes memory, and a temporary file, from its first record to its last. Rejects with a DfspError when the
 * folder cannot be written or the topic not be read, or with the reason of the signal; what was told as `ok` is in its
 * place.
 */
export async function getFiles(
  outputDir: string,
  files: readonly IndexedFile[],
  deps: GetDeps,
): Promise<void> {
  const output = openOutputDir(outputDir)
  try {
    const temporary = store(
      arena(() => {}),
      output.tmp,
    )
    await getAll(output.path, files, () => temporary.open('disk'), deps)
  } finally {
    output.close()
  }
}

async function getAll(
  root: string,
  files: readonly IndexedFile[],
  open: () => StoredFile,
  { refetcher, signal, onFile, onProgress }: GetDeps,
): Promise<void> {
  /** Those that have had no outcome: open, or not begun. */
  const left = new Map<string, IndexedFile | OpenFile>(files.map(file => [file.path, file]))
  const end = ({ file, stored, parts }: OpenFile, result: Got['result'], error?: string) => {
    left.delete(file.path)
    stored.release()
    const why = error === undefined ? {} : { error }
    onFile({ path: file.path, result, bytes: parts.bytes, sha512: file.sha512, ...why })
  }

  /** Undefined for another content, and for what has had its outcome. */
  function opened(path: string, { total, fileHash }: Chunk): OpenFile | undefined {
    const found = left.get(path)
    if (found === undefined) return undefined
    const file = 'file' in found ? found.file : found
    if (file.chunks !== total || file.sha512 !== hexOf(fileHash)) return undefined
    return 'file' in found ? found : begun(file)
  }

  function begun(file: IndexedFile): OpenFile {
    const entry = { file, stored: open(), parts: assembly(file.chunks), damaged: 0 }
    left.set(file.path, entry)
    return entry
  }

  async function take({ value }: ConsumedRecord): Promise<void> {
    const found = namedChunk(value)
    if ('refused' in found) return
    const { path, chunk } = found
    const entry = opened(path, chunk)
    if (entry === undefined || entry.parts.has(chunk.index)) return
    if (!createHash(HASH).update(chunk.data).digest().equals(chunk.chunkHash)) {
      entry.damaged++
      return
    }
    writing(root, () => entry.stored.write(chunk.offset, chunk.data))
    entry.parts.place(chunk)
    onProgress(chunk.data.length)
    if (entry.parts.count === entry.file.chunks) await whole(entry)
  }

  async function whole(entry: OpenFile): Promise<void> {
    const { file, stored, parts } = entry
    const size = parts.size()
    if (typeof size !== 'number') return end(entry, 'damaged', size.wrong)
    const source = stored.source(size) as { kind: 'disk'; path: string; size: number }
    const hash = createHash(HASH)
    await pipeline(fs.createReadStream(source.path, { end: Math.max(0, size - 1) }), hash)
    if (hash.digest('hex') !== file.sha512)
      return end(entry, 'damaged', 'its SHA-512 is not the one that its producer announced')
    const diskPath = path.join(root, file.path)
    try {
      placeOnDisk({ source, diskPath, mtime: file.mtime }, { eachRun() {} }, root, root)
    } catch (error) {
      if (isEnvironmental(error as Error)) throw unwritable(root, error as Error)
      return end(entry, 'failed', (error as Error).message)
    }
    end(entry, 'ok')
  }

  try {
    const ranges = joined(sortedRanges(files.flatMap(file => file.ranges)), 0)
    await refetcher.read(ranges, take, signal)
    for (const found of left.values()) {
      const entry = 'file' in found ? found : begun(found)
      const { count, total } = entry.parts
      const lost = `${count} of ${total} chunks can be read`
      if (entry.damaged > 0) end(entry, 'damaged', `${lost}, of ${entry.damaged} the SHA-512 is wrong`)
      else end(entry, 'incomplete', `${lost} now`)
    }
  } finally {
    for (const found of left.values()) if ('file' in found) found.stored.release()
  }
}

function writing(root: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    throw unwritable(root, error as Error)
  }
}

function unwritable(root: string, cause: Error): DfspError {
  return new DfspError('E_OUTPUT', `cannot write to the output directory ${root}`, {
    facts: [cause.message],
    next: 'make room there, or choose another with --output-dir',
    cause,
  })
}
