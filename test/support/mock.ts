/**
 * librdkafka's mock cluster in this process: a broker for quick tests, ready in milliseconds.
 * Topics appear on first use with 4 partitions, each keeps 5 MiB; no admin requests, no stored transactions.
 * Other processes can reach it; it lives as long as its client, so end it.
 */

import kafka from '@confluentinc/kafka-javascript'
import { answer, produceRaw, type RawRecord } from './topics.ts'

export type MockCluster = {
  /** Bootstrap address, `127.0.0.1:<port>`. */
  brokers: string
  produceRaw(topic: string, records: readonly RawRecord[]): Promise<number[]>
  end(): Promise<void>
}

/** `rttMs`: round trip time of every request. */
export async function startMock({ rttMs = 0 }: { rttMs?: number } = {}): Promise<MockCluster> {
  const host = new kafka.Producer({
    'test.mock.num.brokers': 1,
    'test.mock.broker.rtt': rttMs,
  } as kafka.ProducerGlobalConfig)
  const metadata = await answer<kafka.Metadata>(done => host.connect({ timeout: 60_000 }, done))
  const brokers = metadata.brokers.map(({ host, port }) => `${host}:${port}`).join()
  return {
    brokers,
    produceRaw: (topic, records) => produceRaw(brokers, topic, records),
    async end() {
      await answer(done => host.disconnect(done))
    },
  }
}
