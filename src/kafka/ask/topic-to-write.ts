/** The topic that is to be written to: there already, made by the broker when first asked for, or waited for. */
import { setTimeout as delay } from 'node:timers/promises'
import { DfspError } from '../../base/errors.ts'
import type { Client } from '../addon.ts'
import type { Login } from '../login.ts'
import { topicPartitions } from './topic.ts'

const ASK_EVERY_MS = 500
/** A broker with auto.create.topics.enable first says that there is no such topic, then makes it. */
const TIMES_TO_ASK = 3

/**
 * Its partitions in ascending order. Throws E_TOPIC_MISSING where the broker makes none, unless `wait` is set.
 * `allow.auto.create.topics=false` keeps the broker from making it.
 */
export async function partitionsToWrite(
  client: Client,
  topic: string,
  login: Login,
  { wait, tell }: { readonly wait: boolean; readonly tell: (text: string) => void },
): Promise<number[]> {
  for (let asked = 1; ; asked++) {
    try {
      const partitions = await topicPartitions(client, topic, login, 'produce')
      if (asked > 1 && !wait)
        tell(`topic ${topic} was not there before: it was made with ${partitions.length} partitions`)
      return partitions
    } catch (error) {
      const missing = error instanceof DfspError && error.code === 'E_TOPIC_MISSING'
      if (!missing || (asked >= TIMES_TO_ASK && !wait)) throw error
      if (asked === TIMES_TO_ASK) tell(`waiting for topic ${topic}`)
    }
    await delay(ASK_EVERY_MS)
  }
}
