/**
 * Which files have stopped changing: a file is `waiting` from the moment when it is seen until its fingerprint has
 * been the same for the whole settle time; any other fingerprint begins the time anew. It knows no disk and no clock:
 * times are milliseconds of the caller's.
 */
export interface Settling {
  /** A file is there, with this fingerprint. */
  see(file: string, fingerprint: string, at: number): void
  isWaiting(file: string): boolean
  /** Files to be looked at now. */
  due(at: number): string[]
  /** What a look at a file that was due means; `undefined` for one that is gone. All but `waits` end its waiting. */
  look(file: string, fingerprint: string | undefined, at: number): 'settled' | 'waits' | 'gone'
  /** Lets a file wait until `until`, or for the settle time from then on if it has changed. */
  putOff(file: string, fingerprint: string, until: number): void
}

export function settling(settleMs: number): Settling {
  const waiting = new Map<string, { readonly fingerprint: string; readonly lookAt: number }>()
  return {
    see(file, fingerprint, at) {
      if (waiting.get(file)?.fingerprint === fingerprint) return
      waiting.set(file, { fingerprint, lookAt: at + settleMs })
    },
    isWaiting: file => waiting.has(file),
    due: at => [...waiting].filter(([, { lookAt }]) => lookAt <= at).map(([file]) => file),
    look(file, fingerprint, at) {
      const before = waiting.get(file)
      if (fingerprint === undefined || before === undefined) {
        waiting.delete(file)
        return 'gone'
      }
      if (fingerprint === before.fingerprint) {
        waiting.delete(file)
        return 'settled'
      }
      waiting.set(file, { fingerprint, lookAt: at + settleMs })
      return 'waits'
    },
    putOff: (file, fingerprint, until) => void waiting.set(file, { fingerprint, lookAt: until }),
  }
}
