/**
 * One `dfsp repartition`, from the connection to the summary.
 *
 * repartition/ copies a topic whose files are scattered over its partitions into one in which each lies in one partition. It
 * knows nothing of plugins.
 */
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import { type CopyMember, openMember } from '../kafka/copying/member.ts'
import { waitForNamesake } from '../kafka/copying/namesake.ts'
import { openTransactions, type Transactions } from '../kafka/copying/transactions.ts'
import type { RepartitionEvent } from '../report/commands/repartition-report.ts'
import { exitStatus } from '../run/outcome.ts'
import type { StopSignal } from '../run/shutdown.ts'
import { copier } from './copier.ts'
import { copyCount } from './copy-count.ts'
import { type CopyTroubles, copyTroubles } from './copy-troubles.ts'
import { firstStart } from './first-start.ts'
import { allCopied } from './goal.ts'
import { type Purging, purging } from './purge.ts'
import type { CopyCounts } from './round.ts'
import { openTarget } from './target.ts'

export interface RepartitionOptions {
  readonly topic: string
  readonly target: string
  readonly member: string
  /** Of the target, where it is made. */
  readonly partitions: number | undefined
  /** Groups that have read the topic: copying begins where they stand. */
  readonly fromGroups: readonly string[]
  /** Groups that read the copy: what they have processed is deleted of it. */
  readonly purgeAfter: readonly string[]
  readonly commitEveryMs: number
  readonly untilEnd: boolean
  readonly consumerProperties: Readonly<Record<string, string>>
  readonly producerProperties: Readonly<Record<string, string>>
  /** Milliseconds between two progress events; 0 = none. */
  readonly progressMs: number
}

/** Each copy has a group of its own; names of topics have no "/". */
export function groupOf({ topic, target }: Pick<RepartitionOptions, 'topic' | 'target'>): string {
  const group = `dfsp.repartition.${topic}`
  return target === copyNameOf(topic) ? group : `${group}/${target}`
}

export function copyNameOf(topic: string): string {
  return `${topic}.by-path`
}

/** Of a process that goes on where another one stopped, since that had grown too large. */
export interface Handover {
  readonly counts: CopyCounts
  /** Since the first of them began. */
  readonly seconds: number
}

export interface RepartitionDeps {
  report(event: RepartitionEvent): void
  /** What asks to stop. */
  listen(stop: (signal: StopSignal) => void): () => void
  /** From those before. */
  readonly before?: Handover | undefined
  /** This process has grown too large: another is to go on. */
  grown(handover: Handover): Promise<void>
}

/** Resident memory; the client holds up to some 200 MB of records at full speed. */
const LARGE_BYTES = 512 * 1024 * 1024
const LOOK_EVERY_MS = 10_000

/** Copies until it is stopped, or to the end; returns the exit status. */
export async function repartition(
  options: RepartitionOptions,
  { report, listen, before, grown }: RepartitionDeps,
): Promise<number> {
  const { topic, target, untilEnd } = options
  const started = performance.now() - (before?.seconds ?? 0) * 1_000
  const info = (text: string) => report({ type: 'info', text })
  const onProblem = (text: string) => report({ type: 'problem', text })
  const properties = options.consumerProperties
  const member = await openMember(
    { topic, group: groupOf(options), name: options.member, properties },
    { onInfo: info, onProblem },
  )
  const troubles = copyTroubles(member, { topic, target, properties, onProblem })
  let signal: StopSignal | undefined
  let isReached = false
  let isLarge = false
  const stopListening = listen(given => {
    signal = given
    info(`${given}: ending the round, then stopping (again to stop at once)`)
  })
  const isOver = () => signal !== undefined || isReached || isLarge || troubles.fatal !== undefined
  const timers: NodeJS.Timeout[] = []
  let purge: Purging | undefined
  try {
    const { count, open, first, starts } = await prepared(options, { member, troubles, isOver }, report)
    const onOwned = (owned: number) => info(`copying ${owned} partitions of ${topic} to ${target}`)
    const { commitEveryMs } = options
    const deps = { topic, count, member, commitEveryMs, open, isOver, onOwned, onProblem, troubles }
    const copying = copier(deps, first, before?.counts)
    const figures = () => ({ ...copying.counts, seconds: Math.round(performance.now() - started) / 1_000 })
    const progress = () => report({ type: 'progress', progress: { ...figures(), ...copying.behind() } })
    if (options.progressMs > 0) timers.push(setInterval(progress, options.progressMs))
    timers.push(
      setInterval(() => {
        isLarge ||= process.memoryUsage.rss() > LARGE_BYTES
      }, LOOK_EVERY_MS),
    )
    if (options.purgeAfter.length > 0)
      purge = purging(member, {
        target,
        groups: options.purgeAfter,
        properties,
        isMine: () => copying.owns(starts[0]?.partition ?? 0),
        onInfo: info,
        onProblem,
      })
    const looking = untilEnd
      ? allCopied(member, starts, isOver).then(all => {
          isReached = all
        })
      : undefined
    await copying.run()
    await looking
    const error = troubles.fatal
    if (isLarge && error === undefined && signal === undefined && !isReached) {
      await grown({ counts: copying.counts, seconds: figures().seconds })
      info('this process has grown to 512 MiB, which the Kafka client does not free: another one goes on')
      return 0
    }
    const isAsAsked = isReached || (!untilEnd && signal !== 'SIGPIPE')
    const exit = exitStatus({ error, signal: isAsAsked ? undefined : signal })
    if (error !== undefined) report({ type: 'error', error })
    report({ type: 'summary', summary: { ...figures(), exit } })
    return exit
  } finally {
    for (const timer of timers) clearInterval(timer)
    stopListening()
    await purge?.end()
    await member.close()
  }
}

interface Preparing {
  readonly member: CopyMember
  readonly troubles: CopyTroubles
  isOver(): boolean
}

/** All that is there before the group is joined. Throws a DfspError. */
async function prepared(
  options: RepartitionOptions,
  { member, troubles, isOver }: Preparing,
  report: RepartitionDeps['report'],
): Promise<{
  readonly count: number
  readonly starts: readonly AssignedPartition[]
  open(): Promise<Transactions>
  readonly first: Transactions
}> {
  const { target, consumerProperties: properties } = options
  const info = (text: string) => report({ type: 'info', text })
  const onProblem = (text: string) => report({ type: 'problem', text })
  const there = await openTarget(member, { ...options, properties }, report)
  await waitForNamesake(member, info)
  const name = `${groupOf(options)}.${options.member}`
  const open = () => openTransactions(options.producerProperties, name, target, member.login)
  const first = await open()
  try {
    // An answer may have to wait for the transaction of a killed process, which the broker ends.
    const starts = await troubles.persistently(() => member.starts(member.partitions), isOver)
    const metadata = starts.map(partition => partition.metadata)
    const count = copyCount({ target, wanted: options.partitions, there, metadata }, onProblem)
    await firstStart(member, starts, { ...options, count, properties }, info)
    return { count, starts, open, first }
  } catch (error) {
    await first.close()
    throw error
  }
}
