// `npm run bench`: dfsp beside a yardstick (the same steps without any safety), the raw client and OpenMSIStream, on brokers
// that it starts itself. Prints medians with their spread, ratios and targets; keeps them in bench/results.json (ignored by
// git), beside those of other rows that were measured before.
//
//   npm run bench [-- FLAGS]
//     --list            the rows, and what they measure
//     --rows NAME,..    only these
//     --all             also the row of 4 GB and the hour of steady load
//     --quick           the main rows, fewer runs: a minute on the memory broker, two with --broker kafka
//     --broker NAME     memory or kafka instead of both
//     --runs N          runs of each contender after a warm-up (5)
//     --limit SECONDS   longest time for one run (120)
//     --seconds N       of the steady load instead of an hour
//     --print           what was measured last, without measuring
//     --chart FILE      draws what was measured as SVG
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startBroker } from './brokers.mjs'
import { CONTENDERS, fill, TooLong } from './contenders.mjs'
import { growthText, rowText } from './report.mjs'
import { ROWS } from './rows.mjs'

const { values } = parseArgs({
  options: {
    list: { type: 'boolean' },
    rows: { type: 'string' },
    all: { type: 'boolean' },
    quick: { type: 'boolean' },
    broker: { type: 'string' },
    runs: { type: 'string' },
    limit: { type: 'string' },
    seconds: { type: 'string' },
    print: { type: 'boolean' },
    chart: { type: 'string' },
  },
})
const here = path.dirname(fileURLToPath(import.meta.url))
const file = path.join(here, 'results.json')
const quick = values.quick === true
const wantedRuns = Number(values.runs ?? (quick ? 2 : 5))
const limitMs = 1000 * Number(values.limit ?? (quick ? 20 : 120))
/** One that takes this long is run once, without a warm-up. */
const SLOW_MS = 20_000
const PEER_RUNS = quick ? 1 : 3
/** It waits for the commit of each record, which the one thread of the memory broker answers after the fetches before it. */
const SLOW_ON_MEMORY = 'left out, as the memory broker holds it up: --quick --broker kafka has it'
/** --quick gives no further run to peers after this time. */
const QUICK_MS = 80_000

if (values.broker !== undefined && !['memory', 'kafka'].includes(values.broker))
  refuse(`--broker is memory or kafka, not ${values.broker}`)

const began = performance.now()
if (values.list) say(ROWS.map(listed).join('\n'))
else if (values.print) print(shown())
else await measure()
if (values.chart) {
  const { chartSvg } = await import('./chart.mjs')
  fs.writeFileSync(values.chart, chartSvg(shown()))
}

async function measure() {
  say(`${os.cpus()[0]?.model}, ${os.availableParallelism()} cores, Node ${process.versions.node}`)
  const results = []
  for (const row of chosenRows())
    for (const broker of brokersOf(row)) {
      const result = await measured(row, broker)
      results.push(result)
      say(`\n${rowText(result)}`)
      save(result)
    }
  const growth = growthText(results)
  if (growth !== '') say(`\n${growth}`)
}

/** All contenders of a row in turn, round by round. */
async function measured(row, kind) {
  const result = { row, broker: kind, at: new Date().toISOString(), runs: {}, reasons: {} }
  const topic = `bench-${row.name}`
  let broker
  try {
    const memoryMB = row.kind === 'steady' ? 64 : 8192
    broker = await startBroker(kind, topic, row.data?.partitions ?? 8, { memoryMB })
    if (row.kind === undefined) await fill({ broker, topic, row, limitMs: 300_000 })
    await rounds(result, { broker, topic, row, quick, seconds: values.seconds && Number(values.seconds) })
  } catch (error) {
    result.reasons['this row'] = `was not run: ${error.message}`
  } finally {
    await broker?.end()
  }
  return result
}

async function rounds({ row, broker: kind, runs, reasons }, at) {
  let left = row.contenders.map(entry => {
    const {
      who,
      flags = [],
      plugin,
      label = CONTENDERS[who].label,
    } = typeof entry === 'string' ? { who: entry } : entry
    return { ...CONTENDERS[who], label, flags, plugin, wanted: wantedFor(CONTENDERS[who]) }
  })
  for (const { label, isPeer, missing } of left) {
    const reason = missing?.() ?? (quick && isPeer && kind === 'memory' ? SLOW_ON_MEMORY : undefined)
    if (reason !== undefined) reasons[label] = reason
  }
  left = left.filter(({ label }) => reasons[label] === undefined)
  for (let round = 0; left.length > 0; round++) {
    for (const contender of left) {
      const { label, flags, plugin, isPeer, once } = contender
      if (quick && isPeer && performance.now() - began > QUICK_MS) {
        contender.wanted = 0
        reasons[label] ??= 'left out: --quick is to end within two minutes'
        continue
      }
      process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${row.name}: ${label}, run ${round}` : '')
      const started = performance.now()
      try {
        const ownLimitMs = once ? 7_200_000 : limitMs
        const figures = await contender.run({ ...at, flags: flags.map(String), plugin, limitMs: ownLimitMs })
        const isSlow = performance.now() - started > SLOW_MS
        // The first is a warm-up, where there are to be more of them.
        if (round > 0 || isSlow || contender.wanted === 1) {
          runs[label] ??= []
          runs[label].push(figures)
        }
        if (isSlow) contender.wanted = 0
      } catch (error) {
        contender.wanted = 0
        reasons[label] = error instanceof TooLong ? `> ${limitMs / 1000} s` : `failed: ${error.message}`
      }
    }
    left = left.filter(({ label, wanted }) => (runs[label]?.length ?? 0) < wanted)
  }
  process.stderr.write(process.stderr.isTTY ? '\r\x1b[K' : '')
}

function wantedFor({ isPeer, once }) {
  if (once) return 1
  return isPeer ? Math.min(PEER_RUNS, wantedRuns) : wantedRuns
}

function chosenRows() {
  if (values.rows === undefined) return ROWS.filter(row => (quick ? row.quick : values.all || !row.rare))
  return values.rows.split(',').map(name => {
    const row = ROWS.find(r => r.name === name)
    if (row === undefined) refuse(`there is no row ${name}: --list shows them`)
    return row
  })
}

function brokersOf({ on = ['memory', 'kafka'] }) {
  if (values.broker !== undefined) return on.filter(kind => kind === values.broker)
  return quick ? ['memory'] : on
}

function listed({ name, title, on = ['memory', 'kafka'], rare }) {
  return `  ${name.padEnd(14)} ${title} [${on.join(', ')}${rare ? '; only by name or with --all' : ''}]`
}

/** What was measured, in the order of the rows. */
function saved() {
  const found = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : []
  const place = ({ row, broker }) =>
    2 * ROWS.findIndex(({ name }) => name === row.name) + (broker === 'kafka' ? 1 : 0)
  return found.sort((a, b) => place(a) - place(b))
}

/** Of that what --rows names. */
function shown() {
  const names = values.rows?.split(',')
  return saved().filter(({ row }) => names === undefined || names.includes(row.name))
}

function save(result) {
  const isSame = other => other.row.name === result.row.name && other.broker === result.broker
  fs.writeFileSync(file, JSON.stringify([...saved().filter(other => !isSame(other)), result], null, 2))
}

function print(results) {
  for (const result of results) say(`${rowText(result)}\n`)
  say(growthText(results))
}

function say(text) {
  console.log(text)
}

function refuse(text) {
  console.error(`bench: ${text}`)
  process.exit(2)
}
