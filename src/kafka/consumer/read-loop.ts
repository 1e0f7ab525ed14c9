/** One call of consume(n) after the other. */
import { setTimeout as delay } from 'node:timers/promises'
import type RdKafka from '@confluentinc/kafka-javascript'
import type { ClientError } from '../client-error.ts'
import { consume, FIRST_BYTES, meanWith, POLL_MS, pollsBriefly } from '../consume.ts'
import type { CallGate } from './call-gate.ts'

export interface PartitionEnd {
  readonly partition: number
  readonly offset: number
}

export interface ReadLoopDeps {
  readonly gate: Pick<CallGate, 'change' | 'began'>
  /** What a call brings belongs to the turn at its beginning. */
  turn(): number
  /** Resolves when more is wanted; undefined: at once. */
  wait(): Promise<void> | undefined
  deliver(messages: readonly RdKafka.Message[], ends: readonly PartitionEnd[], turn: number): void
  /** Whether to go on reading. */
  failed(error: ClientError): boolean
}

export interface ReadLoop {
  start(): void
  /** Resolves when the last call has returned. */
  stop(): Promise<void>
}

export function readLoop(client: RdKafka.KafkaConsumer, deps: ReadLoopDeps): ReadLoop {
  const { gate } = deps
  let running = false
  let loop: Promise<void> = Promise.resolve()
  let meanBytes = FIRST_BYTES
  let ends: PartitionEnd[] = []

  pollsBriefly(client)
  client.on('partition.eof', ({ partition, offset }) => ends.push({ partition, offset }))

  async function read(): Promise<void> {
    while (running) {
      await deps.wait()
      while (gate.change !== undefined) await gate.change
      if (!running) return
      const turn = deps.turn()
      const call = consume(client, meanBytes)
      gate.began(call)
      try {
        const messages = await call
        for (const { size } of messages) meanBytes = meanWith(meanBytes, size)
        const seen = ends
        ends = []
        deps.deliver(messages, seen, turn)
      } catch (error) {
        if (!deps.failed(error as ClientError)) running = false
        else await delay(POLL_MS)
      }
    }
  }

  return {
    start() {
      running = true
      loop = read()
    },
    async stop() {
      running = false
      await loop
    },
  }
}
