/** One call of consume(n) after the other. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { type ClientError, ERR } from '../client-error.ts'
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

/** How long consume(n) waits for its first record; what comes in ends the wait at once. */
const POLL_MS = 100
const BATCH_BYTES = 4 * 1024 * 1024

export function readLoop(client: RdKafka.KafkaConsumer, deps: ReadLoopDeps): ReadLoop {
  const { gate } = deps
  let running = false
  let loop: Promise<void> = Promise.resolve()
  let meanBytes = 64 * 1024
  let ends: PartitionEnd[] = []

  client.setDefaultConsumeTimeout(POLL_MS)
  ;(
    client as unknown as { setDefaultIsTimeoutOnlyForFirstMessage(on: boolean): void }
  ).setDefaultIsTimeoutOnlyForFirstMessage(true)
  client.on('partition.eof', ({ partition, offset }) => ends.push({ partition, offset }))

  function consume(): Promise<RdKafka.Message[]> {
    const n = Math.round(Math.min(256, Math.max(8, BATCH_BYTES / meanBytes)))
    return new Promise((resolve, reject) => {
      client.consume(n, (error, messages) => (error ? reject(error) : resolve(messages)))
    })
  }

  async function read(): Promise<void> {
    while (running) {
      await deps.wait()
      while (gate.change !== undefined) await gate.change
      if (!running) return
      const turn = deps.turn()
      const call = consume()
      gate.began(call)
      try {
        const messages = await call
        for (const { size } of messages) meanBytes += (size - meanBytes) / 32
        const seen = ends
        ends = []
        deps.deliver(messages, seen, turn)
      } catch (error) {
        if ((error as ClientError).code === ERR.TIMED_OUT) continue
        if (!deps.failed(error as ClientError)) running = false
        else await new Promise(resolve => setTimeout(resolve, POLL_MS))
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
