/** A promise that is resolved from outside. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  /** The first call counts. */
  readonly resolve: (value: T) => void
  readonly isResolved: boolean
}

export function deferred<T>(): Deferred<T> {
  let give: (value: T) => void = () => {}
  const promise = new Promise<T>(resolve => {
    give = resolve
  })
  let isResolved = false
  return {
    promise,
    resolve(value) {
      isResolved = true
      give(value)
    },
    get isResolved() {
      return isResolved
    },
  }
}
