/** Which of many topics are not there, over one connection. */

import { loginOf } from '../login.ts'
import { disconnected } from './admin.ts'
import { bareClient } from './bare-client.ts'
import { missingOf } from './topic.ts'

/** Throws a DfspError where the broker cannot be asked. What may not be seen counts as there: reading it says so. */
export async function missingTopics(
  topics: readonly string[],
  properties: Readonly<Record<string, string>>,
): Promise<ReadonlySet<string>> {
  if (topics.length === 0) return new Set()
  const client = await bareClient(properties)
  try {
    return await missingOf(client, topics, loginOf(properties))
  } finally {
    await disconnected(client)
  }
}
