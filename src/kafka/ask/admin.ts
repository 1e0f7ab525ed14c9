/** The admin client of the binding, as far as its published types do not know it. */

import type RdKafka from '@confluentinc/kafka-javascript'
import { type Client, rdkafka } from '../addon.ts'
import type { ClientError } from '../client-error.ts'

export const TIMEOUT_MS = 10_000
/** For questions that the end of a run or a person waits for, and that the mock cluster does not answer. */
export const SHORT_TIMEOUT_MS = 3_000

type Done<T> = (error: ClientError | null, found: T) => void

const admins = new WeakMap<Client, AdminClient>()

/**
 * Asks over the connections of `client`. One admin client each, which ends with it: disconnecting it from a running
 * consumer stops the process (binding 1.10.1).
 */
function adminOf(client: Client): AdminClient {
  // The published types know neither createFrom nor the calls below of the client used here.
  const { AdminClient } = rdkafka() as unknown as { AdminClient: { createFrom(client: Client): AdminClient } }
  const admin = admins.get(client) ?? AdminClient.createFrom(client)
  admins.set(client, admin)
  return admin
}

/** What is being asked, by client. */
const asked = new WeakMap<Client, Set<Promise<void>>>()

/** Asks over the connections of `client`, which may go by `disconnected` only. Rejects with a ClientError. */
export function ask<T>(client: Client, question: (admin: AdminClient, done: Done<T>) => void): Promise<T> {
  const answer = new Promise<T>((resolve, reject) =>
    question(adminOf(client), (error, found) => (error ? reject(error) : resolve(found))),
  )
  const open = asked.get(client) ?? new Set()
  asked.set(client, open)
  const over: Promise<void> = answer
    .then(
      () => {},
      () => {},
    )
    .then(() => void open.delete(over))
  open.add(over)
  return answer
}

/**
 * Resolves once the client is disconnected, which waits for what is asked: a client that goes meanwhile takes the process with
 * it (binding 1.10.1), also where nobody waits for the answer any more.
 */
export async function disconnected(client: Client): Promise<void> {
  await Promise.all(asked.get(client) ?? [])
  await new Promise<void>(resolve => client.disconnect(() => resolve()))
}

/** Undefined where the broker does not answer such a question. */
export async function unlessUnanswered<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch {
    return undefined
  }
}

interface AdminClient {
  describeTopics(
    topics: readonly string[],
    options: { timeout: number; includeAuthorizedOperations?: boolean },
    done: Done<DescribedTopic[]>,
  ): void
  listOffsets(
    partitions: readonly object[],
    options: { timeout: number; isolationLevel: number },
    done: Done<ListedOffset[]>,
  ): void
  listGroups(options: { timeout: number }, done: Done<{ groups: RdKafka.GroupOverview[] }>): void
  describeGroups(
    groups: readonly string[],
    options: { timeout: number; includeAuthorizedOperations?: boolean },
    done: Done<RdKafka.GroupDescriptions>,
  ): void
  listConsumerGroupOffsets(
    groups: readonly { readonly groupId: string }[],
    options: { timeout: number },
    done: Done<readonly { readonly error?: ClientError; readonly partitions: readonly ListedCommit[] }[]>,
  ): void
  createTopic(topic: RdKafka.NewTopic, timeoutMs: number, done: Done<void>): void
  deleteRecords(
    before: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[],
    options: { timeout: number },
    done: Done<{ readonly partition: number; readonly error?: ClientError }[]>,
  ): void
}

/** In the order of `topics`; undefined where the broker does not say. */
export async function describedTopics(
  client: Client,
  topics: readonly string[],
  options: { timeout: number; includeAuthorizedOperations?: boolean },
): Promise<DescribedTopic[] | undefined> {
  return await unlessUnanswered(
    ask<DescribedTopic[]>(client, (admin, done) => admin.describeTopics(topics, options, done)),
  )
}

export interface DescribedTopic {
  readonly authorizedOperations?: readonly number[]
  readonly error?: ClientError
  readonly topicId?: { readonly mostSignificantBits: bigint; readonly leastSignificantBits: bigint }
}

export interface ListedCommit {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly metadata?: string | null
}

export interface ListedOffset {
  readonly partition: number
  readonly offset: number
  /** Of the record there, where an offset was asked for by time. */
  readonly timestamp: number
  readonly error?: ClientError
}
