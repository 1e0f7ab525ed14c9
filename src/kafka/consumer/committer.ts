/** Offset commits: validated, one in flight, each awaited until the broker has answered. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../../base/errors.ts'
import { faultPoint } from '../../base/fault-point.ts'
import { type ClientError, ERR } from '../client-error.ts'
import { explain } from '../explain.ts'
import { plainDetail } from '../failures.ts'
import type { Login } from '../login.ts'

export interface OffsetCommit {
  readonly partition: number
  /** Offset of the next record to process. */
  readonly offset: number
  readonly metadata?: string
}

/** Why a commit failed. */
export interface CommitError extends Error {
  /** It was refused for its length: of one record, or of all together. */
  readonly tooLong?: 'record' | 'request' | undefined
  /** The group is between two assignments: with the next one commits are taken again. */
  readonly isRebalancing?: boolean
}

export interface Committer {
  /**
   * Commits all of `offsets` in one request; resolves when the broker has acknowledged it. Rejects with a reason in
   * words when it was refused or is unanswered (parts of it may be stored then: ask `committedNow`), and without
   * sending anything when a partition is not owned any more, if they belong together; with a `CommitError`. The answer
   * arrives only while the consumer is read from.
   */
  commit(offsets: readonly OffsetCommit[]): Promise<void>
}

/** A commit without an answer for this long has failed; librdkafka gives up its own retries before. */
const ANSWER_MS = 60_000

export interface CommitterOptions {
  readonly topic: string
  readonly group: string
  readonly login: Login
  /** Each partition is committed by itself: those that are not owned any more are left out. */
  readonly shared: boolean
}

/**
 * `consumer` must have been made with `offset_commit_cb: true`. `mayCommit` says whether a partition is owned: the
 * broker takes a member's commit for any partition, also for one that another member reads already.
 */
export function committer(
  consumer: Pick<RdKafka.KafkaConsumer, 'commit' | 'on'>,
  { topic, shared, ...who }: CommitterOptions,
  mayCommit: (partition: number) => boolean,
): Committer {
  let inFlight: { list: readonly OffsetCommit[]; answer(error?: ClientError | null): void } | undefined
  consumer.on('offset.commit', (error, answered) => {
    faultPoint('after-commit')
    if (inFlight && isAnswerTo(inFlight.list, answered)) inFlight.answer(error)
  })
  return {
    async commit(offsets) {
      if (inFlight) throw new Error('a commit is in flight already')
      const own = offsets.filter(({ partition }) => mayCommit(partition))
      const foreign = offsets.find(({ partition }) => !mayCommit(partition))
      if (foreign && !shared)
        throw new DfspError('E_KAFKA', `${topic}[${foreign.partition}] is not owned any more: not committed`)
      if (own.length === 0) return
      const list = own.map(offset => validated(topic, offset))
      await new Promise<void>((resolve, reject) => {
        const answer = (error?: ClientError | null) => {
          inFlight = undefined
          clearTimeout(timer)
          if (error) reject(refused({ topic, ...who }, error))
          else resolve()
        }
        const timer = setTimeout(
          () => answer({ code: ERR.TIMED_OUT, message: `no answer for ${ANSWER_MS / 1000} s` }),
          ANSWER_MS,
        )
        inFlight = { list: own, answer }
        try {
          faultPoint('before-commit')
          consumer.commit(list)
          faultPoint('commit-sent')
        } catch (error) {
          answer(error as ClientError)
        }
      })
    },
  }
}

/** A late answer to a commit that was given up must not be taken for that to the next one. */
function isAnswerTo(
  asked: readonly OffsetCommit[],
  answered: readonly { partition: number; offset?: number }[],
): boolean {
  const offsets = new Map(answered.map(({ partition, offset }) => [partition, offset]))
  return asked.every(({ partition, offset }) => offsets.get(partition) === offset)
}

/** What is too long of a commit that was refused. */
const TOO_LONG: ReadonlyMap<number, CommitError['tooLong']> = new Map([
  [ERR.OFFSET_METADATA_TOO_LARGE, 'record'],
  [ERR.COMMIT_TOO_LARGE, 'request'],
])

const REBALANCING: readonly number[] = [ERR.ILLEGAL_GENERATION, ERR.REBALANCE_IN_PROGRESS]

/** What a refused commit means, by the protocol's error number. */
const REFUSALS: ReadonlyMap<number, string> = new Map([
  [ERR.TIMED_OUT, 'the group coordinator does not answer'],
  [ERR.TRANSPORT, 'the connection to the group coordinator broke'],
  [ERR.WAITING_FOR_COORDINATOR, 'no broker coordinates the group at the moment'],
  [
    ERR.OFFSET_METADATA_TOO_LARGE,
    'the commit record is larger than the broker takes (offset.metadata.max.bytes)',
  ],
  [ERR.COORDINATOR_LOADING, 'the group coordinator is still loading'],
  [ERR.COORDINATOR_NOT_AVAILABLE, 'no broker coordinates the group at the moment'],
  [ERR.NOT_COORDINATOR, 'the group coordinator has moved to another broker'],
  [ERR.ILLEGAL_GENERATION, 'the group has been rebalanced without this process'],
  [ERR.UNKNOWN_MEMBER, 'the broker has given this process up as a member of the group'],
  [ERR.REBALANCE_IN_PROGRESS, 'the group is being rebalanced'],
  [ERR.COMMIT_TOO_LARGE, 'the commit is larger than the broker takes'],
  [ERR.STALE_MEMBER_EPOCH, 'the group has moved on to a new assignment'],
  [ERR.FENCED_INSTANCE, 'another process uses the same group.instance.id'],
])

function refused(what: { topic: string; group: string; login: Login }, error: ClientError): CommitError {
  return Object.assign(refusal(what, error), {
    tooLong: TOO_LONG.get(error.code),
    isRebalancing: REBALANCING.includes(error.code),
  })
}

function refusal(what: { topic: string; group: string; login: Login }, error: ClientError): DfspError {
  const { topic } = what
  const told = explain(error, { ...what, doing: 'commit' })
  if (told.code === 'E_ACL' || told.code === 'E_TOPIC_MISSING') return told
  const meaning = REFUSALS.get(error.code)
  const detail = `${plainDetail(error.message)} (${error.code})`
  return new DfspError('E_KAFKA', meaning ? `${meaning}: ${detail}` : `offsets of ${topic}: ${detail}`, {
    cause: error,
  })
}

/**
 * The binding commits offset 0 for a string or a BigInt, and crashes the process when the partition is missing:
 * nothing but this shape may reach it.
 */
export function validated(
  topic: string,
  { partition, offset, metadata }: OffsetCommit,
): RdKafka.TopicPartitionOffsetAndMetadata {
  if (typeof topic !== 'string' || topic === '') throw new TypeError('topic is not a name')
  if (!Number.isSafeInteger(partition) || partition < 0)
    throw new TypeError(`partition ${String(partition)} is not a number from 0`)
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new TypeError(`offset ${String(offset)} is not a number from 0`)
  if (metadata !== undefined && (typeof metadata !== 'string' || metadata.includes('\0')))
    throw new TypeError('metadata is not text without NUL')
  return metadata === undefined ? { topic, partition, offset } : { topic, partition, offset, metadata }
}
