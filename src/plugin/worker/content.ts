/** The bytes of a whole file in a plugin thread: verified, placed on disk if asked for, read by the plugin. */

import { createHash, type Hash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { threadId } from 'node:worker_threads'
import { copyBytes } from '../../base/copy-bytes.ts'
import { faultPoint } from '../../base/fault-point.ts'
import { openBelow, openOwnFolder } from '../../base/held-folder.ts'
import { eachPlaced, type PlacedChunk, type PlacedChunks } from '../../core/chunks/assembly.ts'
import { HASH } from '../../core/chunks/chunk.ts'
import { relativePath } from '../../core/chunks/output-path.ts'
import type { Source } from '../../core/source.ts'
import type { DigestMessage, FileJob } from '../messages.ts'

const { O_RDWR, O_NOFOLLOW = 0 } = fs.constants

/** Of content that is read or copied piece by piece: whole pages. */
export const PIECE_BYTES = 1024 * 1024

type Paged = Extract<Source, { kind: 'memory' | 'spool' }>

/** Files in pages that are numbered through, of shared memory as the host hands it out, or of the spool. */
export interface SharedPages {
  /**
   * Calls `use` with each run of adjoining pages, in the order of the content; what it is given is used again.
   * `from`: the byte at which it begins, the first one of a page.
   */
  eachRun(source: Paged, use: (run: Buffer) => void, from?: number): void
}

export function sharedPages(segments: readonly SharedArrayBuffer[], pageBytes: number): SharedPages {
  return {
    eachRun(source, use, from = 0) {
      const { pages, size } = source
      if (size === 0) return // before the first segment was made, perhaps
      const isSpool = source.kind === 'spool'
      const perSegment = (isSpool ? PIECE_BYTES : (segments[0] as SharedArrayBuffer).byteLength) / pageBytes
      let left = size - from
      for (let i = from / pageBytes; i < pages.length && left > 0; ) {
        const first = pages[i] as number
        const segment = Math.floor(first / perSegment)
        let length = 1
        while (pages[i + length] === first + length && Math.floor((first + length) / perSegment) === segment)
          length++
        const bytes = Math.min(left, length * pageBytes)
        if (isSpool) use(readWhole(source.fd, bytes, first * pageBytes))
        else use(Buffer.from(segments[segment] as SharedArrayBuffer, (first % perSegment) * pageBytes, bytes))
        left -= bytes
        i += length
      }
    },
  }
}

/** A digest of the first `bytes` bytes of a file, which goes on. */
export interface BegunDigest {
  readonly key: number
  readonly hash: Hash
  bytes: number
}

/** SHA-512 of the content, hexadecimal; where it was begun, of the rest. */
export function digest(file: FileJob, pages: SharedPages, begun?: BegunDigest): string {
  const { hash, bytes } = begun ?? { hash: createHash(HASH), bytes: 0 }
  if (file.source.kind !== 'disk') pages.eachRun(file.source, run => hash.update(run), bytes)
  else hashFile(hash, diskSource(file), bytes, file.source.size)
  return hash.digest('hex')
}

/** Begins or goes on; undefined where the part is none that follows. Throws the system's errors. */
export function digestPart(
  begun: BegunDigest | undefined,
  { key, from, source }: DigestMessage,
  pages: SharedPages,
): BegunDigest | undefined {
  const own = from === 0 ? { key, hash: createHash(HASH), bytes: 0 } : begun
  if (own?.key !== key || own.bytes !== from) return begun
  if (source.kind !== 'disk') pages.eachRun(source, run => own.hash.update(run))
  else hashFile(own.hash, source.path, from, from + source.size)
  own.bytes += source.size
  return own
}

/** The indices (1-based) of the chunks whose own digest is wrong. */
export function badChunks(file: FileJob, chunks: PlacedChunks, pages: SharedPages): number[] {
  if (file.source.kind !== 'disk') {
    const whole = content(file, pages)
    return wrongOnes(chunks, chunk => whole.subarray(chunk.offset, chunk.offset + chunk.length))
  }
  // Piece by piece: the whole may be larger than memory, and than any Buffer.
  const fd = fs.openSync(diskSource(file), 'r')
  try {
    return wrongOnes(chunks, ({ offset, length }) => {
      const piece = Buffer.allocUnsafe(length)
      for (let at = 0; at < length; ) at += readSome(fd, piece, at, length - at, offset + at)
      return piece
    })
  } finally {
    fs.closeSync(fd)
  }
}

function wrongOnes(chunks: PlacedChunks, dataOf: (chunk: PlacedChunk) => Buffer): number[] {
  const wrong: number[] = []
  for (const chunk of eachPlaced(chunks)) {
    const actual = createHash(HASH).update(dataOf(chunk)).digest()
    if (!actual.subarray(0, chunk.hash.length).equals(chunk.hash)) wrong.push(chunk.index)
  }
  return wrong.sort((a, b) => a - b)
}

/**
 * The content, or its bytes `from` (the first one of a page) to `to`, in a Buffer of its own. User code never meets
 * shared memory: fetch, WebCrypto and others refuse it.
 */
export function content(file: FileJob, pages: SharedPages, from = 0, to = file.source.size): Buffer {
  const { source } = file
  const copy = Buffer.allocUnsafeSlow(to - from)
  if (source.kind !== 'disk') {
    let at = 0
    pages.eachRun(
      { ...source, size: to },
      run => {
        copyBytes(run, copy, at)
        at += run.length
      },
      from,
    )
    return copy
  }
  const fd = fs.openSync(diskSource(file), 'r')
  try {
    for (let at = 0; at < copy.length; ) at += readSome(fd, copy, at, copy.length - at, from + at)
  } finally {
    fs.closeSync(fd)
  }
  return copy
}

/** An earlier attempt has moved the temporary file to its final place. */
function diskSource(file: Pick<FileJob, 'source' | 'diskPath'>): string {
  const temporary = (file.source as Extract<Source, { kind: 'disk' }>).path
  return file.diskPath !== null && !fs.existsSync(temporary) ? file.diskPath : temporary
}

/** One for all files of the thread: garbage of this size is collected late, and counts against no budget. */
let scratch: Buffer | undefined

/** At most `PIECE_BYTES`; valid until the next call. */
function readWhole(fd: number, bytes: number, position: number): Buffer {
  scratch ??= Buffer.allocUnsafeSlow(PIECE_BYTES)
  for (let at = 0; at < bytes; ) at += readSome(fd, scratch, at, bytes - at, position + at)
  return scratch.subarray(0, bytes)
}

/** Bytes `from` to `to`. */
function hashFile(hash: Hash, name: string, from: number, to: number): void {
  const fd = fs.openSync(name, 'r')
  try {
    for (let at = from; at < to; at += PIECE_BYTES)
      hash.update(readWhole(fd, Math.min(PIECE_BYTES, to - at), at))
  } finally {
    fs.closeSync(fd)
  }
}

function readSome(fd: number, into: Buffer, at: number, length: number, position: number = at): number {
  const n = fs.readSync(fd, into, at, length, position)
  if (n === 0) throw new Error('the file on disk is shorter than what was received')
  return n
}

/** What has to be known of a file that is put in its place. */
export type Placed = Pick<FileJob, 'source' | 'diskPath' | 'mtime'>

/**
 * Puts the verified file at `file.diskPath`, whole or not at all: synced once, modification time restored, renamed.
 * @throws system errors such as ENOSPC; an Error without a code where something is in the way of its path, or leads it
 * out of `root` or to dfsp's own files
 */
export function placeOnDisk(
  file: Placed,
  pages: Pick<SharedPages, 'eachRun'>,
  root: string,
  tmpDir: string,
): void {
  const target = file.diskPath as string
  const folders = path.relative(root, path.dirname(target)).split(path.sep)
  const folder = openBelow(root, folders)
  try {
    const name = path.basename(target)
    refuseOwn(root, folder.path, name)
    const moveHere = (temporary: string) => {
      faultPoint('before-rename')
      folder.check()
      try {
        folder.entry(name, at => fs.renameSync(temporary, at))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error
        const message = `${path.join(folder.path, name)} is a folder, a file is needed there`
        throw Object.assign(new Error(message), { code: 'EISDIR' })
      }
      faultPoint('after-rename')
    }
    if (file.source.kind === 'disk') {
      const temporary = diskSource(file)
      if (temporary === target) return
      completeFile(temporary, file.source.size, file.mtime)
      moveHere(temporary)
    } else writeWhole(root, tmpDir, file.source, pages, file.mtime, moveHere)
    folder.check()
    // Without it a power cut could undo the rename of a file whose offset is committed.
    folder.sync()
  } finally {
    folder.close()
  }
}

/** A link, or a file system that takes letters of either case, may lead where the name itself does not. */
function refuseOwn(root: string, folder: string, name: string): void {
  const below = path.relative(fs.realpathSync(root), folder).split(path.sep).join('/')
  const real = relativePath(below, name, '')
  if ('refused' in real) throw new Error(real.refused)
  const [top = ''] = below.split('/')
  if (/^logs/i.test(top) && isSame(path.join(root, top), path.join(root, 'LOGS')))
    throw new Error(`"${top}" is LOGS, which is kept for dfsp's own files`)
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map(name => fs.lstatSync(name, { bigint: true, throwIfNoEntry: false }))
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev
}

function completeFile(temporary: string, size: number, mtime: number): void {
  const fd = fs.openSync(temporary, O_RDWR | O_NOFOLLOW)
  try {
    fs.ftruncateSync(fd, size)
    finish(fd, mtime)
  } finally {
    fs.closeSync(fd)
  }
}

/** Calls `moveAway` with a temporary file of the content. */
function writeWhole(
  root: string,
  tmpDir: string,
  source: Paged,
  pages: Pick<SharedPages, 'eachRun'>,
  mtime: number,
  moveAway: (temporary: string) => void,
): void {
  const folder = openOwnFolder(root, tmpDir)
  const temporary = folder.at(`whole-${threadId}`)
  try {
    fs.rmSync(temporary, { force: true })
    const fd = fs.openSync(temporary, 'wx')
    try {
      pages.eachRun(source, run => {
        faultPoint('disk-write')
        for (let at = 0; at < run.length; ) at += fs.writeSync(fd, run, at)
      })
      finish(fd, mtime)
    } finally {
      fs.closeSync(fd)
    }
    moveAway(temporary)
  } finally {
    fs.rmSync(temporary, { force: true })
    folder.close()
  }
}

function finish(fd: number, mtime: number): void {
  if (mtime !== 0) fs.futimesSync(fd, mtime, mtime)
  fs.fsyncSync(fd)
}
