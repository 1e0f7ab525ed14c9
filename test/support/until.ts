import { setTimeout as delay } from 'node:timers/promises'

/** Asks again and again, for what has no event. The test's own time-out bounds it. */
export async function until(reached: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await reached())) await delay(100)
}
