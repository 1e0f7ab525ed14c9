/** Keeps calls of consume(n) and changes of the assignment apart. */

export interface CallGate {
  /** Before the next call: a change is under way. */
  readonly change: Promise<void> | undefined
  /** A call has begun. */
  began(call: Promise<unknown>): void
  /** Runs `change` while no call is outstanding; none begins before it is over. */
  between<T>(change: () => T | Promise<T>): Promise<T>
}

export function callGate(): CallGate {
  const outstanding = new Set<Promise<unknown>>()
  let held: Promise<void> | undefined
  return {
    get change() {
      return held
    },
    began(call) {
      const over: Promise<void> = call
        .catch(() => {})
        .then(() => {
          outstanding.delete(over)
        })
      outstanding.add(over)
    },
    async between(change) {
      while (held !== undefined) await held
      let release = () => {}
      held = new Promise<void>(resolve => {
        release = resolve
      })
      try {
        await Promise.all(outstanding)
        return await change()
      } finally {
        held = undefined
        release()
      }
    },
  }
}
