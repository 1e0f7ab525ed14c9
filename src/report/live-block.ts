/** The block at the foot of the terminal that says how a run stands; log lines scroll above it. */

import { createLogUpdate } from 'log-update'
import { oneLine } from '../core/text/shown-text.ts'
import type { RunStats } from './events.ts'
import { sharingText } from './monitor/sharing.ts'
import type { RunIdentity } from './monitor/status.ts'
import { formatBytes, formatClock, formatCount, formatMs } from './quantities.ts'

export interface LiveBlock {
  /** Writes a line that stays, above the block. */
  line(text: string): void
  draw(stats: RunStats): void
  /** Draws one line instead. */
  status(text: string): void
  /** Takes the block away. */
  end(): void
}

export type LiveTitle = Pick<RunIdentity, 'topic' | 'group' | 'threads' | 'brokers'>

/** Without a title `status` is all that can be drawn. */
export function liveBlock(stream: NodeJS.WriteStream, title: LiveTitle | undefined): LiveBlock {
  const update = createLogUpdate(stream, { showCursor: true })
  let shown = ''
  let drawnWidth = stream.columns
  const rates: { at: number; bytes: number }[] = []
  /** The lines of a block that became wider than the terminal were wrapped by it: there are more of them now. */
  function afterResize(): void {
    if (stream.columns === drawnWidth) return
    drawnWidth = stream.columns
    if (shown === '') return
    const rows = shown
      .split('\n')
      .reduce((n, line) => n + Math.max(1, Math.ceil(widthOf(line) / drawnWidth)), 0)
    stream.write(`\u001b[${rows}F\u001b[J`)
    update.done()
  }

  return {
    line(text) {
      afterResize()
      update.clear()
      stream.write(text)
      if (shown !== '') update(shown)
    },
    draw(stats) {
      if (!title) return
      rates.push({ at: stats.seconds, bytes: stats.receivedBytes })
      if (rates.length > 20) rates.shift()
      afterResize()
      shown = blockText(stats, title, recentRate(rates), stream.columns || 80)
      update(shown)
    },
    status(text) {
      afterResize()
      shown = cut(oneLine(text), stream.columns || 80)
      update(shown)
    },
    end() {
      afterResize()
      shown = ''
      update.clear()
      update.done()
    },
  }
}

function recentRate(rates: readonly { at: number; bytes: number }[]): number {
  const [first, last] = [rates[0], rates[rates.length - 1]]
  if (!first || !last || last.at <= first.at) return 0
  return (last.bytes - first.bytes) / (last.at - first.at)
}

const BAR = 24
/** Runs of partitions, and members. */
const NAMED = 3

/** At most four lines of `width` characters, or five where the topic is shared. */
export function blockText(stats: RunStats, title: LiveTitle, bytesPerSecond: number, width: number): string {
  const { sharing } = stats
  const isIdle = sharing?.own.length === 0 && stats.lag === undefined
  const lag = isIdle
    ? 'no partition yet'
    : stats.lag === undefined
      ? 'joining group'
      : `lag ${formatCount(stats.lag)} records`
  const lines = [
    spread(
      `${title.topic} · group ${title.group} · ${title.threads} threads · ${formatClock(stats.seconds)}`,
      `broker ${shortened(title.brokers)} ${stats.broker === 'ok' ? 'ok' : 'does not answer'}`,
      width,
    ),
    ` ${stats.done} done   ${stats.failed} failed   ${stats.assembling} assembling   ${stats.queued} queued   ${stats.running.length} running   ${formatBytes(bytesPerSecond)}/s   ${lag}${stats.flow === 'flow' ? '' : `   (${stats.flow})`}`,
  ]
  if (sharing !== undefined) lines.push(` ${sharingText(sharing, NAMED)}`)
  if (stats.progress !== undefined) {
    const full = Math.floor(stats.progress * BAR)
    const left = secondsLeft(stats.progress, stats.seconds)
    lines.push(
      ` ${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${Math.floor(stats.progress * 100)} %${left === undefined ? '' : `   eta ${formatClock(left)}`}`,
    )
  }
  const now = [
    ...(stats.running.length > 0
      ? [`running: ${stats.running.map(r => `${r.path} ${formatMs(r.ms)}`).join(' · ')}`]
      : []),
    ...(stats.largest ? [`assembling: ${stats.largest.path} ${percent(stats.largest)} %`] : []),
  ]
  if (now.length > 0) lines.push(` ${now.join('   ')}`)
  return lines.map(line => cut(oneLine(line), width)).join('\n')
}

const percent = ({ chunks, total }: { chunks: number; total: number }) => Math.floor((100 * chunks) / total)

/** The first of a list, and how many more. */
function shortened(list: string): string {
  const [first = '', ...more] = list.split(',')
  return more.length === 0 ? first.trim() : `${first.trim()} +${more.length}`
}

/** `right` at the right edge where there is room for it. */
function spread(left: string, right: string, width: number): string {
  const gap = width - 1 - widthOf(left) - widthOf(right)
  return gap < 3 ? left : `${left}${' '.repeat(gap)}${right}`
}

/** As fast as until now; undefined while too little is known, and at the end. */
function secondsLeft(progress: number, seconds: number): number | undefined {
  return progress < 0.02 || progress >= 1 ? undefined : seconds * (1 / progress - 1)
}

/** In columns of the terminal, as near as a table of ranges comes: East Asian letters and pictures take two. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]/u

function widthOf(text: string): number {
  let width = 0
  for (const letter of text) width += WIDE.test(letter) ? 2 : 1
  return width
}

function cut(line: string, width: number): string {
  if (widthOf(line) < width) return line
  let kept = ''
  let columns = 0
  for (const letter of line) {
    columns += WIDE.test(letter) ? 2 : 1
    if (columns > width - 2) break
    kept += letter
  }
  return `${kept}…`
}
