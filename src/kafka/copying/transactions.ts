/** A producer whose records count with the offsets that they were made of, or not at all: Kafka's transactions. */
import { setTimeout as delay } from 'node:timers/promises'
import type RdKafka from '@confluentinc/kafka-javascript'
import { within } from '../../base/within.ts'
import { type ClientError, ERR } from '../client-error.ts'
import { connect } from '../connect.ts'
import { explain } from '../explain.ts'
import type { Login } from '../login.ts'
import { splitProperties } from '../properties.ts'

export interface RecordToCopy {
  readonly partition: number
  readonly key: RdKafka.MessageKey
  readonly value: Buffer | null
  /** Milliseconds since the epoch; null: that of now. */
  readonly timestamp: number | null
  readonly headers: RdKafka.MessageHeader[]
}

export interface CopiedOffset {
  readonly partition: number
  readonly offset: number
  readonly metadata: string
}

/** What became of a step: `failed` must be aborted, `broken` needs a new producer of the same name. */
export type Fate = 'done' | 'failed' | 'broken'

export interface Transactions {
  begin(): Promise<Fate>
  /** Hands a record over; waits while the client's queue is full. */
  produce(record: RecordToCopy): Promise<Fate>
  /** Ends the transaction, with `offsets` of `topic` as far as `member` owns them. */
  commit(topic: string, offsets: readonly CopiedOffset[], member: RdKafka.KafkaConsumer): Promise<Fate>
  abort(): Promise<Fate>
  /** Why a step did not succeed, since this was asked last; first what became of a record. */
  takeReason(): ClientError | undefined
  close(): Promise<void>
}

/** A transaction that is open for longer is aborted by the broker. */
export const TRANSACTION_MS = 10_000
/** Of one call; a call that is not answered is repeated. */
const CALL_MS = 3_000
/** What is not answered by then is no more. */
const PATIENCE_MS = 2 * TRANSACTION_MS
const RETRY_MS = 100
const QUEUE_FULL_RETRY_MS = 20
const CLOSE_MS = 2_000

type Call = (timeoutMs: number, done: (error?: ClientError | null) => void) => unknown

/**
 * Connects, and ends whatever another producer of this name left open; from then on that one can commit nothing any more.
 * Throws a DfspError.
 */
export async function openTransactions(
  properties: Readonly<Record<string, string>>,
  name: string,
  target: string,
  login: Login,
): Promise<Transactions> {
  const given = splitProperties(properties, 'producer')
  const global = {
    'compression.codec': 'lz4',
    'linger.ms': 20,
    'transaction.timeout.ms': TRANSACTION_MS,
    ...given.global,
    'transactional.id': name,
    'delivery.report.only.error': true,
    dr_cb: true,
  } as RdKafka.ProducerGlobalConfig
  const { client } = await connect(({ Producer }) => new Producer(global, given.topic), login)
  client.setPollInBackground(true)
  let reason: ClientError | undefined
  client.on('delivery-report', error => {
    // What is purged with an aborted transaction says nothing of why.
    if (error && error.code !== ERR.PURGED) reason ??= error
  })

  /** Repeats a call until it is answered. */
  async function answered(call: Call): Promise<ClientError | undefined> {
    for (const until = performance.now() + PATIENCE_MS; ; ) {
      const error = await new Promise<ClientError | undefined>(resolve =>
        call(CALL_MS, failed => resolve(failed ?? undefined)),
      )
      if (!error?.isRetriable || performance.now() > until) return error
      await delay(RETRY_MS)
    }
  }
  async function fate(call: Call): Promise<Fate> {
    const error = await answered(call)
    if (error === undefined) return 'done'
    reason ??= error
    return error.isTxnRequiresAbort ? 'failed' : 'broken'
  }
  let closing: Promise<void> | undefined
  /** Once: a client that is disconnected throws. */
  async function close(): Promise<void> {
    closing ??= within(CLOSE_MS, new Promise<void>(resolve => client.disconnect(CLOSE_MS, () => resolve())))
    await closing
  }

  const refused = await answered((ms, done) => client.initTransactions(ms, done as never))
  if (refused !== undefined) {
    await close()
    throw explain(refused, { topic: target, transactionalId: name, login, doing: 'begin transactions' })
  }
  return {
    begin: () => fate((_, done) => client.beginTransaction(done as never)),
    async produce({ partition, key, value, timestamp, headers }) {
      for (;;) {
        try {
          client.produce(target, partition, value, key, timestamp, undefined, headers)
          return 'done'
        } catch (thrown) {
          const error = thrown as ClientError
          if (error.code !== ERR.QUEUE_FULL) {
            reason ??= error
            return error.code === ERR.FATAL ? 'broken' : 'failed'
          }
          await delay(QUEUE_FULL_RETRY_MS)
        }
      }
    },
    async commit(topic, offsets, member) {
      const list = offsets.map(each => ({ topic, ...each }))
      const sent = await fate((ms, done) => client.sendOffsetsToTransaction(list, member, ms, done as never))
      return sent === 'done' ? await fate((ms, done) => client.commitTransaction(ms, done as never)) : sent
    },
    abort: () => fate((ms, done) => client.abortTransaction(ms, done as never)),
    takeReason() {
      const taken = reason
      reason = undefined
      return taken
    },
    close,
  }
}
