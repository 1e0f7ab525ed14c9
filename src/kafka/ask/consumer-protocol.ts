/** Whether the brokers know `group.protocol=consumer`: librdkafka asks one that does not again and again, in silence. */
import { DfspError } from '../../base/errors.ts'
import { API_VERSIONS, onWire, reader, type Wire } from './wire.ts'

const CONSUMER_GROUP_HEARTBEAT = 68
/** The one that librdkafka asks in; 3.7 to 3.9 had an earlier one at most. */
const VERSION = 1

/** Throws E_CONFIG where a broker says that it does not; what cannot be learned is no hindrance. */
export async function mustKnowConsumerProtocol(properties: Readonly<Record<string, string>>): Promise<void> {
  const isKnown = await onWire(properties, knowsHeartbeat).catch(() => true)
  if (isKnown) return
  throw new DfspError('E_CONFIG', 'the broker does not know group.protocol = consumer', {
    facts: ['it came with Kafka 4.0'],
    next: 'leave group.protocol out, or set it to classic',
  })
}

async function knowsHeartbeat(wire: Wire): Promise<boolean> {
  const answer = reader(await wire.ask(API_VERSIONS, 0, Buffer.alloc(0)))
  if (answer.int16() !== 0) return true
  for (let left = answer.int32(); left > 0; left--) {
    const [api, least, most] = [answer.int16(), answer.int16(), answer.int16()]
    if (api === CONSUMER_GROUP_HEARTBEAT) return least <= VERSION && VERSION <= most
  }
  return false
}
