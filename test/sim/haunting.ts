/** Copies of files that are over: without the others they make no whole file, and are told like those of a new one. */
import { fileHash40 } from '../../src/core/offsets/commit-record.ts'
import { type Replay, replay } from '../../src/core/offsets/replay.ts'
import { decodeCommitRecord } from '../support/commit-record.ts'
import { type Broker, indexAt, type Partition } from './broker.ts'
import type { FileTruth, Truth } from './truth.ts'

/**
 * Notes those of which no commit speaks as their partitions are assigned. Commits say what was processed; of files that
 * were set aside, copies that came later are told like those of new files. The same holds for copies that were read once
 * and not again when the others were processed: commits call them unresolved, and name only the files that were finished
 * last.
 */
export function noteHaunting(broker: Broker, truth: Truth, assigned: readonly Partition[]): void {
  const told = broker.partitions.map(({ committed }) => decodeCommitRecord(committed?.metadata))
  const named = new Set(assigned.flatMap(({ number }) => told[number]?.finished ?? []))
  const open = new Map<FileTruth, number[]>() // copies by chunk of which no commit says that they are over
  for (const { number, records, committed } of assigned) {
    const from = committed?.offset ?? 0
    const record = told[number]
    const said = record && replay(record)
    for (const { offset, what } of records.slice(indexAt(records, from))) {
      const f = truth.fileAt(number, offset)
      if (!f?.durable || what.kind !== 'chunk') continue
      if (offset >= (said?.end ?? from) || f.nulls === 0) f.mayHaunt = true
      if (said && isOver(said, offset, f)) continue
      const copies = open.get(f) ?? Array<number>(f.file.total).fill(0)
      copies[what.chunk] = (copies[what.chunk] as number) + 1
      open.set(f, copies)
    }
  }
  for (const [f, copies] of open)
    if (!named.has(f.key) && copies.every((n, chunk) => n < (f.copies[chunk] as number))) f.mayHaunt = true
}

function isOver(said: Replay, offset: number, f: FileTruth): boolean {
  if (offset >= said.end) return false
  return said.isResolved(offset, fileHash40(f.key)) || said.isFinished(f.key)
}
