/** A producer whose every record is acknowledged to its sender. */
import { setTimeout as delay } from 'node:timers/promises'
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../base/errors.ts'
import { type ClientError, ERR } from './client-error.ts'
import { connect } from './connect.ts'
import { explain } from './explain.ts'
import { type Login, loginOf } from './login.ts'
import { splitProperties } from './properties.ts'

export interface RecordToSend {
  readonly topic: string
  readonly key: Buffer | string | null
  readonly value: Buffer
  /** Left to the partitioner when absent. */
  readonly partition?: number
  readonly headers?: Readonly<Record<string, string | Uint8Array>>
}

export interface AcknowledgedProducer {
  readonly client: RdKafka.Producer
  readonly login: Login
  /** Resolves with partition and offset once the broker has acknowledged the record; rejects with a DfspError. */
  send(record: RecordToSend): Promise<{ readonly partition: number; readonly offset: number }>
  close(): Promise<void>
}

const QUEUE_FULL_RETRY_MS = 20

/** The fixed text of that code. */
const CLUSTER_REFUSED = /^(Broker: )?cluster authorization failed$/i
const IDEMPOTENCE_REFUSED =
  'the broker takes no idempotent producer of a user who may write to no topic (with -X enable.idempotence=false it would say which)'

type Answer = (error: ClientError | null, report?: RdKafka.DeliveryReport) => void

export async function openProducer(
  properties: Readonly<Record<string, string>>,
): Promise<AcknowledgedProducer> {
  const args = splitProperties(properties, 'producer')
  const login = loginOf(properties)
  const { client } = await connect(
    ({ Producer }) =>
      new Producer(
        { ...args.global, dr_cb: true } as RdKafka.ProducerGlobalConfig,
        { 'request.required.acks': -1, ...args.topic } as RdKafka.ProducerTopicConfig,
      ),
    login,
  )
  client.setPollInBackground(true)
  // An idempotent producer is refused as a whole where it may write to no topic: its records end as "purged".
  let isRefused = false
  client.on('event.error', ({ message }) => {
    if (CLUSTER_REFUSED.test(message)) isRefused = true
  })
  const asTold = (error: ClientError): ClientError =>
    isRefused && (error.code === ERR.PURGED || error.code === ERR.FATAL)
      ? { code: ERR.TOPIC_AUTHORIZATION_FAILED, message: IDEMPOTENCE_REFUSED }
      : error
  client.on('delivery-report', (error, report) => (report.opaque as Answer)(error ?? null, report))
  return {
    client,
    login,
    async send({ topic, key, value, partition, headers }) {
      const list =
        headers &&
        Object.entries(headers).map(([name, text]) => ({
          [name]: typeof text === 'string' ? text : Buffer.from(text),
        }))
      for (;;) {
        try {
          return await new Promise((resolve, reject) => {
            const answer: Answer = (error, report) => {
              if (error) reject(explain(asTold(error), { topic, login, doing: 'produce' }))
              else resolve({ partition: report?.partition as number, offset: report?.offset as number })
            }
            client.produce(topic, partition ?? null, value, key, null, answer, list)
          })
        } catch (error) {
          if (error instanceof DfspError) throw error
          if ((error as ClientError).code !== ERR.QUEUE_FULL)
            throw explain(asTold(error as ClientError), { topic, login, doing: 'produce' })
          await delay(QUEUE_FULL_RETRY_MS)
        }
      }
    },
    close: () =>
      new Promise(resolve => client.flush(30_000, () => client.disconnect(5_000, () => resolve()))),
  }
}
