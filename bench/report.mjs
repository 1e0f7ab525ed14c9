// What was measured, as text: tables of medians with their spread, ratios, targets and whether they are met.
import { median } from './lib.mjs'
import { GROWTH } from './rows.mjs'

const UNITS = { MBps: 'MB/s', files_per_s: 'files/s' }
/** Figures beside the rate that a row may have a target for. */
const NAMES = {
  rss_MB: 'peak RSS in MB',
  loop_p99_ms: 'event-loop delay p99 in ms',
  version: '--version / node -e 0',
  help: '--help / node -e 0',
  ready_ts: 'run with a .ts plugin, ready to join / node -e 0',
  ready_js: 'run with a .js plugin, ready to join / node -e 0',
  cpu_percent: 'CPU in % of a core',
  growth_MB: 'RSS at the end less RSS at the start in MB',
}
const SHOWN_ALONE = [
  'version',
  'help',
  'ready_ts',
  'ready_js',
  'cpu_percent',
  'rss_start_MB',
  'rss_middle_MB',
  'rss_end_MB',
  'growth_MB',
  'MBps',
]

/** The lines for one row on one broker. */
export function rowText({ row, broker, runs, reasons }) {
  const lines = [`${row.title}  [${row.name}, ${broker}]`]
  const names = Object.keys(runs)
  if (
    row.contenders.length === 1 &&
    names.length === 1 &&
    row.unit !== 'files_per_s' &&
    row.kind !== undefined
  ) {
    lines.push(...alone(runs[names[0]]))
  } else if (names.length > 0) lines.push(...table(row, runs))
  for (const [who, reason] of Object.entries(reasons)) lines.push(`  ${who.padEnd(22)} ${reason}`)
  for (const { what, value, bound, isMet } of verdicts(row, runs))
    lines.push(`  ${isMet ? 'met   ' : 'MISSED'}  ${what}: ${value} (target ${bound})`)
  return lines.join('\n')
}

function table(row, runs) {
  const unit = row.unit ?? 'MBps'
  const head = [
    UNITS[unit].padStart(8),
    '(min-max)'.padEnd(15),
    ' runs',
    'CPU s/GB',
    'broker',
    ' RSS MB',
    'loop p99',
    'dfsp is',
  ]
  const ours = rate(row, runs, 'dfsp')
  const lines = [`  ${''.padEnd(20)} ${head.join('  ')}`]
  for (const [who, all] of Object.entries(runs)) {
    const rates = all.map(run => rateOf(row, run))
    const gb = bytesOf(row) / 1e9
    const cells = [
      String(median(rates)).padStart(8),
      `(${Math.min(...rates)}-${Math.max(...rates)})`.padEnd(15),
      String(all.length).padStart(5),
      middle(all, 'cpu_s', cpu => (cpu / gb).toFixed(2)).padStart(8),
      middle(all, 'broker_cpu_s', cpu => (cpu / gb).toFixed(2)).padStart(6),
      middle(all, 'rss_MB', String).padStart(7),
      middle(all, 'loop_p99_ms', ms => ms.toFixed(0)).padStart(8),
      who.startsWith('dfsp') || !ours ? '' : `${(ours / rate(row, runs, who)).toFixed(2)} x`,
    ]
    lines.push(`  ${who.padEnd(20)} ${cells.join('  ')}`.trimEnd())
  }
  return lines
}

function alone(all) {
  return SHOWN_ALONE.filter(figure => all[0][figure] !== undefined).map(
    figure => `  ${(NAMES[figure] ?? figure).padEnd(52)} ${middle(all, figure, String)}`,
  )
}

/** The row's targets against what was measured. */
export function verdicts(row, runs) {
  const found = []
  const dfsp = runs.dfsp
  if (dfsp === undefined) return found
  for (const [who, atLeast] of Object.entries(row.targets ?? {})) {
    const label = labelOf(who)
    const theirs = rate(row, runs, label)
    if (!theirs) continue
    const ratio = rate(row, runs, 'dfsp') / theirs
    found.push({
      what: `dfsp / ${label}`,
      value: ratio.toFixed(2),
      bound: `>= ${atLeast}`,
      isMet: ratio >= atLeast,
    })
  }
  for (const [figure, atMost] of Object.entries(row.most ?? {})) {
    const value = median(dfsp.map(run => run[figure]))
    if (value === undefined) continue
    const bound = `<= ${Math.round(atMost * 10) / 10}`
    found.push({ what: NAMES[figure] ?? figure, value, bound, isMet: value <= atMost })
  }
  return found
}

/** The targets that span several rows. */
export function growthText(results) {
  const lines = []
  for (const broker of new Set(results.map(r => r.broker)))
    for (const { rows, figure, label, within } of GROWTH) {
      const found = rows.flatMap(name => {
        const all = results.find(r => r.row.name === name && r.broker === broker)?.runs[label]
        return all ? [[name, median(all.map(run => run[figure]))]] : []
      })
      if (found.length < 2) continue
      const values = found.map(([, value]) => value)
      const factor = Math.max(...values) / Math.min(...values)
      const shown = found.map(([name, value]) => `${name} ${value}`).join(', ')
      lines.push(
        `  ${factor <= within ? 'met   ' : 'MISSED'}  ${label}, ${UNITS[figure]}: ${shown}: factor ${factor.toFixed(2)} (target <= ${within}) [${broker}]`,
      )
    }
  return lines.length > 0 ? `growth\n${lines.join('\n')}` : ''
}

/** Median rate of a contender in the row's unit; 0 without one. */
export function rate(row, runs, label) {
  const all = runs[label]
  return all ? (median(all.map(run => rateOf(row, run))) ?? 0) : 0
}

/** The raw clients know bytes only. */
function rateOf({ unit = 'MBps', data }, run) {
  return run[unit] ?? (unit === 'files_per_s' ? Math.round((run.MBps * 1e6) / data.size) : 0)
}

function labelOf(who) {
  return (
    {
      node: 'raw client, Node',
      c: 'raw client, C',
      openmsistream: 'OpenMSIStream',
      'openmsistream-tuned': 'OpenMSIStream tuned',
      'openmsistream-upload': 'OpenMSIStream',
    }[who] ?? who
  )
}

function bytesOf({ data }) {
  return data === undefined ? Number.NaN : (data.files ?? 0) * data.size
}

function middle(all, figure, show) {
  const values = all
    .map(run => run[figure])
    .filter(value => typeof value === 'number' && !Number.isNaN(value))
  return values.length > 0 ? show(median(values)) : ''
}
