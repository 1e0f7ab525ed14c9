/** Offset commits: validated, one in flight, each awaited until the broker has answered. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { faultPoint } from '../fault-point.ts'
import type { ClientError } from './client.ts'

export interface OffsetCommit {
  readonly partition: number
  /** Offset of the next record to process. */
  readonly offset: number
  readonly metadata?: string
}

export interface Committer {
  /**
   * Commits all of `offsets` in one request; resolves when the broker has acknowledged it, rejects with its error.
   * The answer arrives only while the consumer is being read from.
   */
  commit(offsets: readonly OffsetCommit[]): Promise<void>
}

/** A commit without an answer for this long has failed; librdkafka gives up its own retries before. */
const ANSWER_MS = 60_000

/** `consumer` must have been made with `offset_commit_cb: true`. */
export function committer(consumer: RdKafka.KafkaConsumer, topic: string): Committer {
  let answer: ((error?: ClientError | null) => void) | undefined
  consumer.on('offset.commit', error => {
    faultPoint('after-commit')
    answer?.(error)
  })
  return {
    commit(offsets) {
      if (answer) throw new Error('a commit is in flight already')
      const list = offsets.map(offset => validated(topic, offset))
      return new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => answer?.({ code: -185, message: 'no answer to the offset commit' }),
          ANSWER_MS,
        )
        answer = error => {
          answer = undefined
          clearTimeout(timer)
          if (error) reject(error)
          else resolve()
        }
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
