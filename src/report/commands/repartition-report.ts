/** What can happen while a topic is copied, and how log, --json and the terminal's last line tell it. */
import type { DfspError } from '../../base/errors.ts'
import { jsonLine } from '../../core/text/shown-text.ts'
import { loggedError } from '../error-text.ts'
import type { Log } from '../log.ts'
import { formatBytes, formatClock, formatCount } from '../quantities.ts'

export interface CopyFigures {
  /** Committed. */
  readonly records: number
  readonly bytes: number
  /** Rounds that were copied again. */
  readonly aborted: number
  readonly seconds: number
}

export interface CopyProgress extends CopyFigures {
  readonly partitions: number
  /** Records of these partitions that are to be copied. */
  readonly lag: number
}

export type RepartitionEvent =
  | { readonly type: 'info' | 'problem'; readonly text: string; readonly fields?: object }
  | { readonly type: 'progress'; readonly progress: CopyProgress }
  | { readonly type: 'error'; readonly error: DfspError }
  | { readonly type: 'summary'; readonly summary: CopyFigures & { readonly exit: number } }

export interface RepartitionReporterDeps {
  readonly log: Log
  /** Takes one --json line without its end; undefined without --json. */
  readonly json: ((line: string) => void) | undefined
  /** Redraws the last line of the terminal; undefined where there is none. */
  readonly draw: ((text: string) => void) | undefined
}

export function repartitionReporter({
  log,
  json,
  draw,
}: RepartitionReporterDeps): (event: RepartitionEvent) => void {
  let last: Pick<CopyProgress, 'seconds' | 'bytes'> = { seconds: 0, bytes: 0 }

  function progress({ partitions, lag, records, bytes, aborted, seconds }: CopyProgress): void {
    const rate = `${formatBytes((bytes - last.bytes) / Math.max(0.001, seconds - last.seconds))}/s`
    last = { seconds, bytes }
    if (draw)
      draw(
        ` ${formatCount(records)} copied   ${formatBytes(bytes)}   ${rate}   ${formatCount(lag)} to go   ${formatClock(seconds)}`,
      )
    else
      log.write('info', 'stats', { records, bytes: formatBytes(bytes, ''), rate, lag, partitions, aborted })
  }

  return event => {
    switch (event.type) {
      case 'info':
        return log.write('info', event.text, event.fields)
      case 'problem':
        return log.write('warn', event.text, event.fields)
      case 'error':
        return log.write('error', ...loggedError(event.error))
      case 'progress':
        return json ? undefined : progress(event.progress)
      case 'summary': {
        const { bytes, ...rest } = event.summary
        log.write('info', 'summary', { ...rest, bytes: formatBytes(bytes, '') })
        json?.(jsonLine({ v: 1, type: 'summary', ...event.summary }))
      }
    }
  }
}
