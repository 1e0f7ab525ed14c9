/** One lock for all plugin threads, granted in the order of the requests, freed when its holder dies. */
export interface FifoLock {
  request(thread: number, request: number): void
  release(thread: number, request: number): void
  /** Forgets a thread that is gone: its requests, and the lock if it held it. */
  forget(thread: number): void
}

export function fifoLock(grant: (thread: number, request: number) => void): FifoLock {
  let queue: { readonly thread: number; readonly request: number }[] = []
  const grantHead = () => {
    if (queue[0]) grant(queue[0].thread, queue[0].request)
  }
  return {
    request(thread, request) {
      queue.push({ thread, request })
      if (queue.length === 1) grantHead()
    },
    release(thread, request) {
      const held = queue[0]
      if (held?.thread !== thread || held.request !== request) return
      queue.shift()
      grantHead()
    },
    forget(thread) {
      const held = queue[0]
      queue = queue.filter(r => r.thread !== thread)
      if (held?.thread === thread) grantHead()
    },
  }
}
