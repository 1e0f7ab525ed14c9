/**
 * Held files come back by themselves, each after a pause that grows: what an outage held need not wait for a restart. Few
 * at a time, and more while they succeed, so that those that never will hold up nobody.
 */
import type { FileEnds } from './file-ends.ts'
import { isOutdated, type OpenFile } from './open-file.ts'
import type { Shared } from './processor-deps.ts'

export interface HeldAgainDeps extends Shared {
  readonly ends: FileEnds
  /** All its records are read again. */
  readAgain(file: OpenFile): void
}

const MOST = 256

/** To be called every second or so: lets those out whose time has come. */
export function heldAgain(s: HeldAgainDeps): () => void {
  const { deps, files, breaker, ends } = s
  const { settings, now } = deps
  const out = new Set<OpenFile>()
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
    for (const file of files.byId.values())
      if (file.state === 'held' && file.againAt <= at && !isOutdated(file)) found.push(file)
    return found.sort((a, b) => a.againAt - b.againAt)
  }

  function letOut(file: OpenFile): void {
    const { result, error } = file.heldFor as NonNullable<OpenFile['heldFor']>
    out.add(file)
    // Only its letter was refused.
    if (settings.onFailure.onError === 'dlq') ends.giveUp(file, result, error)
    else s.readAgain(file)
  }

  return () => {
    lookAtThoseOut()
    if (out.size >= most || files.count('held') === 0) return
    // While all pauses it would only wait; but where nothing else waits it is the one to be tried.
    if (breaker.state !== 'closed' && files.underWay.files > 0) return
    for (const file of due().slice(0, most - out.size)) letOut(file)
  }
}
