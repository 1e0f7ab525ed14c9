/** Time that goes from event to event. Nothing waits for real time, so a minute costs what happens in it. */

export interface SimClock {
  /** Milliseconds. */
  now(): number
  /** Calls `then` once `ms` have gone by; the returned function cancels. `idle` events are no sign of life. */
  after(ms: number, then: () => void, idle?: boolean): () => void
  /** Goes to the next event and lets it happen; false when there is none. */
  step(): boolean
  /** Events to come that are a sign of life. */
  readonly pending: number
}

interface Event {
  readonly at: number
  readonly number: number
  readonly idle: boolean
  work: (() => void) | undefined
}

export function simClock(): SimClock {
  const heap: Event[] = []
  let time = 1_000
  let numbers = 0
  let pending = 0

  const isBefore = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.number < b.number)

  function push(event: Event): void {
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const up = (at - 1) >> 1
      if (isBefore(heap[up] as Event, event)) break
      heap[at] = heap[up] as Event
      at = up
    }
    heap[at] = event
  }

  function pop(): Event | undefined {
    const first = heap[0]
    const last = heap.pop()
    if (heap.length === 0 || last === undefined) return first
    let at = 0
    for (;;) {
      let down = 2 * at + 1
      if (down >= heap.length) break
      if (down + 1 < heap.length && isBefore(heap[down + 1] as Event, heap[down] as Event)) down++
      if (isBefore(last, heap[down] as Event)) break
      heap[at] = heap[down] as Event
      at = down
    }
    heap[at] = last
    return first
  }

  return {
    now: () => time,
    after(ms, then, idle = false) {
      const event: Event = { at: time + Math.max(0, ms), number: numbers++, idle, work: then }
      push(event)
      if (!idle) pending++
      return () => {
        if (event.work !== undefined && !idle) pending--
        event.work = undefined
      }
    },
    step() {
      for (let event = pop(); event; event = pop()) {
        const { work } = event
        if (!work) continue // cancelled
        time = event.at
        event.work = undefined
        if (!event.idle) pending--
        work()
        return true
      }
      return false
    },
    get pending() {
      return pending
    },
  }
}

/** Whether a process goes on. */
export interface Stands {
  still: boolean
  ended: boolean
  /** What came while it stood still. */
  readonly waiting: (() => void)[]
}

/** The clock of one process: what comes while it stands still waits, and what comes once it ended does not. */
export function onTopOf(clock: SimClock, stands: Stands): SimClock {
  return {
    ...clock,
    after(ms, then, idle) {
      let isCancelled = false
      const come = () => {
        if (stands.ended || isCancelled) return
        if (stands.still) stands.waiting.push(come)
        else then()
      }
      const cancel = clock.after(ms, come, idle)
      return () => {
        isCancelled = true
        cancel()
      }
    },
  }
}

/** Resolves when all promises that wait for nothing but their turn have had it: ticks come after microtasks. */
export function settled(): Promise<void> {
  return new Promise(resolve => process.nextTick(resolve))
}
