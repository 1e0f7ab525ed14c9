/** Bytes that are on their way: a sender waits here until there is room for more. */

export interface InFlight {
  /** Resolves when `bytes` fit under the limit, or nothing else is under way; they count from then on. */
  enter(bytes: number): Promise<void>
  leave(bytes: number): void
  /** Resolves when nothing is under way. */
  drained(): Promise<void>
}

export function inFlight(limit: number): InFlight {
  let under = 0
  let onLeave: (() => void) | undefined
  const nextLeave = () =>
    new Promise<void>(resolve => {
      onLeave = resolve
    })
  return {
    async enter(bytes) {
      while (under > 0 && under + bytes > limit) await nextLeave()
      under += bytes
    },
    leave(bytes) {
      under -= bytes
      onLeave?.()
    },
    async drained() {
      while (under > 0) await nextLeave()
    },
  }
}
