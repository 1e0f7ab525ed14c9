/**
 * librdkafka's mock cluster in this process: the broker of the demo and of quick tests. In memory, 4 partitions per
 * topic, made on first use; of each it keeps the last 5 MiB.
 */
import { rdkafka } from './addon.ts'

export interface MockCluster {
  /** host:port for bootstrap.servers; other processes on this machine can use it too. */
  readonly brokers: string
  close(): Promise<void>
}

export async function startMockCluster(): Promise<MockCluster> {
  const { Producer } = rdkafka()
  // The cluster lives as long as this client, which does nothing else.
  const holder = new Producer({ 'test.mock.num.brokers': 1, 'bootstrap.servers': '', log_level: 3 } as never)
  const metadata = await new Promise<{ brokers: { host: string; port: number }[] }>((resolve, reject) =>
    holder.connect({ timeout: 10_000 }, (error, found) => (error ? reject(error) : resolve(found))),
  )
  const broker = metadata.brokers[0] as { host: string; port: number }
  return {
    brokers: `${broker.host}:${broker.port}`,
    close: () => new Promise(resolve => holder.disconnect(() => resolve())),
  }
}
