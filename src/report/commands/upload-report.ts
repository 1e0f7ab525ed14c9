/** What can happen in an upload, and how log, --json and the terminal's last line tell it. */
import { jsonLine, oneLine } from '../../core/text/shown-text.ts'
import type { Log } from '../log.ts'
import { formatBytes, formatClock, formatCount } from '../quantities.ts'

/** What became of a file. */
export type FileOutcome =
  | {
      readonly path: string
      readonly result: 'ok'
      readonly bytes: number
      readonly chunks: number
      /** Hexadecimal. */
      readonly sha512: string
      /** Lowest and highest offset of its records, by partition. */
      readonly partitions: Readonly<Record<string, readonly [number, number]>>
    }
  | { readonly path: string; readonly result: 'failed'; readonly error: string }

export type UploadEvent =
  | { readonly type: 'info' | 'problem'; readonly text: string; readonly fields?: object }
  | ({ readonly type: 'file' } & FileOutcome)
  /** With --dry-run. */
  | {
      readonly type: 'file'
      readonly path: string
      readonly result: 'planned'
      readonly bytes: number
      readonly chunks: number
    }
  | { readonly type: 'progress'; readonly progress: UploadProgress }
  | { readonly type: 'summary'; readonly summary: UploadSummary }

export interface UploadProgress {
  readonly files: number
  readonly failed: number
  /** Content bytes that the broker has acknowledged. */
  readonly bytes: number
  readonly seconds: number
  /** What is being read. */
  readonly path: string | undefined
}

export interface UploadSummary {
  readonly files: number
  readonly failed: number
  readonly chunks: number
  readonly bytes: number
  readonly seconds: number
  readonly exit: number
}

export interface UploadReporterDeps {
  readonly log: Log
  /** Takes one --json line without its end; undefined without --json. */
  readonly json: ((line: string) => void) | undefined
  /** Takes a line of a dry run's list; undefined with --json. */
  readonly list: ((line: string) => void) | undefined
  /** Redraws the last line of the terminal; undefined where there is none. */
  readonly draw: ((text: string) => void) | undefined
}

export function uploadReporter({ log, json, list, draw }: UploadReporterDeps): (event: UploadEvent) => void {
  let last: Pick<UploadProgress, 'seconds' | 'bytes'> = { seconds: 0, bytes: 0 }

  function progress(now: UploadProgress): void {
    const rate = `${formatBytes((now.bytes - last.bytes) / Math.max(0.001, now.seconds - last.seconds))}/s`
    last = now
    const { files, failed, path } = now
    if (draw) draw(progressLine(now, rate))
    else
      log.write('info', 'stats', {
        files,
        failed,
        bytes: formatBytes(now.bytes, ''),
        rate,
        reading: path ?? '',
      })
  }

  return event => {
    switch (event.type) {
      case 'info':
        return log.write('info', event.text, event.fields)
      case 'problem':
        return log.write('warn', event.text, event.fields)
      case 'file':
        json?.(jsonLine({ v: 1, ...event }))
        if (event.result === 'failed') return log.write('error', `failed ${event.path}: ${event.error}`)
        if (event.result === 'planned') return list?.(plannedLine(event))
        return log.write('verbose', `ok ${event.path}`, { bytes: event.bytes, chunks: event.chunks })
      case 'progress':
        if (json) return
        return progress(event.progress)
      case 'summary': {
        const { bytes, ...rest } = event.summary
        log.write('info', 'summary', { ...rest, bytes: formatBytes(bytes, '') })
        json?.(jsonLine({ v: 1, type: 'summary', ...event.summary }))
      }
    }
  }
}

function progressLine({ files, failed, bytes, seconds, path }: UploadProgress, rate: string): string {
  const wrong = failed > 0 ? `   ${failed} failed` : ''
  const reading = path === undefined ? '' : `   ${path}`
  return ` ${formatCount(files)} sent${wrong}   ${formatBytes(bytes)}   ${rate}   ${formatClock(seconds)}${reading}`
}

function plannedLine({ path, bytes, chunks }: Extract<UploadEvent, { result: 'planned' }>): string {
  return oneLine(`${path}  ${formatBytes(bytes)}  ${chunks} ${chunks === 1 ? 'chunk' : 'chunks'}`)
}
