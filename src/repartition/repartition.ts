/**
 * One `dfsp repartition`, from the connection to the summary.
 *
 * repartition/ copies a topic whose files are scattered over its partitions into one in which each lies in one partition. It
 * knows nothing of plugins.
 */
import { DfspError } from '../base/errors.ts'
import { openMember } from '../kafka/copying/member.ts'
import { waitForNamesake } from '../kafka/copying/namesake.ts'
import { openTransactions } from '../kafka/copying/transactions.ts'
import type { RepartitionEvent } from '../report/commands/repartition-report.ts'
import { exitStatus } from '../run/outcome.ts'
import { onStopSignal, type StopSignal } from '../run/shutdown.ts'
import { copier } from './copier.ts'
import { copyCount } from './copy-count.ts'
import { copyTroubles } from './copy-troubles.ts'
import { allCopied } from './goal.ts'
import { openTarget } from './target.ts'

export interface RepartitionOptions {
  readonly topic: string
  readonly target: string
  readonly member: string
  /** Of the target, where it is made. */
  readonly partitions: number | undefined
  readonly commitEveryMs: number
  readonly untilEnd: boolean
  readonly consumerProperties: Readonly<Record<string, string>>
  readonly producerProperties: Readonly<Record<string, string>>
  /** Milliseconds between two progress events; 0 = none. */
  readonly progressMs: number
}

export interface Ended {
  readonly exit: number
  readonly error: DfspError | undefined
}

export function groupOf(topic: string): string {
  return `dfsp.repartition.${topic}`
}

/** Copies until it is stopped, or to the end; returns the exit status. */
export async function repartition(
  options: RepartitionOptions,
  report: (event: RepartitionEvent) => void,
): Promise<Ended> {
  const { topic, target } = options
  if (topic === target)
    throw new DfspError('E_USAGE', `${topic} cannot be copied into itself`, { next: `--to ${topic}.by-path` })
  const started = performance.now()
  const info = (text: string) => report({ type: 'info', text })
  const onProblem = (text: string) => report({ type: 'problem', text })
  const properties = options.consumerProperties
  const group = groupOf(topic)
  const member = await openMember({ topic, group, name: options.member, properties }, info)
  const troubles = copyTroubles(member, { topic, target, properties, onProblem })
  let signal: StopSignal | undefined
  let isReached = false
  const stopListening = onStopSignal(given => {
    signal = given
    info(`${given}: ending the round, then stopping (again to stop at once)`)
  })
  const isOver = () => signal !== undefined || isReached || troubles.fatal !== undefined
  const open = async () =>
    await openTransactions(options.producerProperties, `${group}.${options.member}`, target, member.login)
  let timer: NodeJS.Timeout | undefined
  try {
    const there = await openTarget(member, { ...options, properties }, report)
    await waitForNamesake(member, info)
    const first = await open()
    const starts = await member.starts(member.partitions)
    const metadata = starts.map(partition => partition.metadata)
    const count = copyCount({ target, wanted: options.partitions, there, metadata }, onProblem)
    const copying = copier(
      {
        topic,
        count,
        member,
        commitEveryMs: options.commitEveryMs,
        open,
        isOver,
        onOwned: owned => info(`copying ${owned} partitions of ${topic} to ${target}`),
        onProblem,
        troubles,
      },
      first,
    )
    const figures = () => ({ ...copying.counts, seconds: Math.round(performance.now() - started) / 1_000 })
    if (options.progressMs > 0)
      timer = setInterval(
        () => report({ type: 'progress', progress: { ...figures(), ...copying.behind() } }),
        options.progressMs,
      )
    const looking = options.untilEnd
      ? allCopied(member, starts, isOver).then(all => {
          isReached = all
        })
      : undefined
    await copying.run()
    await looking
    const error = troubles.fatal
    const isAsAsked = isReached || (!options.untilEnd && signal !== 'SIGPIPE')
    const exit = exitStatus({ error, signal: isAsAsked ? undefined : signal })
    report({ type: 'summary', summary: { ...figures(), exit } })
    return { exit, error }
  } finally {
    clearInterval(timer)
    stopListening()
    await member.close()
  }
}
