/** The consumer is opened while the plugin's module loads: both take a moment, and neither needs the other. */
import type { Values } from '../config/options/options.ts'
import { type FileConsumer, openConsumer } from '../kafka/consumer/consumer.ts'

export interface Connecting {
  readonly consumer: Promise<FileConsumer>
  /** `tell` hears what is waited for; what was said before comes first. */
  onInfo(tell: (text: string) => void): void
  /** Closes the consumer, where it is open; one that is still being opened is not waited for. */
  close(): Promise<void>
}

export interface ConnectOptions extends Pick<Values, 'from' | 'waitForTopic' | 'shared' | 'memoryBytes'> {
  readonly topic: string
  readonly group: string
  readonly consumerProperties: Readonly<Record<string, string>>
}

export function connecting(options: ConnectOptions): Connecting {
  const early: string[] = []
  let tell = (text: string): void => {
    early.push(text)
  }
  let opened: FileConsumer | undefined
  const { topic, group, from, waitForTopic, shared } = options
  const properties = { ...clientQueue(options.memoryBytes), ...options.consumerProperties }
  const consumer = openConsumer({ topic, group, properties, from, waitForTopic, shared }, text => tell(text))
  consumer.then(
    ready => {
      opened = ready
    },
    () => {}, // whoever waits for it hears of that
  )
  return {
    consumer,
    onInfo(given) {
      tell = given
      for (const text of early.splice(0)) given(text)
    },
    async close() {
      const closing = opened
      opened = undefined
      await closing?.close()
    },
  }
}

/** What the client holds comes on top of the budget: where that is small, so is the client's queue. */
function clientQueue(memoryBytes: number): Record<string, string> {
  return {
    'queued.max.messages.kbytes': String(Math.min(65_536, Math.round(memoryBytes / 4 / 1024))),
    'fetch.message.max.bytes': String(Math.min(1_048_576, Math.round(memoryBytes / 64))),
  }
}
