/**
 * A terminal that is written to without waiting for it. Node's own writes block the process while a terminal takes
 * nothing (Ctrl-S, a connection that hangs), signals included. What plugins' programs inherit stays as it is.
 */
import { openSync } from 'node:fs'
import { WriteStream } from 'node:tty'
import { wasAskedToStop } from '../../run/shutdown.ts'

export interface Unblocked {
  readonly stream: NodeJS.WritableStream
  /** Resolves when all is written; after a stop only a moment is waited for that. */
  close(): Promise<void>
}

const STOPPED_MS = 1_000

/** The stream itself where it is no terminal, or where that cannot be opened once more. */
export function unblocked(stream: NodeJS.WritableStream): Unblocked {
  const own = openedAnew(stream as Partial<WriteStream>)
  if (own === undefined) return { stream, close: async () => {} }
  const resized = () => own._refreshSize()
  process.on('SIGWINCH', resized)
  return {
    stream: own,
    async close() {
      process.off('SIGWINCH', resized)
      const written = new Promise<void>(resolve => own.write('', () => resolve()))
      const late = new Promise<void>(resolve => wasAskedToStop() && setTimeout(resolve, STOPPED_MS))
      await Promise.race([written, late])
      own.destroy()
    },
  }
}

/** What Node has and does not document. */
type Terminal = WriteStream & {
  readonly _handle: { setBlocking(on: boolean): void }
  _refreshSize(): void
}

function openedAnew({ isTTY, fd }: Partial<WriteStream> & { readonly fd?: number }): Terminal | undefined {
  if (isTTY !== true || fd === undefined) return undefined
  try {
    const own = new WriteStream(openSync(`/dev/fd/${fd}`, 'w')) as Terminal
    own._handle.setBlocking(false)
    own.on('error', () => {}) // whoever writes hears of it, too
    return own
  } catch {
    return undefined
  }
}
