/** What a client may do with a topic and a group. */
import type { Client } from '../addon.ts'
import { describedTopics, SHORT_TIMEOUT_MS } from './admin.ts'
import { groupOperations } from './group-access.ts'

/** What a client may do, by resource; undefined where the broker does not tell. */
export interface Access {
  readonly topic: readonly string[] | undefined
  /** Also of a group that does not exist yet. */
  readonly group: readonly string[] | undefined
}

export async function allowedHere(
  client: Client,
  topic: string,
  group: string,
  properties: Readonly<Record<string, string>>,
): Promise<Access> {
  const [topics, ofGroup] = await Promise.all([
    describedTopics(client, [topic], { timeout: SHORT_TIMEOUT_MS, includeAuthorizedOperations: true }),
    groupOperations(properties, group),
  ])
  const names = (operations: readonly number[] | undefined) =>
    operations?.flatMap(number => OPERATIONS[number] ?? [])
  return { topic: names(topics?.[0]?.authorizedOperations), group: names(ofGroup) }
}

/** Kafka's AclOperation, by number. */
const OPERATIONS: Readonly<Record<number, string>> = {
  3: 'READ',
  4: 'WRITE',
  5: 'CREATE',
  6: 'DELETE',
  7: 'ALTER',
  8: 'DESCRIBE',
}
