/** The watchdog of a running consumer: when it looks, and what is done about what it finds. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { openTransaction, type Watermarks } from '../../ask/watermarks.ts'
import type { Owned } from '../owned.ts'
import type { Ownership } from '../ownership.ts'
import { deletedRecords } from './deleted-records.ts'
import { fetchAnswers } from './fetch-answers.ts'
import { LOOK_EVERY_MS, type Reading, type SignsOfLife, watchdog } from './watchdog.ts'

export interface WatchDeps {
  readonly client: RdKafka.KafkaConsumer
  readonly topic: string
  readonly owned: Pick<Owned, 'positions'>
  readonly changes: Pick<Ownership, 'reread' | 'restart'>
  watermarks(partitions: readonly number[]): Promise<ReadonlyMap<number, Watermarks>>
  isPaused(): boolean
  onProblem(text: string): void
  onLow(partition: number, low: number): void
  /** Whether the topic is another one of the same name; true once. */
  hasNewTopic(): Promise<boolean>
  onNewTopic(): void
  onAnswered(): void
  /** The broker refuses or does not answer; asked again at the next look. */
  onUnanswered(error: unknown): void
  onStalled(text: string): void
  /** Records that cannot be read yet; at each look while that is so. */
  onOpenTransaction(text: string): void
  /** The broker holds its answers back, as a quota demands. */
  onThrottled(): void
  /** At each look without an epoch. */
  onNothingOwned(): void
}

/** Shorter transactions are nobody's concern. */
const OPEN_MS = 10_000
/** Shorter pauses are nobody's concern. */
const TOLD_THROTTLE_MS = 1_000

export interface Watch {
  /** Which records are there and were asked for again in vain. */
  stuck(): string | undefined
  /** Resolves once no question is open. */
  end(): Promise<void>
}

export function watch(deps: WatchDeps): Watch {
  const { client, topic, owned, changes } = deps
  const at = (partition: number) => `${topic}[${partition}]`
  const deleted = deletedRecords(deps)
  /** Where a partition stood still last, and how often it was found there. */
  const stalls = new Map<
    number,
    { readonly position: number; readonly times: number; readonly text: string }
  >()

  const answers = fetchAnswers(topic)
  const hearStatistics = ({ message }: { message: string }) => answers.hear(message)
  let throttledUntil: number | undefined
  function hearThrottle({ throttleTime }: { throttleTime: number }): void {
    throttledUntil = Math.max(throttledUntil ?? 0, performance.now() + throttleTime)
    if (throttleTime >= TOLD_THROTTLE_MS) deps.onThrottled()
  }

  function signsOfLife({ partition, since }: Reading): SignsOfLife {
    let othersCame: number | undefined
    for (const [other, position] of owned.positions) {
      if (other === partition || (position.endedAt ?? 0) >= since) continue
      othersCame = Math.max(othersCame ?? 0, position.since)
    }
    return { throttledUntil, isAnswered: answers.cameFor(partition), othersCame }
  }

  const dog = watchdog({
    owned: () => [...owned.positions.keys()],
    readings: () =>
      deps.isPaused()
        ? []
        : [...owned.positions]
            .filter(([, { isGoing }]) => !isGoing)
            .map(([partition, { next, since }]) => ({ partition, position: next, since })),
    async watermarks(partitions) {
      const marks = await deps.watermarks(partitions)
      deps.onAnswered()
      tellOpen(marks)
      return marks
    },
    signsOfLife,
    hasNewTopic: deps.hasNewTopic,
    onFinding(finding, { partition, position }, { low, high }) {
      switch (finding.kind) {
        case 'stalled': {
          const text = `${at(partition)}: records ${position}-${high - 1} are there and do not come`
          const before = stalls.get(partition)
          const times = before?.position === position ? before.times + 1 : 1
          stalls.set(partition, { position, times, text })
          deps.onStalled(`${text}; asking for them again`)
          return changes.reread(partition, position, position)
        }
        case 'overtaken':
          deleted.found(partition, position, low)
          return changes.reread(partition, position, low)
        case 'beyond-end':
          deps.onProblem(
            `${at(partition)}: it ends at ${high}, and was read up to ${position}: the log was cut`,
          )
          return changes.restart(false)
      }
    },
    onLow: deps.onLow,
    onNewTopic: deps.onNewTopic,
    onUnanswered: deps.onUnanswered,
    now: () => performance.now(),
  })

  /** Of partitions that were read up to where that is possible, some time ago: most transactions are short. */
  function tellOpen(marks: ReadonlyMap<number, Watermarks>): void {
    for (const [partition, at] of marks) {
      const position = owned.positions.get(partition)
      if (position?.next !== at.high || performance.now() - position.since < OPEN_MS) continue
      const text = openTransaction(topic, partition, at)
      if (text !== undefined) deps.onOpenTransaction(text)
    }
  }

  client.on('event.stats', hearStatistics)
  client.on('event.throttle', hearThrottle)
  let looking: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => {
    if (owned.positions.size > 0) looking = Promise.all([looking, dog.look()])
    else deps.onNothingOwned()
  }, LOOK_EVERY_MS)
  return {
    stuck() {
      for (const [partition, { position, times, text }] of stalls)
        if (times > 1 && owned.positions.get(partition)?.next === position) return text
      return undefined
    },
    async end() {
      clearInterval(timer)
      client.removeListener('event.stats', hearStatistics)
      client.removeListener('event.throttle', hearThrottle)
      await Promise.all([looking, deleted.end()])
    },
  }
}
