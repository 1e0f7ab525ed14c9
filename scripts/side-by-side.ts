/**
 * `node --import tsx scripts/side-by-side.ts [--rounds N]`: dfsp and OpenMSIStream's DataFileStreamProcessor read one
 * topic, each in its own group, while its files arrive. Both are killed with kill -9 at the same moments and started
 * again at once: in an empty folder, as on another host, and in a second series in the folder of before. Then the files
 * are counted that were lost or repeated.
 */
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { pause } from '../test/chaos/member.ts'
import { type Guarded, startGuarded } from '../test/support/guarded.ts'
import { startKafka } from '../test/support/kafka.ts'
import { openMSIStreamBin } from '../test/support/openmsistream-venv.ts'
import { createTopic } from '../test/support/topics.ts'

const FILES = 500
const PARTITIONS = 8
const CHUNK = 8_192
const KILLS = 3
/** Nearer to librdkafka's 45 s than dfsp's 10: OpenMSIStream's heartbeats wait behind its commits of every record. */
const SESSION_MS = 30_000
/** Both stand still for this long: it is over. Longer than a killed member holds its partitions. */
const QUIET_MS = 40_000
/** One that never stands still is stopped after so long, when every file has had its chance. */
const MOST_QUIETS = 4

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } })
const local = (path: string) => fileURLToPath(import.meta.resolve(path))
const bin = await openMSIStreamBin()
process.env.DFSP_TEST_OPENMSISTREAM = bin
const { configText, uploadFolder } = await import('../test/support/openmsistream.ts')
const kafka = await startKafka()
const folder = fs.mkdtempSync(join(tmpdir(), 'dfsp-side-by-side-'))
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))

type Side = { name: string; calls: string; start(host: string): Promise<Guarded> }
type Count = { lost: number; repeated: number }

const HOSTS = { other: 'another host', same: 'the same host' } as const
type Host = keyof typeof HOSTS

const results = new Map<string, Count[]>()
for (const host of Object.keys(HOSTS) as Host[])
  for (let round = 1; round <= Number(values.rounds); round++)
    for (const [name, count] of await playRound(`${host}-${round}`, host)) {
      const row = `${name}, ${HOSTS[host]}`
      results.set(row, [...(results.get(row) ?? []), count])
      console.error(`round ${round}: ${row}: lost ${count.lost}, repeated ${count.repeated}`)
    }
await kafka.end()
console.log(`| ${FILES} files, ${KILLS} times kill -9 | lost | processed more than once |`)
console.log('|---|---|---|')
for (const [row, counts] of results) {
  const cell = (of: (count: Count) => number) => `${median(counts.map(of))} (${counts.map(of).join(', ')})`
  console.log(`| ${row} | ${cell(c => c.lost)} | ${cell(c => c.repeated)} |`)
}
process.exit(0)

async function playRound(topic: string, host: Host): Promise<[string, Count][]> {
  await createTopic(kafka.brokers, topic, PARTITIONS)
  const sides = [dfsp(topic, host), peer(topic)]
  const folderOf = (side: Side, start: number) =>
    join(folder, topic, `${side.name}-${host === 'same' ? 0 : start}`)
  for (const side of sides) fs.writeFileSync(side.calls, '')
  const source = join(folder, topic, 'source')
  const paths = makeFiles(source)
  let running = await Promise.all(sides.map(side => side.start(folderOf(side, 0))))
  const batches = fs.readdirSync(source)
  const share = Math.ceil(batches.length / (KILLS + 1))
  let sending = send(source, batches.slice(0, share), topic)
  for (let kill = 1; kill <= KILLS; kill++) {
    // While both are at work.
    const before = sides.map(side => done(side).length)
    await until(
      () => sides.every((side, i) => done(side).length >= (before[i] as number) + 30),
      2 * SESSION_MS,
    )
    await Promise.all(running.map(side => side.stop('SIGKILL')))
    running = await Promise.all(sides.map(side => side.start(folderOf(side, kill))))
    await sending
    sending = send(source, batches.slice(kill * share, (kill + 1) * share), topic)
  }
  await sending
  await quiet(sides)
  await Promise.all(running.map(side => side.stop('SIGKILL')))
  return sides.map(side => {
    const times = new Map<string, number>(paths.map(path => [path, 0]))
    for (const path of done(side)) times.set(path, (times.get(path) ?? 0) + 1)
    const counts = [...times.values()]
    return [
      side.name,
      { lost: counts.filter(n => n === 0).length, repeated: counts.filter(n => n > 1).length },
    ]
  })
}

/** Files of 1 to 200 KB, in ten batches: some are half there at any moment. */
function makeFiles(source: string): string[] {
  return Array.from({ length: FILES }, (_, i) => {
    const batch = join(source, String(i % 10), `batch${i % 10}`)
    fs.mkdirSync(batch, { recursive: true })
    fs.writeFileSync(join(batch, `f${i}.dat`), randomBytes(1_000 + ((i * 7_919) % 199_000)))
    return `batch${i % 10}/f${i}.dat`
  })
}

async function send(source: string, batches: readonly string[], topic: string): Promise<void> {
  for (const batch of batches) {
    await uploadFolder(join(source, batch), { brokers: kafka.brokers, topic, chunkSize: CHUNK })
    await pause(500)
  }
}

function dfsp(topic: string, host: Host): Side {
  const calls = join(folder, `${topic}-dfsp`)
  const args = [local('../bin/dfsp.js'), 'run', '-p', local('../test/chaos/noting.mjs'), '-b', kafka.brokers]
  args.push('-t', topic, '-g', 'dfsp', '-X', `session.timeout.ms=${SESSION_MS}`, '-q')
  if (host === 'same') args.push('--journal')
  return {
    name: host === 'same' ? 'dfsp --journal' : 'dfsp',
    calls,
    start: to => start(to, process.execPath, [...args, '-o', to], calls),
  }
}

function peer(topic: string): Side {
  const calls = join(folder, `${topic}-openmsistream`)
  const config = join(folder, `${topic}.config`)
  const text = configText(kafka.brokers)
  fs.writeFileSync(config, text.replace('[consumer]', `[consumer]\nsession.timeout.ms = ${SESSION_MS}`))
  return {
    name: 'OpenMSIStream 1.8.8',
    calls,
    start: host =>
      start(
        host,
        join(bin, 'python'),
        [local('../test/chaos/peer.py'), config, topic, 'peer', host, calls],
        calls,
      ),
  }
}

function start(host: string, command: string, args: readonly string[], calls: string): Promise<Guarded> {
  fs.mkdirSync(host, { recursive: true })
  const output = fs.openSync(`${host}.log`, 'a')
  return startGuarded(command, args, { output, env: { ...process.env, CALLS: calls } })
}

function done(side: Side): string[] {
  return fs.readFileSync(side.calls, 'utf8').split('\n').slice(0, -1)
}

async function until(reached: () => boolean, ms: number): Promise<void> {
  const deadline = performance.now() + ms
  while (!reached()) {
    if (performance.now() > deadline) return // one that stands still is killed all the same
    await pause(50)
  }
}

async function quiet(sides: readonly Side[]): Promise<void> {
  for (let before = -1, now = 0, i = 0; before !== now && i < MOST_QUIETS; i++) {
    before = now
    await pause(QUIET_MS)
    now = sides.reduce((n, side) => n + done(side).length, 0)
  }
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
