/** Questions for metadata, asked again and again until somebody answers. */
import type RdKafka from '@confluentinc/kafka-javascript'
import type { Client } from './addon.ts'
import { ERR } from './client-error.ts'

/** What a question waits for its answer before it is asked again; each further one waits half as long again. */
const ANSWER_MS = 1_500
const PATIENCE = 1.5

/**
 * Makes one question into many short ones, for as long as it may take in all: each holds a thread of the pool for as
 * long as it waits, and the process cannot end before it does.
 */
export function patient(ask: Client['getMetadata'], isOver: () => boolean): Client['getMetadata'] {
  return (options: RdKafka.MetadataOptions = {}, done = () => {}) => {
    const until = performance.now() + (options.timeout ?? 0)
    const again = (waitMs: number) => {
      const left = Math.max(1, Math.round(until - performance.now()))
      ask({ ...options, timeout: Math.min(waitMs, left) }, (error, metadata) => {
        const isUnanswered = error?.code === ERR.TRANSPORT || error?.code === ERR.TIMED_OUT
        if (isUnanswered && left > waitMs && !isOver()) again(Math.round(waitMs * PATIENCE))
        else done(error, metadata)
      })
    }
    again(ANSWER_MS)
  }
}
