import { test } from 'node:test'
import { broker } from '../../support/broker.ts'
import { type RawClients, rawClients } from '../../support/raw-clients.ts'

const MOST_MS = 60_000

/**
 * A test of what the client or the broker does, right or wrong. An upgrade that changes it fails the test, which names the
 * `place` in src/ that was made for it.
 */
export function reliedOn(title: string, place: string, body: (clients: RawClients) => Promise<void>): void {
  test(title, async () => {
    const clients = rawClients(broker)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not seen within ${MOST_MS / 1000} s`)), MOST_MS)
    })
    try {
      await Promise.race([body(clients), late])
      await clients.close()
    } catch (error) {
      void clients.close()
      throw new Error(`the client or broker has changed, see ${place}: ${(error as Error).message}`, {
        cause: error,
      })
    } finally {
      clearTimeout(timer)
    }
  })
}
