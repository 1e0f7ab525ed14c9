/** Where ctx.produce leads: a producer that is connected when the first record is sent. */
import { DfspError } from '../base/errors.ts'
import { type AcknowledgedProducer, openProducer } from '../kafka/producer.ts'
import type { OutgoingRecord } from '../plugin/plugin.ts'
import { wasAskedToStop } from './shutdown.ts'

export interface Outgoing {
  /** Resolves when the broker has acknowledged the record. */
  send(record: OutgoingRecord): Promise<void>
  close(): Promise<void>
}

/** After a stop a broker that does not answer is waited for no longer. */
const STOPPED_MS = 1_000

export function outgoing(
  properties: Readonly<Record<string, string>>,
  defaultTopic: string | undefined,
): Outgoing {
  let opening: Promise<AcknowledgedProducer> | undefined
  return {
    async send({ topic = defaultTopic, key, value, partition, headers }) {
      if (topic === undefined)
        throw new DfspError(
          'E_PLUGIN',
          'ctx.produce was given no topic: name one in the record, or with --output-topic',
        )
      opening ??= openProducer(properties)
      const attempt = opening
      const producer = await attempt.catch(error => {
        if (opening === attempt) opening = undefined // the next record tries again
        throw error
      })
      await producer.send({
        topic,
        key: key === undefined || key === null ? null : typeof key === 'string' ? key : Buffer.from(key),
        value: Buffer.from(value as Uint8Array),
        ...(partition === undefined ? {} : { partition }),
        ...(headers === undefined ? {} : { headers }),
      })
    },
    async close() {
      const late = new Promise<void>(resolve => wasAskedToStop() && setTimeout(resolve, STOPPED_MS))
      const producer = await Promise.race([opening?.catch(() => {}), late])
      if (producer) await producer.close()
    },
  }
}
