/**
 * `npm run test:hostile [-- --set TEXT] [--runs N]`: sends sets of records that are made to be expensive through whole
 * calls of dfsp on a real broker, each at n and at 4n. It fails where 4n cost more than six times n, where the event
 * loop was held for more than 200 ms (what an idle server was late at the same time is left out), or where memory passed 250 MB + 1.2 x --memory. Medians of three runs.
 */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Kafka, startKafka } from '../support/kafka.ts'
import { freePorts } from '../support/ports.ts'
import { noSmallDisk, type SmallDisk, smallDisk } from '../support/small-disk.ts'
import { createTopic, produceRaw } from '../support/topics.ts'
import { type Cost, measured } from './measure.ts'
import { type HostileSet, SETS } from './sets.ts'

const TIMES = 4
const MOST_RATIO = 6
const MOST_HELD_MS = 200
const BASE_BYTES = 250e6
const BUDGET_FACTOR = 1.2
const DEFAULT_BUDGET = 512 * 2 ** 20
/** What a full disk has room for: the start, and little more. */
const LEFT_BYTES = 256 * 1024
/** CPU below which a difference says nothing. */
const LEAST_CPU_SECONDS = 0.3

const { values } = parseArgs({ options: { set: { type: 'string' }, runs: { type: 'string', default: '3' } } })
const runs = Number(values.runs)
const sets = SETS.filter(({ name }) => name.includes(values.set ?? ''))
const plugin = fileURLToPath(new URL('plugin.mjs', import.meta.url))
const folder = fs.mkdtempSync(join(tmpdir(), 'dfsp-hostile-'))
const kafka: Kafka = await startKafka()
let topics = 0
let failed = 0
process.exitCode = 1
try {
  const empty = await costOf('nothing', await topicOf([]), ['run'], {})
  const emptyList = await costOf('nothing', await topicOf([]), ['ls'], {})
  for (const set of sets) await judge(set, empty, emptyList)
  console.log(`${sets.length - failed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
} finally {
  await kafka.end()
  fs.rmSync(folder, { recursive: true, force: true })
}

async function topicOf(records: ReturnType<HostileSet['records']>): Promise<string> {
  const topic = `hostile-${++topics}`
  await createTopic(kafka.brokers, topic, 2)
  await produceRaw(kafka.brokers, topic, records, {
    properties: { 'queue.buffering.max.messages': 1_000_000, 'linger.ms': 50 },
  })
  return topic
}

async function judge(set: HostileSet, empty: Cost, emptyList: Cost): Promise<void> {
  if (set.fullDisk && noSmallDisk) return console.log(`skipped: ${set.name}: ${noSmallDisk}`)
  const few = await topicOf(set.records(set.n))
  const many = await topicOf(set.records(set.n * TIMES))
  const wrong: string[] = []
  for (const command of [['run'], ...(set.alsoBy ?? [])]) {
    const [small, large] = [
      await costOf(set.name, few, command, set),
      await costOf(set.name, many, command, set),
    ]
    wrong.push(...complaints(set, command, small, large, command[0] === 'run' ? empty : emptyList))
  }
  if (wrong.length > 0) failed++
  for (const text of wrong) console.log(`FAILED: ${set.name}: ${text}`)
}

function complaints(
  { args = [], name, n }: HostileSet,
  command: readonly string[],
  small: Cost,
  large: Cost,
  empty: Cost,
): string[] {
  const own = (cost: Cost) => Math.max(LEAST_CPU_SECONDS, cost.cpuSeconds - empty.cpuSeconds)
  const ratio = own(large) / own(small)
  const budget = budgetOf(args)
  const mostBytes = BASE_BYTES + BUDGET_FACTOR * budget
  const shown = `${command.join(' ')}: n ${n}: ${shownCost(small)}; 4n: ${shownCost(large)}; ${ratio.toFixed(1)} x`
  console.log(`${name}: ${shown}`)
  const wrong: string[] = []
  if (ratio > MOST_RATIO) wrong.push(`4n cost ${ratio.toFixed(1)} x n: ${shown}`)
  const heldMs = Math.max(small.heldMs - small.lateMs, large.heldMs - large.lateMs)
  if (heldMs > MOST_HELD_MS) wrong.push(`the event loop was held for ${heldMs.toFixed(0)} ms`)
  if (command[0] === 'run' && large.rssBytes > mostBytes)
    wrong.push(
      `${(large.rssBytes / 1e6).toFixed(0)} MB of memory, ${(mostBytes / 1e6).toFixed(0)} are allowed`,
    )
  for (const { code, stderr } of [small, large])
    if (code === null || code === 1) wrong.push(`it ended with ${code}: ${stderr.slice(-500)}`)
  return wrong
}

function shownCost({ cpuSeconds, heldMs, lateMs, rssBytes, seconds, code }: Cost): string {
  return `${cpuSeconds.toFixed(2)} s CPU, ${seconds.toFixed(1)} s, held ${heldMs.toFixed(0)} (idle: ${lateMs.toFixed(0)}) ms, ${(rssBytes / 1e6).toFixed(0)} MB, exit ${code}`
}

function budgetOf(args: readonly string[]): number {
  const given = args[args.indexOf('--memory') + 1]
  return args.includes('--memory') ? Number.parseInt(given as string, 10) * 2 ** 20 : DEFAULT_BUDGET
}

/** The medians of the runs. */
async function costOf(
  name: string,
  topic: string,
  command: readonly string[],
  { args = [], fullDisk }: Partial<HostileSet>,
): Promise<Cost> {
  const costs: Cost[] = []
  for (let run = 0; run < runs; run++) {
    const output = fs.mkdtempSync(join(folder, 'output-'))
    let disk: SmallDisk | undefined
    if (fullDisk) {
      disk = smallDisk(1024 * 1024)
      disk.fill(LEFT_BYTES)
    }
    const [port] = (await freePorts(1)) as [number]
    const shared = ['-b', kafka.brokers, '-t', topic, '--quiet']
    const [verb = '', ...rest] = command
    if (verb === 'run') {
      const own = [
        '-p',
        plugin,
        '-g',
        `g-${topic}-${run}-${name.length}`,
        '--until-end',
        '--http',
        String(port),
      ]
      costs.push(await measured([verb, ...shared, ...own, '-o', disk?.folder ?? output, ...args], port))
    } else if (verb === 'get') costs.push(await measured([verb, ...rest, ...shared, '-o', output]))
    else costs.push(await measured([verb, ...rest, ...shared]))
    disk?.end()
    fs.rmSync(output, { recursive: true, force: true })
  }
  const median = (of: (cost: Cost) => number) =>
    costs.map(of).sort((a, b) => a - b)[costs.length >> 1] as number
  return {
    ...(costs[0] as Cost),
    cpuSeconds: median(cost => cost.cpuSeconds),
    heldMs: median(cost => cost.heldMs),
    lateMs: median(cost => cost.lateMs),
    rssBytes: median(cost => cost.rssBytes),
    seconds: median(cost => cost.seconds),
  }
}
