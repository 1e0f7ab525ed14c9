/** The block at the foot of the terminal that says how a run stands; log lines scroll above it. */
import { createLogUpdate } from 'log-update'
import type { RunStats } from './events.ts'
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

export interface LiveTitle {
  readonly topic: string
  readonly group: string
  readonly threads: number
}

/** Without a title `status` is all that can be drawn. */
export function liveBlock(stream: NodeJS.WriteStream, title: LiveTitle | undefined): LiveBlock {
  const update = createLogUpdate(stream, { showCursor: true })
  let shown = ''
  const rates: { at: number; bytes: number }[] = []
  return {
    line(text) {
      update.clear()
      stream.write(text)
      if (shown !== '') update(shown)
    },
    draw(stats) {
      if (!title) return
      rates.push({ at: stats.seconds, bytes: stats.receivedBytes })
      if (rates.length > 20) rates.shift()
      shown = blockText(stats, title, recentRate(rates), stream.columns || 80)
      update(shown)
    },
    status(text) {
      shown = cut(printable(text), stream.columns || 80)
      update(shown)
    },
    end() {
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

/** At most four lines of `width` characters. */
export function blockText(stats: RunStats, title: LiveTitle, bytesPerSecond: number, width: number): string {
  const lag = stats.lag === undefined ? 'joining group' : `lag ${formatCount(stats.lag)} records`
  const lines = [
    `${title.topic} · group ${title.group} · ${title.threads} threads · ${formatClock(stats.seconds)}`,
    ` ${stats.done} done   ${stats.failed} failed   ${stats.assembling} assembling   ${stats.queued} queued   ${stats.running.length} running   ${formatBytes(bytesPerSecond)}/s   ${lag}${stats.flow === 'flow' ? '' : `   (${stats.flow})`}`,
  ]
  if (stats.progress !== undefined) {
    const full = Math.floor(stats.progress * BAR)
    lines.push(` ${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${Math.floor(stats.progress * 100)} %`)
  }
  if (stats.running.length > 0)
    lines.push(` running: ${stats.running.map(r => `${printable(r.path)} ${formatMs(r.ms)}`).join(' · ')}`)
  return lines.map(line => cut(line, width)).join('\n')
}

function cut(line: string, width: number): string {
  return line.length >= width ? `${line.slice(0, width - 2)}…` : line
}

/** A path from a message must not move the cursor. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?')
}
