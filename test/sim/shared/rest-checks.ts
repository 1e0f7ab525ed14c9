/** All is calm, and nothing happens any more: nothing is lost, and nothing keeps the offsets back without a reason. */
import { indexAt, type Partition } from '../broker.ts'
import { type FileTruth, isComplete, isWhole, wasSent } from '../truth.ts'
import type { Checked } from './checked.ts'

/** What is still wrong. */
export function isQuiet({ plan, broker, truth, epochs, over, happened }: Checked): string | undefined {
  /** Its partition is still where it was held. */
  function isHeld(f: FileTruth, partition: number): boolean {
    for (const epoch of epochs.runs(f).heldIn)
      if (epoch.partition === partition && epoch.state !== 'over') return true
    return false
  }

  function isHeldAnywhere(f: FileTruth): boolean {
    return broker.partitions.some(({ number }) => isHeld(f, number))
  }

  function left(p: Partition): string | undefined {
    const limit = over.safe(p.number)
    const at = p.committed?.offset ?? p.low
    if (at >= limit) return undefined
    const holder = p.records[indexAt(p.records, at)]
    const f = holder && truth.fileAt(p.number, holder.offset)
    if (holder?.what.kind === 'junk') return undefined
    if (f !== undefined && isHeld(f, p.number)) return undefined
    if (f !== undefined && (f.mayHaunt || f.skipped || f.lettered || f.lost > 0)) {
      happened('left over: copies of a finished file')
      return undefined
    }
    const by = holder ? truth.name(p.number, holder.offset) : 'nothing'
    return `${p.number}@${at} is committed, not ${limit}: ${by} holds it`
  }

  for (const f of truth.files) {
    if (over.isFileOver(f) || !wasSent(f) || f.lost > 0 || isHeldAnywhere(f)) continue
    const who = `f${f.file.index} (${f.file.path})`
    if (isWhole(f)) return `${who} is neither processed nor held`
    if (plan.settings.onIncomplete !== 'hold' && !isComplete(f))
      return `${who} is incomplete and not set aside`
  }
  for (const p of broker.partitions) {
    const wrong = left(p)
    if (wrong !== undefined) return wrong
  }
  return undefined
}
