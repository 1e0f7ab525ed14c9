/**
 * How far V8 lets a heap grow before it collects.
 *
 * The bytes of records lie outside the heap and count against its limit all the same: with a heap as small as ours 20 MB of
 * them start a whole collection, 40 a second at full speed, a third of all CPU. So the next limit is five times what is
 * alive after a collection; V8's own factor goes up to four. What waits to be collected comes on top of --memory, so where
 * that is small it is half of that, and threads have less for what is young.
 */
import { setFlagsFromString } from 'node:v8'

const SMALL_BYTES = 256 * 1024 * 1024
let percent = 400

/** Of this thread, from now on. */
export function growHeap(): void {
  setFlagsFromString(`--heap-growing-percent=${percent}`)
}

/** Before `growHeap`, and before the threads begin. */
export function keepHeapsSmall(memoryBytes: number): void {
  if (memoryBytes >= SMALL_BYTES) return
  percent = 150
  setFlagsFromString('--max-semi-space-size=4')
}
