/** A priority queue: adding and taking cost the logarithm of its size. */
export interface Heap<T> {
  readonly size: number
  add(item: T): void
  /** The first item, which stays. */
  peek(): T | undefined
  /** Removes the first item. */
  take(): T | undefined
  /** Of all that `fits`, the first one; looks at every item, removes none. */
  first(fits: (item: T) => boolean): T | undefined
  /** Removes what does not `fit`. */
  keep(fits: (item: T) => boolean): void
}

/** Of two items the one with the lower `rank` comes first. A rank must not change while its item is inside. */
export function heap<T>(rank: (item: T) => number): Heap<T> {
  let items: T[] = []
  const isBefore = (a: number, b: number) => rank(items[a] as T) < rank(items[b] as T)
  const swap = (a: number, b: number) => {
    const item = items[a] as T
    items[a] = items[b] as T
    items[b] = item
  }
  function add(item: T): void {
    let at = items.push(item) - 1
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(at, parent); parent = (at - 1) >> 1) {
      swap(at, parent)
      at = parent
    }
  }

  return {
    get size() {
      return items.length
    },
    add,
    peek: () => items[0],
    take() {
      const first = items[0]
      const last = items.pop()
      if (items.length === 0 || last === undefined) return first
      items[0] = last
      for (let at = 0; ; ) {
        let least = 2 * at + 1
        if (least >= items.length) return first
        if (least + 1 < items.length && isBefore(least + 1, least)) least++
        if (!isBefore(least, at)) return first
        swap(at, least)
        at = least
      }
    },
    first(fits) {
      let found: T | undefined
      for (const item of items)
        if (fits(item) && (found === undefined || rank(item) < rank(found))) found = item
      return found
    },
    keep(fits) {
      const kept = items.filter(fits)
      items = []
      for (const item of kept) add(item)
    },
  }
}
