/** From a record to a chunk of an open file, or to a record that is resolved at once. */
import type { Chunk } from '../../core/chunks/chunk.ts'
import { fileId } from '../../core/chunks/generation.ts'
import { namedChunk } from '../../core/chunks/named-chunk.ts'
import { fileHash40 } from '../../core/offsets/commit-record.ts'
import type { Receipt } from '../../core/offsets/ledger.ts'
import type { Place } from '../../files/store.ts'
import type { ConsumedRecord } from '../../kafka/consumer/consumer.ts'
import type { Shared } from '../processor-deps.ts'
import { isWhole, type OpenFile } from '../table/open-file.ts'
import { copiesOfDone } from './copies-of-done.ts'
import { strayChunks } from './stray-chunks.ts'
import { undecodable } from './undecodable.ts'

/** The ledger's owner of a record that belongs to no file. */
const NO_FILE = -1

export interface IntakeDeps extends Shared {
  /** Where the bytes of a new file go. */
  firstPlace(chunk: Chunk): Place
  /** Takes a chunk of a file that is not whole. */
  place(file: OpenFile, chunk: Chunk): void
  /** A copy of a chunk came of a file that does not take it. */
  copied(file: OpenFile): void
}

export function intake(s: IntakeDeps): (r: ConsumedRecord) => void {
  const { deps, ledger, files, replays, finished, known, latest, counts, committing } = s
  const { settings } = deps
  const setAside = undecodable(s)
  const strays = strayChunks(deps)
  const wasDone = copiesOfDone(deps)

  function record(r: ConsumedRecord): void {
    if (!isExpected(r)) return
    const replay = replays.get(r.partition)
    if (replay !== undefined && r.offset >= replay.end) replays.delete(r.partition)
    const again = replay !== undefined && r.offset < replay.end ? replay : undefined
    if (r.value === null || r.value.length === 0) {
      counts.empty++
      return resolveAtOnce(r)
    }
    const found = namedChunk(r.value)
    if ('refused' in found) {
      if (again?.isResolved(r.offset, undefined) || wasDone(r, undefined)) return resolveAtOnce(r)
      if (found.own !== undefined && isFilteredOut(found.own)) {
        counts.filtered++
        return resolveAtOnce(r)
      }
      return setAside(r, received(r, NO_FILE), found.refused)
    }
    const { path, chunk } = found
    const isStray = settings.shared && strays.has(r, path, chunk)
    const id = fileId(path, chunk)
    let file = files.find(r.partition, id)
    if (again !== undefined || file === undefined || deps.doneBefore !== undefined) {
      const digest = file?.digest ?? deps.digest128(id)
      if (again?.isResolved(r.offset, fileHash40(digest)) || wasDone(r, digest)) {
        known.add(digest)
        counts.replayed++
        return resolveAtOnce(r)
      }
      if (isFilteredOut(path)) {
        counts.filtered++
        return resolveAtOnce(r)
      }
      // Where only files are known, a finished one is still among them: what is left of it is no new delivery.
      const isOver = settings.reprocessIdentical
        ? again?.isFinished(digest)
        : file === undefined && finished.has(digest)
      if (isOver && !(again === undefined && begunAgain(r, path, digest))) {
        counts.duplicates++
        latest.add(digest, r.partition)
        return resolveAtOnce(r)
      }
      if (!isStray) file ??= open(r.partition, id, digest, path, chunk)
    }
    if (file === undefined || isStray) return refuse(r, path)
    files.received(file, received(r, file.number))
    noteOffset(file, r)
    if (takesChunks(file)) s.place(file, chunk)
    else {
      counts.duplicates++
      file.hasUnreadCopies = true
      s.copied(file)
    }
  }

  /** It stays unresolved: what is left of its file lies in partitions that others may read. */
  function refuse(r: ConsumedRecord, path: string): void {
    received(r, NO_FILE)
    deps.onFatal(strays.error(r, path))
  }

  /** From now on it is unfinished, for the next commit, too. Copies of some of its chunks are set aside in time. */
  function begunAgain(r: ConsumedRecord, path: string, digest: string): boolean {
    if (settings.reprocessIdentical || !s.lastContents.isSentAgain(r, path, digest)) return false
    // Both know contents, not deliveries: a start after a crash would take it for processed.
    if (deps.journal?.has(digest)) return false
    for (const replay of replays.values()) if (replay.isFinished(digest)) return false
    finished.delete(digest)
    latest.delete(digest)
    known.add(digest)
    return true
  }

  function isFilteredOut(path: string): boolean {
    return settings.files !== undefined && !settings.files.test(path)
  }

  function open(partition: number, id: string, digest: string, path: string, chunk: Chunk): OpenFile {
    const stored = deps.store.open(s.firstPlace(chunk))
    const hash = fileHash40(digest)
    const attempts = attemptsBefore(hash, partition)
    return files.open(partition, { id, digest, path, stored, attempts, lastProgress: deps.now() }, chunk)
  }

  function attemptsBefore(hash: number, partition: number): number {
    if (settings.shared) return replays.get(partition)?.attemptsOf(hash) ?? 0
    let most = 0
    for (const replay of replays.values()) most = Math.max(most, replay.attemptsOf(hash))
    return most
  }

  /** Received and resolved in one step: nothing is left to do for it. */
  function resolveAtOnce(r: ConsumedRecord): void {
    ledger.resolve(received(r, NO_FILE))
    committing.soon()
  }

  /** False for a partition that is not owned; a lower offset than one that was received ends the run. */
  function isExpected(r: ConsumedRecord): boolean {
    if (ledger.epoch(r.partition) === undefined) return false
    const position = ledger.position(r.partition)
    if (r.offset >= position) return true
    deps.onStop(
      `${settings.topic}[${r.partition}] went back to offset ${r.offset} from ${position}: the topic was made anew or cut; start again to read it from there`,
    )
    return false
  }

  function received(r: ConsumedRecord, owner: number): Receipt {
    return ledger.receive(r.partition, r.offset, owner) as Receipt
  }

  return record
}

/** One that was given up as incomplete may become whole all the same. */
function takesChunks(file: OpenFile): boolean {
  const { state } = file
  if (state === 'assembling' || state === 'evicted') return true
  return (state === 'parked' || state === 'held') && !isWhole(file)
}

function noteOffset(file: OpenFile, r: ConsumedRecord): void {
  if (r.timestamp < file.sentAt) file.sentAt = r.timestamp
  if (r.timestamp > file.lastSentAt) file.lastSentAt = r.timestamp
  const range = file.offsets.get(r.partition)
  if (range) range[1] = r.offset
  else file.offsets.set(r.partition, [r.offset, r.offset])
}
