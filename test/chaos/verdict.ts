/** Holds what the plugin saw and what the group had committed at many moments against what dfsp promises. */
import { decodeCommitRecord } from '../support/commit-record.ts'
import type { Call } from './calls.ts'
import type { TopicIndex } from './topic-index.ts'
import type { SentFile } from './uploads.ts'

/** What the group had committed at a moment. */
export type Snapshot = {
  /** Place in the plugin's events: whatever is committed here ended before it. */
  at: number
  committed: readonly { partition: number; offset: number | undefined; metadata: string | undefined }[]
}

export type Verdict = {
  /** One line per broken promise. */
  broken: string[]
  processed: number
  /** Runs that returned null beyond the first of each file, by why they are allowed. */
  repeats: { notYetCommitted: number; byFrozen: number; sentAgain: number }
  attempts: number
}

export function verdict(
  files: ReadonlyMap<string, SentFile>,
  calls: readonly Call[],
  index: TopicIndex,
  snapshots: readonly Snapshot[],
  /** Processes that the group may have given up while they ran: what they run then counts for nothing. */
  frozen: ReadonlySet<number>,
  /** When a process was gone, by its pid. */
  gone: ReadonlyMap<number, number> = new Map(),
): Verdict {
  const broken: string[] = []
  const firstOk = new Map<string, number>()
  for (const { what, path, digest, at } of calls) {
    const file = files.get(path)
    if (!file) broken.push(`${path} was processed and never sent`)
    else if (file.digest !== digest) broken.push(`${path} was processed with another content`)
    if (what === 'ok' && !firstOk.has(path)) firstOk.set(path, at)
  }
  for (const file of files.values())
    if (!file.isBad && !firstOk.has(file.path)) broken.push(`lost: ${file.path} was never processed`)

  const committedSince = committedFiles(files, firstOk, index, snapshots, broken)
  for (const { what, path, at, pid, attempt } of calls) {
    const since = committedSince.get(path)
    if (what !== 'begin' || since === undefined || at < since) continue
    if (frozen.has(pid) || (files.get(path)?.times ?? 0) > 1) continue
    broken.push(`repeated: ${path} (attempt ${attempt} of process ${pid}) was finished and committed before`)
  }

  broken.push(...atTwoHosts(calls, frozen, gone))

  const repeats = { notYetCommitted: 0, byFrozen: 0, sentAgain: 0 }
  for (const { what, path, at, pid } of calls) {
    if (what !== 'ok' || at === firstOk.get(path)) continue
    if (frozen.has(pid)) repeats.byFrozen++
    else if ((files.get(path)?.times ?? 0) > 1) repeats.sentAgain++
    else repeats.notYetCommitted++
  }
  return {
    broken,
    processed: firstOk.size,
    repeats,
    attempts: calls.filter(call => call.what === 'begin').length,
  }
}

/** Files that a process began while another was at them. */
function atTwoHosts(
  calls: readonly Call[],
  frozen: ReadonlySet<number>,
  gone: ReadonlyMap<number, number>,
): string[] {
  const running = new Map<string, number>()
  const found: string[] = []
  for (const { what, path, pid, at } of calls) {
    const other = running.get(path)
    const isThere = other !== undefined && other !== pid && at < (gone.get(other) ?? Number.POSITIVE_INFINITY)
    if (what === 'begin' && isThere && !frozen.has(other) && !frozen.has(pid))
      found.push(`at two hosts: ${path} was begun by process ${pid} while process ${other} ran it`)
    if (what === 'begin') running.set(path, pid)
    else if (other === pid) running.delete(path)
  }
  return found
}

/** Each file all of whose records were resolved in a snapshot, with the place of the first such snapshot. */
function committedFiles(
  files: ReadonlyMap<string, SentFile>,
  firstOk: ReadonlyMap<string, number>,
  index: TopicIndex,
  snapshots: readonly Snapshot[],
  broken: string[],
): Map<string, number> {
  const recordsOf = new Map<string, number>()
  for (const path of index.owners.flat()) recordsOf.set(path, (recordsOf.get(path) ?? 0) + 1)
  const since = new Map<string, number>()
  const bases: number[] = index.owners.map(() => 0)
  for (const snapshot of snapshots) {
    const resolved = new Map<string, number>()
    for (const { partition, offset: base = 0, metadata } of snapshot.committed) {
      const owners = index.owners[partition] as readonly string[]
      if (base < (bases[partition] as number))
        broken.push(
          `committed offset of partition ${partition} went back from ${bases[partition]} to ${base}`,
        )
      if (base > owners.length)
        broken.push(`partition ${partition}: ${base} is committed, its end is ${owners.length}`)
      bases[partition] = base
      const count = (offset: number, how: string) => {
        const path = owners[offset] as string
        resolved.set(path, (resolved.get(path) ?? 0) + 1)
        if (files.get(path)?.isBad || (firstOk.get(path) ?? Number.POSITIVE_INFINITY) < snapshot.at) return
        broken.push(`${path} is unfinished, ${how} its record at ${offset} of partition ${partition}`)
      }
      for (let offset = 0; offset < Math.min(base, owners.length); offset++)
        count(offset, `and ${base} is committed past`)
      for (const offset of resolvedAbove(base, metadata, owners, index))
        count(offset, 'and the commit record has resolved')
    }
    for (const [path, count] of resolved)
      if (count === recordsOf.get(path) && !since.has(path)) since.set(path, snapshot.at)
  }
  return since
}

/** The offsets above the committed one that a commit record says are resolved. */
function resolvedAbove(
  base: number,
  metadata: string | undefined,
  owners: readonly string[],
  index: TopicIndex,
): number[] {
  const record = decodeCommitRecord(metadata)
  if (record === undefined || record.base !== base) return []
  const offsets = Array.from({ length: record.position - base }, (_, i) => base + i)
  if (record.unresolved.kind === 'files') {
    const open = new Set(record.unresolved.files)
    const others = new Set(record.unresolved.offsets)
    return offsets.filter(offset => {
      const hash = index.hashes.get(owners[offset] as string)
      return hash !== undefined && !open.has(hash) && !others.has(offset)
    })
  }
  const resolved: number[] = []
  let at = base
  for (const [i, run] of record.unresolved.runs.entries()) {
    if (i % 2 === 1) for (let offset = at; offset < at + run; offset++) resolved.push(offset)
    at += run
  }
  return resolved
}
