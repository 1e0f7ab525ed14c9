/** A host's journal: what was synced survives a crash, what was on its way may. */
import type { FinishedJournal } from '../../src/processor/processor-deps.ts'
import { systemError } from './disk.ts'
import type { ProcessWorld } from './world.ts'

export interface SimJournal extends FinishedJournal {
  /** The process dies; what is in the file now is what the next one finds. */
  crash(): void
}

export interface JournalWorld extends Pick<ProcessWorld, 'clock' | 'chance' | 'store' | 'happened'> {
  readonly checks: Pick<ProcessWorld['checks'], 'onJournalled'> & { onJournalCleared?(): void }
}

/** `safe`: what its file has. */
export function simJournal(
  { clock, chance, store, checks, happened }: JournalWorld,
  safe = new Set<string>(),
): SimJournal {
  const underWay = new Set<string>()
  const cleared = new Set<string>()
  return {
    has: key => safe.has(key),
    append(key) {
      underWay.add(key)
      return new Promise((resolve, reject) =>
        clock.after(chance.delay(1, 100), () => {
          if (!underWay.delete(key)) return // the process died before
          const { broken, capacity, usedBytes } = store.disk
          if (broken !== undefined || usedBytes >= capacity) return reject(systemError(broken ?? 'ENOSPC'))
          happened('journal entry')
          safe.add(key)
          checks.onJournalled(key)
          resolve()
        }),
      )
    },
    clear() {
      if (safe.size > 0) happened('journal cleared')
      checks.onJournalCleared?.()
      for (const key of safe) cleared.add(key)
      safe.clear()
    },
    crash() {
      for (const keys of [underWay, cleared]) {
        if (chance.chance(0.5))
          for (const key of keys) {
            safe.add(key)
            checks.onJournalled(key)
          }
        keys.clear()
      }
    },
  }
}
