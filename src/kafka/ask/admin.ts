/** The admin client of the binding, as far as its published types do not know it. */

import type RdKafka from '@confluentinc/kafka-javascript'
import { type Client, rdkafka } from '../addon.ts'
import type { ClientError } from '../client-error.ts'

export const TIMEOUT_MS = 10_000
/** For questions that the end of a run or a person waits for, and that the mock cluster does not answer. */
export const SHORT_TIMEOUT_MS = 3_000

type Done<T> = (error: ClientError | null, found: T) => void

export function answer<T>(ask: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => ask((error, found) => (error ? reject(error) : resolve(found))))
}

const admins = new WeakMap<Client, AdminClient>()

/**
 * Asks over the connections of `client`. One admin client each, which ends with it: disconnecting it from a running
 * consumer stops the process (binding 1.10.1).
 */
export function adminOf(client: Client): AdminClient {
  // The published types know neither createFrom nor the calls below of the client used here.
  const { AdminClient } = rdkafka() as unknown as { AdminClient: { createFrom(client: Client): AdminClient } }
  const admin = admins.get(client) ?? AdminClient.createFrom(client)
  admins.set(client, admin)
  return admin
}

/** Undefined where the broker does not answer such a question. */
export async function withAdmin<T>(
  client: Client,
  ask: (admin: AdminClient) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await ask(adminOf(client))
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
}

/** In the order of `topics`; undefined where the broker does not say. */
export async function describedTopics(
  client: Client,
  topics: readonly string[],
  options: { timeout: number; includeAuthorizedOperations?: boolean },
): Promise<DescribedTopic[] | undefined> {
  return await withAdmin(client, admin =>
    answer<DescribedTopic[]>(done => admin.describeTopics(topics, options, done)),
  )
}

export interface DescribedTopic {
  readonly authorizedOperations?: readonly number[]
  readonly error?: ClientError
  readonly topicId?: { readonly mostSignificantBits: bigint; readonly leastSignificantBits: bigint }
}

export interface ListedOffset {
  readonly partition: number
  readonly offset: number
  readonly error?: ClientError
}
