/** Calls of consume(n): for as many records as make some 4 MB, and back at once with what is there. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { type ClientError, ERR } from './client-error.ts'

/** How long a call waits for its first record; what comes in ends the wait at once. */
export const POLL_MS = 100
const BATCH_BYTES = 4 * 1024 * 1024
/** A record may have so many before one was seen. */
export const FIRST_BYTES = 64 * 1024

/** Once, before the first call. */
export function pollsBriefly(client: RdKafka.KafkaConsumer): void {
  client.setDefaultConsumeTimeout(POLL_MS)
  const untyped = client as unknown as { setDefaultIsTimeoutOnlyForFirstMessage(on: boolean): void }
  untyped.setDefaultIsTimeoutOnlyForFirstMessage(true)
}

const MOST_RECORDS = 256
const LEAST_RECORDS = 8

/** Rejects with a ClientError. `most` records at one time, or 8. */
export function consume(
  client: RdKafka.KafkaConsumer,
  meanBytes: number,
  most = MOST_RECORDS,
): Promise<RdKafka.Message[]> {
  const n = Math.round(
    Math.min(MOST_RECORDS, Math.max(LEAST_RECORDS, Math.min(most, BATCH_BYTES / meanBytes))),
  )
  return new Promise((resolve, reject) => {
    client.consume(n, (error: ClientError | null, messages) => {
      if (error && error.code !== ERR.TIMED_OUT) reject(error)
      else resolve(messages ?? [])
    })
  })
}

/** The mean size of records, with one more. */
export function meanWith(mean: number, size: number): number {
  return mean + (size - mean) / 32
}
