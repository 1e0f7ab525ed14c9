/** What came of a history. */
export interface Outcome {
  /** The promise that was broken. */
  readonly violation: string | undefined
  /** How often each thing happened. */
  readonly counts: ReadonlyMap<string, number>
  readonly on: ReadonlySet<string>
  readonly files: number
  readonly steps: number
  readonly trace: readonly string[]
}
