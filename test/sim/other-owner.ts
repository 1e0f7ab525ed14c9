/**
 * Another process that owns the partitions while they are away from this one: it finishes some files, commits as it
 * should, and is gone again.
 */
import { encodeCommitRecord } from '../../src/core/offsets/commit-record.ts'
import type { Broker, Partition } from './broker.ts'
import { isFinal, isWhole } from './truth.ts'
import type { World } from './world.ts'

const LATEST = 24

export function otherOwner({ chance, truth, checks, happened, trace }: World, broker: Broker): void {
  const done = truth.files.filter(
    f => isWhole(f) && !f.file.filtered && !isFinal(f) && f.file.failures === 0 && chance.chance(0.5),
  )
  if (done.length === 0) return
  for (const f of done) f.nulls++
  const finished = done.map(f => f.key).slice(0, LATEST)
  const commits = broker.partitions.flatMap(p => {
    const base = truth.safe(p.number)
    const runs = runsOf(p, base, offset => truth.isOver(p.number, offset))
    const record = { base, position: p.end, runs, files: undefined, finished, attempts: new Map() }
    const metadata = encodeCommitRecord(record)
    return metadata && metadata.fill <= 1
      ? [{ partition: p.number, offset: base, metadata: metadata.text }]
      : []
  })
  if (commits.length < broker.partitions.length) {
    for (const f of done) f.nulls--
    return
  }
  happened('partitions owned by another')
  trace(() => `another process finishes ${done.map(f => `f${f.file.index}`).join(' ')}`)
  // The commit says so of those, too, that were processed before and in no commit.
  checks.onCommitted(commits, truth.files.filter(isFinal))
  broker.store(commits)
}

/** By turns the lengths of unresolved and resolved runs, from `base` to the end. */
function runsOf(p: Partition, base: number, isOver: (offset: number) => boolean): number[] {
  const runs = [0]
  for (let offset = base; offset < p.end; offset++) {
    if (isOver(offset) === (runs.length % 2 === 1)) runs.push(0)
    runs[runs.length - 1] = (runs.at(-1) as number) + 1
  }
  return runs
}
