/**
 * Where a new group begins that several processes share: decided once, for all partitions. Each process asks about those that
 * it is given, and could not tell a new partition of an old group from one of a new group.
 */
import type RdKafka from '@confluentinc/kafka-javascript'
import { encodeCommitRecord, RECORD_CHARS } from '../../core/offsets/commit-record.ts'
import type { StartOffset } from '../../core/offsets/start-offset.ts'
import { type ClientError, ERR } from '../client-error.ts'
import { consume, FIRST_BYTES, pollsBriefly } from '../consume.ts'
import { type Asked, committedOffsets, isNewGroup, startOffsets } from './assignment.ts'
import type { OffsetCommit } from './committer.ts'

const ANSWER_MS = 10_000

/**
 * Commits where reading begins if the group has committed nothing at all. To be called by a process that is no member yet: the
 * broker takes it while the group has none, and refuses it where another process was faster, whose word counts then.
 */
export async function commitStarts(
  asked: Asked,
  partitions: readonly number[],
  from: StartOffset,
): Promise<void> {
  const { client, topic } = asked
  // What is not committed is read from its first record.
  if (from === 'earliest') return
  const committed = await committedOffsets(client, topic, partitions)
  if (!isNewGroup(committed)) return
  const starts = await startOffsets(asked, partitions, from)
  await commitOutside(
    client,
    topic,
    starts.map(({ partition, start }) => ({ partition, offset: start, metadata: nothingAbove(start) })),
  )
}

/**
 * Commits in the name of a group by a client that is no member yet: see `commitStarts`. Rejects with a ClientError; where
 * another process has joined by now that one's word counts, and nothing is done.
 */
export async function commitOutside(
  client: RdKafka.KafkaConsumer,
  topic: string,
  offsets: readonly OffsetCommit[],
): Promise<void> {
  const error = await answerTo(client, () => client.commit(offsets.map(each => ({ topic, ...each }))))
  if (error !== undefined && error.code !== ERR.UNKNOWN_MEMBER) throw error
}

/** Where each of several processes reads a partition from without a commit: what was decided for all of them is committed. */
export const UNCOMMITTED_FROM: StartOffset = 'earliest'

/** The commit record of a partition that is read up to `offset`. */
export function nothingAbove(offset: number): string {
  const content = { base: offset, position: offset, runs: [], files: undefined, finished: [] }
  const record = encodeCommitRecord({ ...content, attempts: new Map() }, RECORD_CHARS)
  if (record === undefined) throw new Error('an empty record has room')
  return record.text
}

/** Answers come only while the client is read from, which has no partitions yet. */
async function answerTo(client: RdKafka.KafkaConsumer, send: () => void): Promise<ClientError | undefined> {
  let answer: { readonly error: ClientError | undefined } | undefined
  const hear = (error?: ClientError | null) => {
    answer = { error: error ?? undefined }
  }
  client.once('offset.commit', hear)
  pollsBriefly(client)
  send()
  for (const until = performance.now() + ANSWER_MS; answer === undefined && performance.now() < until; )
    await consume(client, FIRST_BYTES).catch(() => [])
  client.removeListener('offset.commit', hear)
  return answer === undefined
    ? { code: ERR.TIMED_OUT, message: 'the group coordinator does not answer' }
    : answer.error
}
