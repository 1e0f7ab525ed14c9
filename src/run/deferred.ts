/** A promise that is resolved from outside. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  /** The first call counts. */
  readonly resolve: (value: T) => void
}

export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>(r => {
    resolve = r
  })
  return { promise, resolve }
}
