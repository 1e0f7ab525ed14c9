/**
 * Whether one of the addresses that a cluster names answers. Clients are sent on to those; where none can be reached,
 * librdkafka tries for ever, and no error of it ends a run.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { HostPort } from '../../core/host-port.ts'
import { addressText } from '../failures.ts'
import { knocked } from './wire.ts'

const RETRY_MS = 500

/** Resolves to undefined once one of them answers, else after `timeoutMs` to the reasons, one for each. */
export async function unreachable(
  brokers: readonly HostPort[],
  { isTls, timeoutMs }: { readonly isTls: boolean; readonly timeoutMs: number },
): Promise<readonly string[] | undefined> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const left = Math.max(1, end - performance.now())
    const reasons = await answersOf(brokers, isTls, left)
    if (reasons === undefined) return undefined
    if (performance.now() + RETRY_MS >= end) return reasons
    await delay(RETRY_MS)
  }
}

async function answersOf(brokers: readonly HostPort[], isTls: boolean, timeoutMs: number) {
  try {
    await Promise.any(
      brokers.map(broker =>
        knocked(broker, isTls, timeoutMs).catch(error => {
          const { message } = error as Error
          const name = addressText(broker)
          throw message.includes(name) ? message : `${name}: ${message}`
        }),
      ),
    )
    return undefined
  } catch (error) {
    return (error as AggregateError).errors as string[]
  }
}
