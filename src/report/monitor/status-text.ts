/** The lines that say on request how a run stands. */
import { formatBytes, formatCount, formatMs } from '../quantities.ts'
import type { FileView, RunView } from './run-view.ts'
import { sharingText } from './sharing.ts'

const LISTED = 5

export const KEYS_HELP = 'keys: c = how it stands · q = finish what runs, then quit · ? = this line'

export function statusText(view: RunView | undefined): string[] {
  if (view === undefined) return ['status: starting: it does not read yet']
  const { done, failed, seconds, memoryBytes, flow, lag } = view.stats()
  const counts = view.counts()
  const files = view.fileCounts()
  const reason = view.notReady()
  const lines = [
    `status: ${reason ?? (flow === 'flow' ? 'running' : 'reading waits for room')}`,
    `  files: ${formatCount(done)} done, ${formatCount(failed)} failed, ${formatCount(files.assembling)} assembling, ${formatCount(files.queued)} queued, ${formatCount(files.running)} running, ${formatCount(files.held)} held`,
    `  data: ${formatBytes(counts.doneBytes)} done of ${formatBytes(counts.receivedBytes)} received in ${formatMs(seconds * 1_000)}, ${formatBytes(memoryBytes)} of ${formatBytes(counts.memoryLimit)} memory used`,
    `  records: ${formatCount(counts.records)} read, ${lag === undefined ? 'lag unknown' : `${formatCount(lag)} behind`}, ${formatCount(counts.undecodable)} undecodable`,
  ]
  const sharing = view.sharing()
  if (sharing !== undefined) lines.push(`  shared: ${sharingText(sharing, 2 * LISTED)}`)
  const partitions = view.partitions()
  if (partitions.length > 0) {
    const shown = partitions
      .slice(0, 2 * LISTED)
      .map(({ partition, end, position }) => `${partition}: ${formatCount(end - position)}`)
    lines.push(`  behind by partition: ${shown.join(', ')}${more(partitions.length - shown.length)}`)
  }
  const all = [...view.files()]
  list(lines, 'running', all, 'running', f => `${f.path} ${formatMs(f.runningMs ?? 0)}`)
  list(lines, 'assembling', all, 'assembling', f => `${f.path} ${f.chunks} of ${f.total} chunks`)
  list(lines, 'held', all, 'held', f =>
    f.againMs === undefined ? f.path : `${f.path} (again in ${formatMs(f.againMs)})`,
  )
  return lines
}

function list(
  lines: string[],
  title: string,
  files: readonly FileView[],
  state: FileView['state'],
  text: (file: FileView) => string,
): void {
  const these = files.filter(file => file.state === state)
  if (these.length === 0) return
  const shown = these.sort((a, b) => b.openMs - a.openMs).slice(0, LISTED)
  lines.push(`  ${title}: ${shown.map(text).join(' · ')}${more(these.length - shown.length)}`)
}

const more = (n: number) => (n > 0 ? ` and ${formatCount(n)} more` : '')
