/** Waits for what is looked at whenever something changed. */

export interface Waits {
  /** Something changed. */
  look(): void
  /** Resolves once `isOver` says so; false after `ms`. */
  until(ms: number, isOver: () => boolean): Promise<boolean>
}

export function waits(after: (ms: number, then: () => void) => () => void): Waits {
  const waiters = new Set<() => void>()
  return {
    look() {
      for (const look of waiters) look()
    },
    async until(ms, isOver) {
      if (isOver()) return true
      return await new Promise(resolve => {
        const cancel = after(ms, () => {
          waiters.delete(look)
          resolve(false)
        })
        const look = () => {
          if (!isOver()) return
          waiters.delete(look)
          cancel()
          resolve(true)
        }
        waiters.add(look)
      })
    },
  }
}
