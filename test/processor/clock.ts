/** A clock that stands still until a test moves it. */
export interface ManualClock {
  now(): number
  /** Calls `then` once `ms` have gone by; the returned function cancels. */
  after(ms: number, then: () => void): () => void
  /** Lets time go by, from timer to timer, each followed by all work that it caused. */
  advance(ms: number): Promise<void>
  /** When the next timer is due. */
  readonly next: number | undefined
}

export function manualClock(): ManualClock {
  let time = 1_000
  let timers: { readonly at: number; readonly then: () => void }[] = []
  const due = (until: number) => {
    const first = timers.reduce<(typeof timers)[number] | undefined>(
      (a, b) => (b.at <= until && (!a || b.at < a.at) ? b : a),
      undefined,
    )
    timers = timers.filter(timer => timer !== first)
    return first
  }
  return {
    now: () => time,
    after(ms, then) {
      const timer = { at: time + ms, then }
      timers.push(timer)
      return () => {
        timers = timers.filter(other => other !== timer)
      }
    },
    async advance(ms) {
      const until = time + ms
      await settled()
      for (let timer = due(until); timer; timer = due(until)) {
        time = timer.at
        timer.then()
        await settled()
      }
      time = until
    },
    get next() {
      return timers.length === 0 ? undefined : Math.min(...timers.map(timer => timer.at))
    },
  }
}

/** Resolves when all work that waits for nothing but its turn is done. */
export async function settled(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}
