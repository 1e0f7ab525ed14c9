/** One call of consume(n) after the other. */
import { setTimeout as delay, setImmediate as immediately } from 'node:timers/promises'
import type RdKafka from '@confluentinc/kafka-javascript'
import type { ClientError } from '../client-error.ts'
import { consume, FIRST_BYTES, meanWith, POLL_MS, pollsBriefly } from '../consume.ts'
import type { CallGate } from './call-gate.ts'

export interface PartitionEnd {
  readonly partition: number
  readonly offset: number
}

/** For about so long what a call brings may hold the event loop; whatever waits meanwhile comes before the next call. */
const TURN_MS = 20
/** Of the time that a record takes, the share of the last call. */
const LAST_SHARE = 1 / 4

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

/** Of a member that reads nothing itself: rebalances, and answers to commits, come while it is asked for records. */
export function memberLoop(
  client: RdKafka.KafkaConsumer,
  deps: Pick<ReadLoopDeps, 'gate' | 'failed'>,
): ReadLoop {
  return readLoop(client, { ...deps, turn: () => 0, wait: () => undefined, deliver() {} })
}

export function readLoop(client: RdKafka.KafkaConsumer, deps: ReadLoopDeps): ReadLoop {
  const { gate } = deps
  let running = false
  let loop: Promise<void> = Promise.resolve()
  let meanBytes = FIRST_BYTES
  /** What a record takes. */
  let meanMs = 0
  let ends: PartitionEnd[] = []

  pollsBriefly(client)
  client.on('partition.eof', ({ partition, offset }) => ends.push({ partition, offset }))

  async function read(): Promise<void> {
    while (running) {
      await deps.wait()
      while (gate.change !== undefined) await gate.change
      if (!running) return
      const turn = deps.turn()
      const call = consume(client, meanBytes, TURN_MS / meanMs)
      gate.began(call)
      try {
        const messages = await call
        for (const { size } of messages) meanBytes = meanWith(meanBytes, size)
        const seen = ends
        ends = []
        const from = performance.now()
        deps.deliver(messages, seen, turn)
        const ms = performance.now() - from
        if (messages.length > 0) meanMs += (ms / messages.length - meanMs) * LAST_SHARE
        if (ms > TURN_MS / 2) await immediately()
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
