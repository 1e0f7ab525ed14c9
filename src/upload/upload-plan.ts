/** What an upload would send: names and sizes. Nothing is read, no broker is asked. */

import { stat } from 'node:fs/promises'
import { cutFile } from '../core/chunks/chunking.ts'
import { relativePath } from '../core/chunks/output-path.ts'
import { type Found, reasonOf } from '../files/walk.ts'
import type { UploadEvent } from '../report/commands/upload-report.ts'
import { exitStatus } from '../run/outcome.ts'
import type { UploadDeps } from './upload.ts'

type Planned = Extract<UploadEvent, { result: 'planned' } | { result: 'failed' }>

/** Reports each file and the summary; returns the exit status. */
export async function planUpload(
  options: { readonly chunkSize: number; readonly subdir: string },
  { files, report }: UploadDeps,
): Promise<number> {
  const started = performance.now()
  const counts = { files: 0, failed: 0, bytes: 0, chunks: 0 }
  for await (const found of files) {
    if (found.kind === 'no-file') {
      report({ type: 'info', text: `left out ${found.shown}: it ${found.reason}` })
      continue
    }
    const planned = await plan(found, options)
    report(planned)
    if (planned.result === 'failed') counts.failed++
    else {
      counts.files++
      counts.bytes += planned.bytes
      counts.chunks += planned.chunks
    }
  }
  const exit = exitStatus({ wrong: counts.failed })
  const seconds = Math.round(performance.now() - started) / 1_000
  report({ type: 'summary', summary: { ...counts, seconds, exit } })
  return exit
}

async function plan(
  found: Exclude<Found, { readonly kind: 'no-file' }>,
  options: { chunkSize: number; subdir: string },
): Promise<Planned> {
  const failed = (error: string): Planned => ({ type: 'file', path: found.shown, result: 'failed', error })
  if (found.kind === 'refused') return failed(found.reason)
  const subdir = [options.subdir, found.subdir].filter(part => part !== '').join('/')
  const named = relativePath(subdir, found.name, '')
  if ('refused' in named) return failed(`${named.refused}, which readers refuse`)
  try {
    const { size } = await stat(found.file)
    const cut = cutFile(size, options.chunkSize)
    if ('refused' in cut) return failed(cut.refused)
    return { type: 'file', path: named.path, result: 'planned', bytes: size, chunks: cut.total }
  } catch (error) {
    return failed(reasonOf(error))
  }
}
