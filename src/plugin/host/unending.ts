/** Plugin threads that could not be ended: they are in native code, such as an endless query of an addon. */
let count = 0

export const unendingThreads = (): number => count

export function addUnending(more: number): void {
  count += more
}
