/** Turns the events of a run into log lines, into --json lines, and into the live block. */

import type { DfspError } from '../base/errors.ts'
import { listText } from '../core/text/list-text.ts'
import { numberRuns } from '../core/text/number-runs.ts'
import { jsonLine } from '../core/text/shown-text.ts'
import { RESEND } from './commands/unfinished-text.ts'
import { errorJson } from './error-text.ts'
import { type RunEvent, type RunStats, type RunSummary, SET_ASIDE } from './events.ts'
import type { Log } from './log.ts'
import { formatAge, formatBytes, formatMs } from './quantities.ts'

export interface Reporter {
  report(event: RunEvent): void
}

export interface ReporterDeps {
  readonly log: Log
  readonly topic: string
  /** Takes one --json line without its end; undefined without --json. */
  readonly json: ((line: string) => void) | undefined
  /** Redraws the live block; undefined where there is none. */
  readonly draw: ((stats: RunStats) => void) | undefined
  readonly now: () => number
}

const UNDECODABLE_EVERY_MS = 60_000

export function reporter({ log, topic, json, draw, now }: ReporterDeps): Reporter {
  let undecodableTold = Number.NEGATIVE_INFINITY
  let undecodableUntold = 0
  let lastStats: { seconds: number; receivedBytes: number } = { seconds: 0, receivedBytes: 0 }

  function toJson(event: RunEvent): void {
    if (!json) return
    const { type, ...rest } = event
    switch (event.type) {
      case 'summary':
        return json(jsonLine({ v: 1, type, ...event.summary }))
      case 'stats': {
        const { sharing, ...stats } = event.stats
        return json(jsonLine({ v: 1, type, ...stats, ...(sharing && { partitions: sharing.own }) }))
      }
      case 'error':
        return json(errorJson(event.error))
      case 'info':
      case 'problem':
        return
      default:
        json(jsonLine({ v: 1, type, ...rest }))
    }
  }

  function undecodable(event: Extract<RunEvent, { type: 'undecodable' }>): void {
    undecodableUntold++
    if (now() - undecodableTold < UNDECODABLE_EVERY_MS) return
    const more = undecodableUntold > 1 ? `; ${undecodableUntold - 1} more since the last such line` : ''
    const where = `${topic}[${event.partition}]@${event.offset} (${event.bytes.toLocaleString('en-US')} B)`
    log.write('warn', `undecodable record ${where}: ${event.reason}${more}; ${SET_ASIDE[event.setAside]}`)
    undecodableTold = now()
    undecodableUntold = 0
  }

  function stats(event: Extract<RunEvent, { type: 'stats' }>): void {
    const { stats } = event
    if (draw) return draw(stats)
    const rate =
      (stats.receivedBytes - lastStats.receivedBytes) / Math.max(0.001, stats.seconds - lastStats.seconds)
    lastStats = stats
    const { done, failed, assembling, queued, running, lag, flow, broker, sharing } = stats
    log.write('info', 'stats', {
      done,
      failed,
      assembling,
      queued,
      running: running.length,
      rate: `${formatBytes(rate, '')}/s`,
      lag: lag ?? 'unknown',
      ...(sharing && { partitions: sharing.own.length === 0 ? 'none' : numberRuns(sharing.own) }),
      ...(flow === 'flow' ? {} : { flow }),
      ...(broker === 'ok' ? {} : { broker }),
    })
  }

  return {
    report(event) {
      toJson(event)
      switch (event.type) {
        case 'info':
          return log.write('info', event.text, event.fields)
        case 'problem':
          return log.write('warn', event.text, event.fields)
        case 'file': {
          const level = event.result === 'ok' ? 'verbose' : event.setAside === 'held' ? 'error' : 'warn'
          if (log.enabled(level)) log.write(level, ...fileText(event))
          return
        }
        case 'retry':
          return log.write(
            'warn',
            `attempt ${event.attempt} failed ${event.path}: ${event.error}; next in ${formatMs(event.delayMs)}`,
          )
        case 'incomplete':
          return log.write('warn', incompleteText(event))
        case 'undecodable':
          return undecodable(event)
        case 'error':
          return log.write('error', ...errorFields(event.error))
        case 'stats':
          return stats(event)
        case 'summary':
          return log.write('info', ...summaryText(event.summary))
      }
    },
  }
}

function fileText(event: Extract<RunEvent, { type: 'file' }>): [string, object] {
  const { path, result, attempt, bytes, ms, partitions, error, setAside, delayMs } = event
  if (result === 'ok') return [`ok ${path}`, { bytes, ms, attempt }]
  const tries = result === 'failed' ? ` after ${attempt} ${attempt === 1 ? 'try' : 'tries'}` : ''
  const where = Object.entries(partitions).map(([p, [from, to]]) =>
    from === to ? `${p}: ${from}` : `${p}: ${from}-${to}`,
  )
  const next =
    delayMs === undefined
      ? SET_ASIDE[setAside ?? 'held']
      : `held: tried again in ${formatMs(delayMs)}, later files go on`
  return [`${result} ${path}${tries}: ${error ?? ''}; ${next}`, { offsets: listText(where) }]
}

function incompleteText({
  path,
  chunks,
  total,
  idleSeconds,
  deleted,
}: Extract<RunEvent, { type: 'incomplete' }>): string {
  const there = `incomplete ${path}: ${chunks} of ${total} chunks`
  if (idleSeconds === undefined)
    return `${there}, no progress; held until the others arrive (--on-incomplete skip passes it over)`
  const newest = idleSeconds === null ? '' : `, the newest sent ${formatAge(idleSeconds * 1_000)} ago`
  if (deleted) return `${there}${newest}; ${RESEND}`
  return `${there}${newest}; held until the others are sent`
}

function errorFields({ message, code, facts, next }: DfspError): [string, object] {
  const why = facts.length > 0 ? `: ${facts.join('; ')}` : ''
  return [`${message} [${code}]${why}`, next === undefined ? {} : { try: next }]
}

function summaryText(s: RunSummary): [string, object] {
  const { done, failed, mismatched, skipped, deadLettered, undecodable, incomplete, bytes, seconds, exit } = s
  const names = s.incompleteFiles.length > 0 ? { incomplete_files: listText(s.incompleteFiles) } : {}
  return [
    'summary',
    {
      done,
      failed,
      mismatched,
      skipped,
      dead_lettered: deadLettered,
      undecodable,
      incomplete,
      bytes: formatBytes(bytes, ''),
      seconds,
      exit,
      ...names,
    },
  ]
}
