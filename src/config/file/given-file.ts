/**
 * Reading a file that the user names, which may be a named pipe (mkfifo). To open a pipe in the ordinary way waits for
 * its other end, and no signal is heard meanwhile: here it is looked at now and then.
 */
import { closeSync, constants, lstatSync, openSync, readFileSync, readSync, realpathSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

/** Throws what Node throws, and where nothing writes to a pipe for 10 s. */
export async function readGivenFile(path: string): Promise<Buffer> {
  return isNamedPipe(path) ? await readPipe(path) : readFileSync(path)
}

/** Not one that a shell has made for `-c <(command)`, whose other end is there. */
function isNamedPipe(path: string): boolean {
  try {
    return lstatSync(realpathSync(path)).isFIFO()
  } catch {
    return false
  }
}

const WRITER_MS = 10_000
const LOOK_EVERY_MS = 20

async function readPipe(path: string): Promise<Buffer> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const pieces: Buffer[] = []
  let isOpened = false
  try {
    for (const until = performance.now() + WRITER_MS; ; ) {
      const piece = readNow(fd)
      if (piece === undefined) isOpened = true
      else if (piece.length > 0) pieces.push(piece)
      else if (isOpened || pieces.length > 0) return Buffer.concat(pieces)
      else if (performance.now() > until)
        throw new Error(`it is a pipe, and nothing wrote to it for ${WRITER_MS / 1_000} s`)
      if (piece === undefined || piece.length === 0) await setTimeout(LOOK_EVERY_MS)
    }
  } finally {
    closeSync(fd)
  }
}

/** Empty where nobody has the other end; undefined where there is nothing yet. */
function readNow(fd: number): Buffer | undefined {
  const piece = Buffer.alloc(65_536)
  try {
    return piece.subarray(0, readSync(fd, piece))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    return undefined
  }
}
