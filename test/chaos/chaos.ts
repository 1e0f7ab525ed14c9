/**
 * One chaos run: a broker of its own, a topic that is filled all the while, and one consumer group whose members are
 * killed, frozen, doubled and cut off at random moments; then quiet, and the verdict. With more than one host they share
 * the topic.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { random as seeded } from '../core/random.ts'
import { type Kafka, startKafka } from '../support/kafka.ts'
import { createTopic, endOffsets, readAll, readCommitted } from '../support/topics.ts'
import { openCalls } from './calls.ts'
import { type Member, pause, startMember } from './member.ts'
import { readTopicIndex } from './topic-index.ts'
import { type SentFile, uploads } from './uploads.ts'
import { type Snapshot, type Verdict, verdict } from './verdict.ts'

const PLUGIN = fileURLToPath(import.meta.resolve('./plugin.mjs'))
const TOPIC = 'chaos'
const LETTERS = 'chaos-letters'
const PARTITIONS = 12
const MOST_BAD = 4
/** Files sent and not yet processed, beyond which sending waits. */
const BACKLOG = 400
/** Ends that a member may come to by itself: stopped, held files, broker or group not there, killed. */
const EXPECTED = [0, 3, 69, 75, 130, 143]
/** How the group is led, by seed. A session of 1.5 s: the next member need not wait longer for a killed one. */
const SESSION_MS = 1_500
const CLASSIC = [`session.timeout.ms=${SESSION_MS}`, 'heartbeat.interval.ms=300']
const PROTOCOLS = [
  { name: 'eager', properties: CLASSIC },
  { name: 'cooperative', properties: [...CLASSIC, 'partition.assignment.strategy=cooperative-sticky'] },
  { name: 'KIP-848', properties: ['group.protocol=consumer'] },
] as const
const POINTS = ['before-commit', 'commit-sent', 'after-commit']

export type ChaosResult = Verdict & {
  files: number
  records: number
  bytes: number
  /** What was done to the members, and how often. */
  actions: Readonly<Record<string, number>>
  seconds: number
}

/** Throws when it cannot be carried out; what dfsp broke stands in the result. `tell` hears of the progress. */
export async function chaos(
  { seconds, seed, folder, hosts }: { seconds: number; seed: number; folder: string; hosts: number },
  tell: (text: string) => void,
): Promise<ChaosResult> {
  const began = performance.now()
  const kafka = await startKafka({ properties: { 'group.consumer.session.timeout.ms': SESSION_MS } })
  try {
    await createTopic(kafka.brokers, TOPIC, PARTITIONS)
    const run = chaosRun(kafka, seed, folder, hosts, tell)
    const deadline = performance.now() + seconds * 1_000
    const sending = run.send(deadline)
    sending.catch(() => {}) // is heard of below
    await Promise.all(Array.from({ length: hosts }, async (_, slot) => await run.disturb(deadline, slot)))
    await sending
    const settled = await run.settle()
    const index = await readTopicIndex(kafka.brokers, TOPIC)
    const found = verdict(run.files, run.calls(), index, run.snapshots, run.givenUp(), run.gone)
    return {
      ...found,
      broken: [...run.broken, ...settled, ...found.broken],
      files: run.files.size,
      records: index.owners.reduce((n, owners) => n + owners.length, 0),
      bytes: [...run.files.values()].reduce((n, file) => n + file.bytes, 0),
      actions: run.actions,
      seconds: Math.round((performance.now() - began) / 1_000),
    }
  } finally {
    await kafka.end()
  }
}

function chaosRun(kafka: Kafka, seed: number, folder: string, hosts: number, tell: (text: string) => void) {
  const shared = hosts > 1
  const random = seeded(seed)
  const calls = openCalls(join(folder, 'calls'))
  const snapshots: Snapshot[] = []
  const frozen = new Set<number>()
  const gone = new Map<number, number>()
  const logs = new Map<number, string>()
  const broken: string[] = []
  const actions: Record<string, number> = {}
  const exclusive = mutex()
  const protocols = PROTOCOLS.filter(({ name }) => !shared || name !== 'eager')
  const protocol = protocols[seed % (protocols.length + (shared ? 1 : 0))]
  const areNamed = shared && random(2) === 0
  tell(`group protocol: ${protocol?.name ?? 'mixed'}${areNamed ? ', members keep their names' : ''}`)
  const sent = uploads(
    { brokers: kafka.brokers, topic: TOPIC, folder },
    seeded(seed + 1),
    exclusive,
    MOST_BAD,
    shared,
  )
  let members = 0
  let host = join(folder, 'host-0')

  const between = (from: number, to: number) => from + random(to - from)
  const count = (action: string) => {
    actions[action] = (actions[action] ?? 0) + 1
  }

  /** Half of them begin in an empty folder, as on another host. */
  function start(faults: boolean, more: readonly string[] = []): Member {
    const { properties } = protocol ?? (protocols[random(protocols.length)] as (typeof PROTOCOLS)[number])
    members++
    // Each of several hosts has a folder of its own.
    if (shared || random(2) === 0) host = join(folder, `host-${members}`)
    const fault = faults && random(4) === 0 ? `${POINTS[random(POINTS.length)]}:${1 + random(4)}` : ''
    if (fault) count(`fault point ${fault.split(':')[0]}`)
    const args = ['run', '-p', PLUGIN, '-b', kafka.brokers, '-t', TOPIC, '-g', 'chaos', '-o', host]
    args.push('--threads', '3', '--memory', '16MiB', '--timeout', '2s', '--incomplete-after', '1h', '-v')
    args.push('--log-file', join(host, 'log'), ...properties.flatMap(property => ['-X', property]))
    if (shared) args.push('--shared')
    if (random(3) === 0) args.push('--journal')
    if (random(3) === 0) args.push('--mode', 'both')
    const env = {
      ...process.env,
      CHAOS_CALLS: calls.file,
      CHAOS_FAULTS: faults ? '1' : '0',
      DFSP_FAULT: fault,
    }
    const member = startMember([...args, ...more], env, join(folder, `member-${members}.log`))
    logs.set(member.pid, member.log)
    void member.exited.then(() => gone.set(member.pid, calls.now()))
    return member
  }

  /** What a process runs that the group gave up counts for nothing. */
  function givenUp(): ReadonlySet<number> {
    const said = [...logs].filter(([, log]) => /has given this process up/.test(fs.readFileSync(log, 'utf8')))
    return new Set([...frozen, ...said.map(([pid]) => pid)])
  }

  /** A broker that is being restarted cannot be asked: then there is no snapshot. */
  async function snapshot(): Promise<void> {
    const committed = await readCommitted(kafka.brokers, 'chaos', TOPIC).catch(() => undefined)
    if (committed?.length === PARTITIONS) snapshots.push({ at: calls.now(), committed })
  }

  function judgeEnd(member: Member): void {
    const { code, signal } = member.ended ?? { code: null, signal: null }
    // Without a handler yet, or by its second signal, SIGTERM ends it.
    if (signal === 'SIGKILL' || signal === 'SIGTERM' || (code !== null && EXPECTED.includes(code))) return
    broken.push(`a member ended with ${signal ?? code}: see ${member.log}`)
  }

  async function end(member: Member, signal: NodeJS.Signals): Promise<void> {
    member.kill(signal)
    if (!(await member.end(40_000))) {
      broken.push(`a member did not end within 40 s of ${signal}: see ${member.log}`)
      member.kill('SIGKILL')
      await member.end(5_000)
    }
    judgeEnd(member)
  }

  /** Something happens to the member; false when it is not alive afterwards. */
  async function disturbOnce(member: Member): Promise<void> {
    const kind = random(100)
    if (kind < (shared ? 35 : 55)) {
      count('SIGKILL')
      await end(member, 'SIGKILL')
    } else if (kind < 65) {
      count('SIGTERM')
      await end(member, 'SIGTERM')
    } else if (kind < 80) {
      member.kill('SIGSTOP')
      if (random(2) === 0) {
        count('frozen, another took over')
        frozen.add(member.pid)
        await visit(between(2_000, 6_000))
      } else {
        count('frozen')
        await pause(between(200, 2_500))
        frozen.add(member.pid) // longer than its session, perhaps
      }
      member.kill('SIGCONT')
    } else if (kind < 93) {
      count('a second member')
      await visit(between(300, 5_000))
    } else {
      const how = random(2) === 0 ? 'killed' : 'stopped'
      count(`broker ${how}`)
      await exclusive(async () => {
        await (how === 'killed' ? kafka.kill() : kafka.stop())
        await pause(between(100, 4_000))
        await kafka.start()
      })
    }
  }

  /** A second member comes, and goes by itself or is killed. */
  async function visit(ms: number): Promise<void> {
    const other = start(true)
    if (!(await other.end(ms))) other.kill('SIGKILL')
    await other.end(5_000)
    judgeEnd(other)
  }

  return {
    files: sent.files as ReadonlyMap<string, SentFile>,
    calls: calls.all,
    snapshots,
    givenUp,
    gone: gone as ReadonlyMap<number, number>,
    broken,
    actions,

    async send(deadline: number): Promise<void> {
      while (performance.now() < deadline) {
        const done = new Set(calls.all().flatMap(({ what, path }) => (what === 'ok' ? [path] : [])))
        if (sent.files.size - done.size < BACKLOG) await sent.round()
        else await pause(500)
      }
    },

    async disturb(deadline: number, slot: number): Promise<void> {
      const name = areNamed ? ['--member', `slot-${slot}`] : []
      let told = performance.now()
      while (performance.now() < deadline) {
        const member = start(true, name)
        // Mostly it is met at work, else while it starts.
        if (random(5) > 0) await member.says(/reading \d+ partitions|waiting for one/, 15_000)
        while (!member.ended && performance.now() < deadline) {
          await member.end(between(200, 2_000))
          if (member.ended) count(endedHow(member))
          else await disturbOnce(member)
          await snapshot()
        }
        if (!member.ended) await end(member, 'SIGKILL')
        judgeEnd(member)
        await snapshot()
        if (performance.now() - told < 10_000) continue
        told = performance.now()
        const ok = calls.all().filter(({ what }) => what === 'ok').length
        tell(`${members} members, ${sent.files.size} files sent, ${ok} processed`)
      }
    },

    /** No more faults: runs until all is done. Returns what is not as it should be then. */
    async settle(): Promise<string[]> {
      tell('no more faults: running until all is done')
      await createTopic(kafka.brokers, LETTERS, 1)
      const finish = ['--until-end', '--retries', '0', '--on-error', 'dlq', '--dlq', LETTERS]
      const good = [...sent.files.values()].filter(file => !file.isBad)
      for (let tries = 1; ; tries++) {
        const member = start(false, finish)
        if (!(await member.end(300_000))) member.kill('SIGSTOP')
        await snapshot()
        const done = new Set(calls.all().flatMap(({ what, path }) => (what === 'ok' ? [path] : [])))
        const missing = good.filter(file => !done.has(file.path))
        const code = member.ended?.code
        if (missing.length === 0 && (code === 0 || code === 3)) break
        if (code !== undefined && code !== 0 && code !== 3 && tries < 5) continue
        const why = code === undefined ? 'is at it for 5 minutes' : `ended with ${code}`
        member.kill('SIGKILL')
        return [`the last run ${why}, ${missing.length} files are missing: see ${member.log}`]
      }
      return [...(await unresolvedAtEnd()), ...(await missingLetters())]
    },
  }

  /** With everything done and the bad files dead-lettered, nothing holds an offset. */
  async function unresolvedAtEnd(): Promise<string[]> {
    const ends = await endOffsets(kafka.brokers, TOPIC)
    const index = await readTopicIndex(kafka.brokers, TOPIC)
    const committed = await readCommitted(kafka.brokers, 'chaos', TOPIC)
    return committed.flatMap(({ partition, offset = 0 }) => {
      if (offset === ends[partition]) return []
      const path = index.owners[partition]?.[offset]
      return [
        `partition ${partition} stands at ${offset} of ${ends[partition]}: there lies ${path}, which is finished`,
      ]
    })
  }

  async function missingLetters(): Promise<string[]> {
    const letters = (await readAll(kafka.brokers, LETTERS)).map(({ value }) => String(value))
    const bad = [...sent.files.values()].filter(file => file.isBad)
    return bad
      .filter(({ path }) => !letters.some(letter => letter.includes(path)))
      .map(({ path }) => `${path} was given up and has no dead letter`)
  }
}

function endedHow({ ended }: Member): string {
  return ended?.signal === 'SIGKILL' ? 'killed at a fault point' : `ended by itself with ${ended?.code}`
}

/** Lets one piece of work at a time run, in order. */
function mutex(): (work: () => Promise<unknown>) => Promise<void> {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const mine = last.then(work)
    last = mine.catch(() => {})
    return mine.then(() => {})
  }
}
