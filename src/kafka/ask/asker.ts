/**
 * Questions of a running consumer, by a client of their own. On the consumer's connection each would wait behind a
 * fetch, which a slow link or a quota holds for minutes; and the client drops a connection with a question that timed
 * out, so that the fetch would begin again and again.
 *
 * kafka/ask/ asks the brokers and changes nothing but topics that are to be made.
 */
import type RdKafka from '@confluentinc/kafka-javascript'
import { disconnected } from './admin.ts'
import { bareClient } from './bare-client.ts'

export interface Asker {
  /** After a question that failed the next one connects anew: that says why, and with which code. */
  ask<T>(question: (client: RdKafka.KafkaConsumer) => Promise<T>): Promise<T>
  /** Waits for nothing: what is still asked is answered to nobody. */
  close(): void
}

export function asker(properties: Readonly<Record<string, string>>): Asker {
  let connecting: Promise<RdKafka.KafkaConsumer> | undefined
  /** Of the current client. */
  const open = new Map<Promise<RdKafka.KafkaConsumer>, number>()
  let closed = false

  function end(one: Promise<RdKafka.KafkaConsumer>): void {
    if (connecting === one) connecting = undefined
    // A client that goes while it is asked takes the process with it (binding 1.10.1).
    if (open.get(one)) return
    open.delete(one)
    one.then(
      client => void disconnected(client),
      () => {},
    )
  }
  return {
    async ask(question) {
      connecting ??= bareClient(properties)
      const one = connecting
      open.set(one, (open.get(one) ?? 0) + 1)
      let failed = true
      try {
        const answer = await question(await one)
        failed = false
        return answer
      } finally {
        open.set(one, (open.get(one) as number) - 1)
        if (closed || failed || connecting !== one) end(one)
      }
    },
    close() {
      closed = true
      if (connecting !== undefined) end(connecting)
    },
  }
}
