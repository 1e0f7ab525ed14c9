/** Dead letters to their topic. */

import { faultPoint } from '../base/fault-point.ts'
import { type DeadLetter, encodeDeadLetter } from '../core/dead-letter.ts'
import type { OutgoingRecord } from '../plugin/plugin.ts'

/** The returned function resolves once all replicas have the letter, and rejects with a DfspError. */
export function letterSender(
  produce: (record: OutgoingRecord) => Promise<void>,
  topic: string,
): (letter: DeadLetter) => Promise<void> {
  return async letter => {
    const sent = produce({ topic, ...encodeDeadLetter(letter) })
    faultPoint('dead-letter-sent')
    await sent
    faultPoint('dead-letter-acked')
  }
}
