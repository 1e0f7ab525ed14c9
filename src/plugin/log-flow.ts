/**
 * What a thread has logged and the host has not taken yet. User code that logs faster than the log is written would
 * fill the memory, and hold the main thread for as long as it takes to write it all: so the thread waits.
 */

/** Taken before user code is loaded, which may change what is global in its thread. */
const { add, load, notify, sub, wait } = Atomics

/** Entries; each is bounded, too. */
export const MOST_UNTAKEN = 256

/** The thread may be ended while it waits: it looks about now and then. */
const LOOK_MS = 100

export function newLogFlow(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
}

/** In the thread, once an entry is sent. */
export function entrySent(flow: Int32Array): void {
  let untaken = add(flow, 0, 1) + 1
  while (untaken >= MOST_UNTAKEN) {
    wait(flow, 0, untaken, LOOK_MS)
    untaken = load(flow, 0)
  }
}

/** In the host, once an entry is logged. */
export function entryTaken(flow: Int32Array): void {
  sub(flow, 0, 1)
  notify(flow, 0)
}
