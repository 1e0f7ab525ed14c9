/** A disk that takes nothing: told, and tried every 10 s until it takes a probe again. */
import { PROBE_EVERY_MS } from '../../core/breaker.ts'
import { troubles } from '../../core/troubles.ts'
import type { Shared } from '../processor-deps.ts'

export interface DiskTrouble {
  /** A write failed. */
  failed(error: Error): void
  /** Tries it now. */
  probe(): void
  /** It is time to try it. `isIdle`: nothing else is going on, so that a first try need not wait. */
  isDue(isIdle: () => boolean): boolean
  /** Why it takes nothing, and how often it was tried since; undefined when it does. */
  readonly now: { readonly reason: string; readonly probes: number } | undefined
}

/** A disk that has failed again and again for so long, and no file was finished meanwhile, counts as one that takes nothing. */
const FUTILE_MS = 2 * PROBE_EVERY_MS

export function diskTrouble({ deps, counts }: Pick<Shared, 'deps' | 'counts'>): DiskTrouble {
  const { store, report, now } = deps
  let trouble: { reason: string; probes: number; retryAt: number } | undefined
  const told = troubles(text => report({ type: 'problem', text }), now)
  let isTold = false
  /** Of the files that were finished when the disk took a probe again the last time. */
  let doneAtResume = -1
  /** How often it failed again before a further one was: it has room for a probe and for no file. */
  let relapses = 0
  let failingSince = 0

  function begin(reason: string): void {
    relapses = counts.done === doneAtResume ? relapses + 1 : 0
    if (relapses === 0) failingSince = now()
    const isFutile = now() - failingSince >= FUTILE_MS
    trouble = { reason, probes: isFutile ? relapses : 0, retryAt: now() + PROBE_EVERY_MS }
  }

  return {
    failed({ message }) {
      if (trouble === undefined) begin(message)
      else trouble.reason = message
      const text = `the disk takes nothing: ${message}; reading pauses where memory does not suffice, the disk is tried every 10 s [E_BREAKER]`
      if (told.tell(text, false, 'disk')) isTold = true
    },
    probe() {
      if (trouble === undefined) return
      const current = trouble
      try {
        store.probe()
        trouble = undefined
        doneAtResume = counts.done
        if (isTold) report({ type: 'info', text: 'resumed: the disk takes writes again' })
        isTold = false
      } catch (error) {
        if (now() >= current.retryAt) current.probes++
        current.retryAt = now() + PROBE_EVERY_MS
        current.reason = (error as Error).message
      }
    },
    isDue(isIdle) {
      if (trouble === undefined) return false
      return now() >= trouble.retryAt || (trouble.probes === 0 && isIdle())
    },
    get now() {
      return trouble
    },
  }
}
