/**
 * Held files come back by themselves, each after a pause that grows: what an outage held need not wait for a restart. Few
 * at a time, and more while they succeed, so that those that never will hold up nobody. One whose content was wrong comes
 * back once copies of its chunks came.
 */

import type { Shared } from '../processor-deps.ts'
import { isOutdated, mayHeal, type OpenFile, readForCopies } from '../table/open-file.ts'
import type { GiveUp } from './give-up.ts'

export interface HeldAgainDeps extends Shared {
  readonly giveUp: GiveUp
  /** Its records are read again. */
  dropBytes(file: OpenFile): void
}

const MOST = 256

export interface HeldAgain {
  /** To be called every second or so: lets those out whose time has come. */
  look(): void
  /** A copy of a chunk came of a file that is held. */
  copied(file: OpenFile): void
  /** Files come back with the next look. */
  readonly isWaiting: boolean
}

export function heldAgain(s: HeldAgainDeps): HeldAgain {
  const { deps, files, breaker } = s
  const { now } = deps
  const out = new Set<OpenFile>()
  const healable = new Set<OpenFile>()
  let most = 1

  function lookAtThoseOut(): void {
    for (const file of out) {
      if (file.state !== 'held' && file.state !== 'closed') continue
      out.delete(file)
      most = file.state === 'held' ? 1 : Math.min(MOST, 2 * most)
    }
  }

  function due(): OpenFile[] {
    const at = now()
    const found: OpenFile[] = []
    for (const file of files.byKey.values())
      if (file.state === 'held' && file.againAt <= at && !isOutdated(file)) found.push(file)
    return found.sort((a, b) => a.againAt - b.againAt)
  }

  function isHealable(file: OpenFile): boolean {
    if (file.state !== 'held' || file.heldFor?.result !== 'mismatch') return false
    return file.heldFor.again === 'attempt' && mayHeal(file) && !isOutdated(file)
  }

  function heal(): void {
    for (const file of healable)
      if (isHealable(file)) {
        readForCopies(file)
        s.dropBytes(file)
      }
    healable.clear()
  }

  function letOut(file: OpenFile): void {
    const { result, error, again } = file.heldFor as NonNullable<OpenFile['heldFor']>
    // Its rest may have come, or lie unread: it is given up again only where it is still incomplete.
    if (result === 'incomplete') return s.dropBytes(file)
    out.add(file)
    // Only its letter was refused.
    if (again === 'letter') s.giveUp(file, result, error)
    else s.dropBytes(file)
  }

  return {
    look() {
      heal()
      lookAtThoseOut()
      if (out.size >= most || files.count('held') === 0) return
      // While all pauses it would only wait; but where nothing else waits it is the one to be tried.
      if (breaker.state !== 'closed' && files.underWay.files > 0) return
      for (const file of due().slice(0, most - out.size)) letOut(file)
    },
    copied(file) {
      if (isHealable(file)) healable.add(file)
    },
    get isWaiting() {
      for (const file of healable) {
        if (isHealable(file)) return true
        healable.delete(file)
      }
      return false
    },
  }
}
