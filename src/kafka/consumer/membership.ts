/** A consumer's time in its group: partitions are owned, read and watched, and what comes of that is told. */
import type { DfspError } from '../../base/errors.ts'
import type { StartOffset } from '../../core/offsets/start-offset.ts'
import { sessionLimits } from '../ask/session-limits.ts'
import { topicPartitions } from '../ask/topic.ts'
import { topicIdentity } from '../ask/topic-identity.ts'
import type { Assigner } from './assigner.ts'
import { type AssignedPartition, startOffsets } from './assignment.ts'
import { type CallGate, callGate } from './call-gate.ts'
import type { Connection } from './connection.ts'
import { type ConsumedRecord, delivery } from './delivery.ts'
import { waitForRest, whyNotJoined } from './group.ts'
import type { Outages } from './outages.ts'
import type { Owned } from './owned.ts'
import { type Ownership, ownership } from './ownership.ts'
import type { Pauses } from './pauses.ts'
import type { Questions } from './questions.ts'
import { type ReadErrors, readErrors } from './read-errors.ts'
import { memberLoop, readLoop } from './read-loop.ts'
import { UNCOMMITTED_FROM } from './shared-starts.ts'
import { watch } from './watch/watch.ts'

export interface ConsumerHandlers {
  /** Records of partitions that are owned now; in order within a partition. */
  onRecords(records: readonly ConsumedRecord[]): void
  /** Resolves when more is wanted, in a moment at most; undefined: at once. */
  wait?(): Promise<void> | undefined
  /** Everything below `offset` of the partition was handed on; there is no more at the moment. */
  onPartitionEnd(partition: number, offset: number): void
  /** All partitions of the topic are owned from now on; their first records come after this returned. */
  onAssign(partitions: readonly AssignedPartition[]): void
  /**
   * Some of them are about to be taken away, so all are given back: finish and commit. That is done once the promise
   * resolves. When `lost`, they belong to somebody else already and nothing of them may be committed.
   */
  onRevoke(partitions: readonly number[], lost: boolean): Promise<void>
  /** Nothing is read any more. */
  onFatal(error: DfspError): void
  onProblem(text: string): void
  /** Records of an owned partition below `low` were deleted, whether they were processed or not. */
  onLowWatermark?(partition: number, low: number): void
}

/** What commands to the consumer act on, too. */
export interface Parts {
  readonly owned: Owned
  readonly assign: Assigner
  readonly pausing: Pauses
  readonly outages: Outages
  readonly asks: Questions
  isClosing(): boolean
}

export interface Membership {
  /** The group has let it in; it may have nothing to give. */
  readonly isMember: boolean
  /** A commit is about to go out. */
  committing(): void
  /** Which records are there and were asked for again in vain. */
  readonly stuck: string | undefined
  /** Milliseconds since reading last came round. */
  readonly silentMs: number
  /** Resolves when nothing is read and asked any more; to be called while the consumer closes. */
  end(): Promise<void>
}

const THROTTLED =
  'the broker slows this client down (a quota of its user or client id): records come as it lets them'

const givenUp = (group: string) =>
  `group ${group} has given this process up, which did not reach it for its session: what runs is stopped, and runs again where its partitions are now`

export function joinGroup(connection: Connection, parts: Parts, handlers: ConsumerHandlers): Membership {
  const { client, reader, login, given, options } = connection
  const { topic, group, properties } = options
  const { owned, assign, pausing, outages, asks, isClosing } = parts
  const { clientId, sessionMs, isolation } = given
  const from = options.shared ? UNCOMMITTED_FROM : options.from
  const errors = readErrors({
    clients: new Set([client, reader]),
    topic,
    group,
    login,
    outages,
    sessionMs,
    sessionLimits: () => sessionLimits(properties, connection.broker),
    onFatal: error => !isClosing() && handlers.onFatal(error),
    onProblem: text => !isClosing() && handlers.onProblem(text),
  })
  const { trouble } = errors
  const identity = topicIdentity(asks.topicId)
  async function partitions(): Promise<readonly number[]> {
    const all = await topicPartitions(client, topic, login)
    connection.partitions.count = all.length
    return all
  }
  const gate = callGate()

  function onAssign(list: readonly AssignedPartition[]): void {
    const isNew =
      !options.shared &&
      !errors.hasRead &&
      list.every(p => p.committed === undefined) &&
      list.some(p => p.end > 0)
    if (isNew)
      connection.onInfo(
        `group ${group} has no committed offsets (it is new, or they have expired): ${begins(options.from)}`,
      )
    outages.works('group', 'records')
    handlers.onAssign(list)
  }
  const changes = ownership({
    topic,
    shared: options.shared,
    owned,
    assign,
    gate,
    partitions,
    starts: async (list, anew) => {
      // A partition that is new raises their number.
      if (options.shared) await partitions()
      return await startOffsets(
        { client, topic, isolation },
        list,
        from,
        (await identity.hasChanged()) || anew,
      )
    },
    onAssign,
    onRevoke: (list, lost) => handlers.onRevoke(list, lost),
    onLost: () => handlers.onProblem(givenUp(group)),
    waitForRest: (mine, came, over) =>
      waitForRest(client, group, {
        clientId,
        sessionMs,
        owned: mine,
        total: async () => (await partitions()).length,
        came,
        over,
        onWaiting: trouble.tell,
      }),
    onRetry: errors.retried,
    onFailed: errors.ended,
    isStopped: () => pausing.isStopped,
    isClosing,
    now: () => performance.now(),
  })
  client.on('rebalance', changes.rebalance)

  function newTopic(): void {
    handlers.onProblem(`topic ${topic} was deleted and made anew: reading the new one from its first records`)
    changes.restart(true)
  }
  /** Whoever waits is told why. */
  async function notJoined(): Promise<void> {
    if (trouble.isLasting) return trouble.again()
    const reason = await whyNotJoined(properties, group, clientId, asks.members)
    if (!isClosing() && owned.positions.size === 0) errors.notJoined(reason)
  }

  const reads = startReading(connection, parts, handlers, { gate, errors, restart: changes.restart })
  const watching = watch({
    client: reader,
    topic,
    owned,
    changes,
    watermarks: asks.watermarks,
    isPaused: () => pausing.isPaused,
    onProblem: handlers.onProblem,
    hasNewTopic: identity.hasChanged,
    onNewTopic: newTopic,
    onLow: (partition, low) => handlers.onLowWatermark?.(partition, low),
    onStalled: text => (trouble.isLasting ? trouble.again() : trouble.tell(text)),
    onOpenTransaction: text => trouble.tell(text),
    onThrottled: () => trouble.tell(THROTTLED),
    onAnswered: outages.answered,
    onUnanswered: error => errors.passing(error, 'ask for offsets'),
    onNothingOwned: () => (options.shared && changes.isMember ? outages.works('group') : void notJoined()),
  })

  return {
    committing() {
      // Offsets of the old topic would hide the first records of the new one for good. Checked in parallel: the commit
      // does not wait for the answer.
      void identity.hasChanged().then(changed => changed && newTopic())
    },
    get isMember() {
      return changes.isMember
    },
    get stuck() {
      return watching.stuck()
    },
    get silentMs() {
      return reads.silentMs
    },
    async end() {
      await Promise.all([changes.end(), watching.end()])
      await reads.end()
    },
  }
}

interface Reads {
  /** See `Membership`. */
  readonly silentMs: number
  end(): Promise<void>
}

/** Subscribes, and hands on what comes. */
function startReading(
  { client, reader, options, elsewhere }: Connection,
  { owned, pausing }: Parts,
  handlers: ConsumerHandlers,
  {
    gate,
    errors,
    restart,
  }: { readonly gate: CallGate; readonly errors: ReadErrors } & Pick<Ownership, 'restart'>,
): Reads {
  const { topic } = options
  const deliver = delivery({
    withHeaders: options.headers === true || options.shared || elsewhere.size > 0,
    owned,
    onRecords: records => handlers.onRecords(records),
    onPartitionEnd: (partition, offset) => handlers.onPartitionEnd(partition, offset),
    onWentBack(partition, from, to) {
      handlers.onProblem(
        `${topic}[${partition}] went back to offset ${to} from ${from}: the topic was made anew or cut`,
      )
      restart(false)
    },
    onAlive: errors.alive,
    now: () => performance.now(),
  })
  let cameRound = performance.now()
  const loop = readLoop(reader, {
    gate,
    turn: () => owned.turn,
    wait: () => pausing.wait() ?? handlers.wait?.(),
    deliver(...brought) {
      cameRound = performance.now()
      deliver(...brought)
    },
    failed: errors.failed,
  })
  const loops = reader === client ? [loop] : [loop, memberLoop(client, { gate, failed: errors.failed })]
  client.subscribe([topic])
  for (const each of loops) each.start()
  return {
    get silentMs() {
      return performance.now() - cameRound
    },
    async end() {
      const stopped = Promise.all(loops.map(each => each.stop()))
      pausing.release()
      await stopped
    },
  }
}

function begins(from: StartOffset): string {
  if (from === 'earliest') return 'reading from the first records'
  return from === 'latest' ? 'reading what comes from now on' : 'reading from the given time on'
}
