/**
 * The log as a file that is rotated by size. Written beside the run: a disk that is slow, full or gone holds nothing up
 * and costs a bounded amount of memory; lines that cannot be written are left out.
 */
import { appendFile, mkdir, rename, stat } from 'node:fs/promises'
import path from 'node:path'

export interface LogFile {
  /** A line with its end. */
  write(line: string): void
  /** Resolves when every line is written, or after a few seconds without. */
  close(): Promise<void>
}

export interface LogFileOptions {
  readonly file: string
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

export function openLogFile({ file, onError, mostBytes = FILE_BYTES }: LogFileOptions): LogFile {
  let waiting: string[] = []
  let chars = 0
  let work: Promise<void> | undefined
  let size: number | undefined
  let isWell = true

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      // What failed may have left half a line.
      const text = `${isWell ? '' : '\n'}${waiting.join('')}`
      waiting = []
      chars = 0
      try {
        size ??= await begun(file)
        if (size > 0 && size + text.length > mostBytes) size = await rotated(file, size)
        await appendFile(file, text)
        size += Buffer.byteLength(text)
        isWell = true
      } catch (error) {
        size = undefined // the folder may have been taken away
        if (isWell) onError(error as Error)
        isWell = false
      }
    }
    work = undefined
  }

  return {
    write(line) {
      if (chars > WAITING_CHARS) return
      waiting.push(line)
      chars += line.length
      work ??= Promise.resolve().then(writeAll)
    },
    async close() {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>(resolve => {
        timer = setTimeout(resolve, CLOSE_MS)
      })
      await Promise.race([work, late]).finally(() => clearTimeout(timer))
    },
  }
}

async function begun(file: string): Promise<number> {
  await mkdir(path.dirname(file), { recursive: true })
  await appendFile(file, '')
  return (await stat(file)).size
}

/** The file's size, 0 after the rotation; what is no file, such as /dev/null, is left where it is. */
async function rotated(file: string, size: number): Promise<number> {
  if (!(await stat(file)).isFile()) return size
  const { dir, name, ext } = path.parse(file)
  const numbered = (i: number) => (i === 0 ? file : path.join(dir, `${name}${i}${ext}`))
  for (let i = FILES - 2; i >= 0; i--)
    await rename(numbered(i), numbered(i + 1)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
  return 0
}
