/** What a running consumer asks the broker: see `ask/asker`, why not by its own client. */
import { asker } from '../ask/asker.ts'
import { type GroupMember, groupMembers } from '../ask/group.ts'
import { topicId, topicPartitions } from '../ask/topic.ts'
import { type FirstOpen, type Watermarks, watermarks } from '../ask/watermarks.ts'
import { type ClientError, ERR } from '../client-error.ts'
import { loginOf } from '../login.ts'
import type { Isolation } from '../properties.ts'

export interface Questions {
  watermarks(partitions: readonly number[]): Promise<ReadonlyMap<number, Watermarks>>
  /** Undefined where the broker does not tell, or does not answer. */
  topicId(): Promise<string | undefined>
  /** Of the group, with what they own of the topic; undefined where the broker does not tell, or does not answer. */
  members(): Promise<readonly GroupMember[] | undefined>
  close(): void
}

export function questions(
  properties: Readonly<Record<string, string>>,
  topic: string,
  group: string,
  isolation: Isolation,
): Questions {
  const beside = asker(properties)
  const firstOpen: FirstOpen = new Map()
  return {
    watermarks: partitions =>
      beside.ask(async client => {
        try {
          return await watermarks(client, topic, partitions, isolation, firstOpen)
        } catch (error) {
          // Deleted, or hidden from this client now: the client does not say which.
          if ((error as ClientError).code === ERR.NO_ENTRY)
            await topicPartitions(client, topic, loginOf(properties))
          throw error
        }
      }),
    topicId: () => beside.ask(client => topicId(client, topic)).catch(() => undefined),
    members: () => beside.ask(client => groupMembers(client, group, topic)).catch(() => undefined),
    close: beside.close,
  }
}
