/** Which records are over: what they carry was said to be by a process whose word counted. A late null alone is none. */
import { type Broker, indexAt, type LogRecord } from '../broker.ts'
import type { FileTruth, Truth } from '../truth.ts'
import type { Epochs } from './epochs.ts'

export interface SharedTruth {
  isFileOver(f: FileTruth): boolean
  isOver(partition: number, record: LogRecord): boolean
  /** Records from an offset on, without those at the beginning that are over. */
  unfinished(partition: number): readonly LogRecord[]
  /** Offset of the first record that no commit may pass; the end when there is none. */
  safe(partition: number): number
  /** Of a file that does not lie in one partition. */
  readonly strays: Set<string>
  isAstray(f: FileTruth): boolean
  strayed(partition: number, offset: number): void
  /** A new group begins at these offsets: what lies before is passed over. */
  begun(starts: readonly { readonly partition: number; readonly start: number }[]): void
}

export function sharedTruth(broker: Broker, truth: Truth, epochs: Epochs): SharedTruth {
  const passed = broker.partitions.map(() => 0)
  const safeIndex = broker.partitions.map(() => 0)
  const strays = new Set<string>()
  const astray = new Set<FileTruth>()

  function isFileOver(f: FileTruth): boolean {
    return f.file.filtered || epochs.runs(f).overIn !== undefined || f.journalOn > 0
  }

  function isOver(partition: number, { offset, what }: LogRecord): boolean {
    if (offset < (passed[partition] as number)) return true
    if (what.kind === 'junk') return truth.junkOver.has(`${partition}@${offset}`)
    return what.kind !== 'chunk' || isFileOver(truth.files[what.file] as FileTruth)
  }

  function recordsOf(partition: number): readonly LogRecord[] {
    return broker.partitions[partition]?.records ?? []
  }

  function firstUnfinished(partition: number): number {
    const records = recordsOf(partition)
    let at = safeIndex[partition] as number
    while (at < records.length && isOver(partition, records[at] as LogRecord)) at++
    safeIndex[partition] = at
    return at
  }

  return {
    isFileOver,
    isOver,
    unfinished: partition => recordsOf(partition).slice(firstUnfinished(partition)),
    safe: partition =>
      recordsOf(partition)[firstUnfinished(partition)]?.offset ?? broker.partitions[partition]?.end ?? 0,
    strays,
    isAstray: f => astray.has(f),
    strayed(partition, offset) {
      strays.add(`${partition}@${offset}`)
      astray.add(truth.fileAt(partition, offset) as FileTruth)
    },
    begun(starts) {
      for (const { partition, start } of starts) {
        passed[partition] = start
        const records = recordsOf(partition)
        for (const { what } of records.slice(0, indexAt(records, start)))
          if (what.kind === 'chunk') (truth.files[what.file] as FileTruth).lost++
      }
    },
  }
}
