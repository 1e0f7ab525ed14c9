/**
 * The log as a file that is rotated by size. Written beside the run: a disk that is slow, full or gone holds nothing up
 * and costs a bounded amount of memory; lines that cannot be written are left out, the oldest first, and counted.
 */
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, rename, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { named, type OwnFile } from '../base/held-folder.ts'
import { within } from '../base/within.ts'
import { leftOutNote, waitingLines } from './waiting-lines.ts'

export interface LogFile {
  /** A line with its end. */
  write(line: string): void
  /** Resolves when every line is written, or after a few seconds without. */
  close(): Promise<void>
}

/** A path that the user chose, or a file of dfsp's own. */
export type LogPlace = string | OwnFile

export interface LogFileOptions {
  readonly file: LogPlace
  /** Told once until a write succeeds again. */
  onError(error: Error): void
  /** The file is rotated beyond so many bytes. */
  readonly mostBytes?: number
}

const FILE_BYTES = 10 * 1024 * 1024
/** `plot.log`, `plot1.log` and so on, the newest first. */
const FILES = 5
const WAITING_CHARS = 8 * 1024 * 1024
const CLOSE_MS = 2_000
const PIPE_MS = 20
const PIPE_TRIES = 50

export function openLogFile({ file, onError, mostBytes = FILE_BYTES }: LogFileOptions): LogFile {
  const waiting = waitingLines(WAITING_CHARS)
  let work: Promise<void> | undefined
  let size: number | undefined
  let isWell = true

  async function writeAll(): Promise<void> {
    while (!waiting.isEmpty) {
      const { text: lines, leftOut } = waiting.take()
      const note = leftOut === 0 ? '' : leftOutNote(leftOut, 'the disk takes them')
      // What failed may have left half a line.
      const text = `${isWell ? '' : '\n'}${note}${lines}`
      try {
        if (typeof file !== 'string') await file.folder.renewed()
        size ??= await begun(file)
        if (size > 0 && size + text.length > mostBytes) size = await rotated(file, mostBytes - text.length)
        await append(file, text)
        size += Buffer.byteLength(text)
        isWell = true
      } catch (error) {
        size = undefined // the folder may have been taken away
        const folder = typeof file === 'string' ? file : file.folder.path
        if (isWell) onError(named(error as Error, folder))
        isWell = false
      }
    }
    work = undefined
  }

  return {
    write(line) {
      waiting.add(line)
      work ??= Promise.resolve().then(writeAll)
    },
    close: () => within(CLOSE_MS, work),
  }
}

async function begun(file: LogPlace): Promise<number> {
  if (typeof file === 'string') await mkdir(path.dirname(file), { recursive: true })
  await append(file, '')
  return (await stat(numbered(file, 0))).size
}

/** Another program may have moved the file away since: it is opened each time. */
async function append(file: LogPlace, text: string): Promise<void> {
  const handle = await (typeof file === 'string' ? openNamed(file) : file.folder.openToAppend(file.name))
  try {
    await writeWhole(handle, text)
  } finally {
    await handle.close()
  }
}

/** It may be a device such as /dev/stderr, or a pipe, and a pipe holds up nothing. */
function openNamed(file: string): Promise<FileHandle> {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK = 0 } = constants
  return open(file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENXIO' ? new Error(`${file} is a pipe or socket that nobody reads`) : error
  })
}

/** A pipe that is full is waited for a while. */
async function writeWhole(handle: FileHandle, text: string): Promise<void> {
  let tries = 0
  for (let left = Buffer.from(text); left.length > 0; )
    try {
      left = left.subarray((await handle.write(left)).bytesWritten)
      tries = 0
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || ++tries > PIPE_TRIES) throw error
      await delay(PIPE_MS)
    }
}

/**
 * The file's size, 0 after the rotation. Left where it is: what is no file, such as /dev/null, and what another program has
 * truncated or moved away since.
 */
async function rotated(file: LogPlace, mostBytes: number): Promise<number> {
  const found = await (typeof file === 'string' ? stat : lstat)(numbered(file, 0)).catch(unlessGone)
  if (found === undefined) return 0
  if (!found.isFile() || found.size <= mostBytes) return found.size
  for (let i = FILES - 2; i >= 0; i--)
    await rename(numbered(file, i), numbered(file, i + 1)).catch(unlessGone)
  return 0
}

function unlessGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function numbered(file: LogPlace, i: number): string {
  const { dir, name, ext } = path.parse(typeof file === 'string' ? file : file.folder.at(file.name))
  return path.join(dir, i === 0 ? `${name}${ext}` : `${name}${i}${ext}`)
}
