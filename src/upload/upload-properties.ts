/** The producer's properties of an upload: what suits large records, where the user has not said otherwise. */
import { DfspError } from '../base/errors.ts'
import { findProperty } from '../kafka/properties.ts'

/** librdkafka's default of message.max.bytes. */
const STANDARD_MAX = 1_000_000
/** With these in the user's hands the client might refuse to make an idempotent producer. */
const AGAINST_IDEMPOTENCE = [
  'request.required.acks',
  'max.in.flight.requests.per.connection',
  'message.send.max.retries',
  'queuing.strategy',
]
/** What a record takes beside its data: names of up to 4 KiB each in value and key, digests, Kafka's own framing. */
const FRAME_BYTES = 16 * 1024

/** Throws E_USAGE when the user's own message.max.bytes is too small for a chunk of `chunkSize` bytes. */
export function uploadProperties(
  given: Readonly<Record<string, string>>,
  chunkSize: number,
): Readonly<Record<string, string>> {
  const names = new Set(Object.keys(given).map(canonical))
  const own = given['message.max.bytes']
  const needed = chunkSize + FRAME_BYTES
  if (own !== undefined && Number(own) < needed)
    throw new DfspError(
      'E_USAGE',
      `a chunk of ${chunkSize} bytes does not fit into message.max.bytes=${own}`,
      {
        next: `a smaller --chunk-size, or -X message.max.bytes=${needed}`,
      },
    )
  const standard = {
    ...(AGAINST_IDEMPOTENCE.some(name => names.has(name)) ? {} : { 'enable.idempotence': 'true' }),
    'compression.codec': 'lz4',
    'linger.ms': '20',
    ...(needed > STANDARD_MAX ? { 'message.max.bytes': String(needed) } : {}),
  }
  const missing = Object.entries(standard).filter(([name]) => !names.has(canonical(name)))
  return { ...Object.fromEntries(missing), ...given }
}

/** One name for a property and its aliases. */
function canonical(name: string): string {
  return findProperty(name)?.aliasOf ?? name
}
