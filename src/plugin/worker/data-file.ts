/** The DataFile that a plugin is given: content made when first asked for, closed when the attempt is over. */
import fs from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import type { FileJob } from '../messages.ts'
import type { DataFile } from '../plugin.ts'
import { content, PIECE_BYTES, type SharedPages } from './content.ts'

export interface OpenDataFile {
  readonly file: DataFile
  /** Ends access to content that was not copied yet: its memory is reused from now on. */
  close(): void
}

export function openDataFile(job: FileJob, pages: SharedPages): OpenDataFile {
  let open = true
  let bytes: Buffer | undefined
  const checkOpen = () => {
    if (!open) throw new Error(`the content of ${job.path} was asked for after the plugin had returned`)
  }
  const load = (): Buffer => {
    if (bytes === undefined) {
      checkOpen()
      bytes = content(job, pages)
    }
    return bytes
  }
  const { size } = job.source
  function* pieces(): Generator<Buffer> {
    for (let from = 0; from < size; from += PIECE_BYTES) {
      checkOpen()
      yield content(job, pages, from, Math.min(size, from + PIECE_BYTES))
    }
  }
  const slash = job.path.lastIndexOf('/')
  const file: DataFile = {
    path: job.path,
    name: job.path.slice(slash + 1),
    subdir: slash === -1 ? '' : job.path.slice(0, slash),
    size,
    get bytes() {
      return load()
    },
    text: (encoding = 'utf8') => load().toString(encoding),
    stream: () =>
      job.diskPath !== null && job.source.kind !== 'memory'
        ? fs.createReadStream(job.diskPath)
        : Readable.from(pieces(), { objectMode: false }),
    diskPath: job.diskPath === null ? undefined : path.resolve(job.diskPath),
    sha512: job.sha512,
    mtime: job.mtime === 0 ? null : new Date(Math.round(job.mtime * 1000)),
    topic: job.topic,
    deliveryId: job.deliveryId,
    attempt: job.attempt,
  }
  return {
    file,
    close() {
      open = false
    },
  }
}
