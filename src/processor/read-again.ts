/**
 * Files whose bytes were dropped, for want of room or because they were wrong: once all their chunks were seen and there
 * is room, their records are read again by reference.
 */

import { PROBE_EVERY_MS } from '../core/breaker.ts'
import { assembly } from '../core/chunks/assembly.ts'
import { type Chunk, isRight } from '../core/chunks/chunk.ts'
import { fileId } from '../core/chunks/generation.ts'
import { namedChunk } from '../core/chunks/named-chunk.ts'
import { offsetRanges } from '../core/offsets/offset-ranges.ts'
import { listText } from '../core/text/list-text.ts'
import type { Place } from '../files/store.ts'
import type { ConsumedRecord } from '../kafka/consumer/consumer.ts'
import type { FileEnds } from './file-ends.ts'
import type { OpenFile } from './open-file.ts'
import type { Shared } from './processor-deps.ts'

export interface ReadAgain {
  /** Drops a file's bytes. */
  dropBytes(file: OpenFile): void
  /** All chunks of an evicted file were seen. */
  ready(file: OpenFile): void
  /** Reads those again for which there is room. */
  start(): void
  /** There was no room just now: begins no more for a while. */
  postpone(): void
  /** Their partitions are taken away, or the run ends. */
  cancel(): void
  readonly isReading: boolean
  /** A chunk was read for the first time: what is read again of it is older, and does not replace it. */
  came(file: OpenFile, chunk: Chunk): void
  /** Its copies are being read, and each counts: it is whole once all were. */
  takesAllCopies(file: OpenFile): boolean
  /** Whether files wait for it, or are being read. */
  readonly isWaiting: boolean
}

export interface ReadAgainDeps extends Shared {
  readonly ends: FileEnds
  place(file: OpenFile, chunk: Chunk): void
  /** All chunks of the file are there. */
  complete(file: OpenFile): void
  placeFor(bytes: number): Place
  /** Bytes that may be put into memory. */
  memoryLeft(): number
  diskIsFull(): boolean
  onEnd(): void
}

interface Reading {
  /** With the indexes of chunks that came meanwhile and are right by their own digests. */
  readonly files: ReadonlyMap<OpenFile, Set<number>>
  readonly abort: AbortController
}

/** Files for which room is looked at a time. */
const MOST_LOOKS = 1_000

export function readAgain(s: ReadAgainDeps): ReadAgain {
  const { deps, files, ledger, ends } = s
  const { store, report, now } = deps
  /** Evicted files all of whose chunks were seen, in that order; some may have ended since. */
  const whole = new Set<OpenFile>()
  let reading: Reading | undefined
  let retryAt = Number.NEGATIVE_INFINITY

  /** From now on its chunks are only counted. */
  function dropBytes(file: OpenFile): void {
    s.ahead.forget(file)
    file.stored.release()
    if (file.seen) file.assembly = file.seen
    file.seen = undefined
    files.move(file, 'evicted')
    file.size = 0
    if (isWhole(file)) whole.add(file)
  }

  function isWhole(file: OpenFile): boolean {
    return file.state === 'evicted' && file.assembly.count === file.assembly.total
  }

  /** The first whole ones, as many as memory has room for; one for which it has none may go to disk. */
  function candidates(): Map<OpenFile, Place> {
    const chosen = new Map<OpenFile, Place>()
    let left = s.memoryLeft()
    let looks = 0
    for (const file of whole) {
      if (!isWhole(file)) {
        whole.delete(file)
        continue
      }
      if (++looks > MOST_LOOKS) break
      const { bytes } = file.assembly
      const wanted = s.placeFor(bytes)
      const place = wanted === 'memory' && bytes > left ? 'spool' : wanted
      if (place !== 'memory' && (s.diskIsFull() || chosen.size > 0)) continue
      chosen.set(file, place)
      if (place !== 'memory') break
      left -= bytes
    }
    return chosen
  }

  function postpone(): void {
    retryAt = now() + PROBE_EVERY_MS
  }

  function start(): void {
    if (reading !== undefined || whole.size === 0 || now() < retryAt) return
    const chosen = candidates()
    if (chosen.size === 0) return
    const offsets = [...chosen.keys()].flatMap(file =>
      file.receipts.map(r => ({ partition: r.partition, offset: ledger.offsetOf(r) as number })),
    )
    for (const [file, place] of chosen) {
      whole.delete(file)
      file.seen = file.assembly
      file.assembly = assembly(file.assembly.total)
      file.stored = store.open(place)
      files.move(file, 'assembling')
    }
    const abort = new AbortController()
    const own = { files: new Map(Array.from(chosen.keys(), file => [file, new Set<number>()])), abort }
    reading = own
    deps
      .refetch(offsetRanges(offsets), r => !abort.signal.aborted && recordAgain(r), abort.signal)
      .then(
        () => ended(own),
        error => ended(own, error as Error),
      )
  }

  function recordAgain(r: ConsumedRecord): void {
    const found = namedChunk(r.value)
    if ('refused' in found) return
    const file = files.byId.get(fileId(found.path, found.chunk))
    const newer = file && reading?.files.get(file)
    if (file === undefined || newer === undefined || newer.has(found.chunk.index)) return
    if (file.state === 'assembling') s.place(file, found.chunk)
    else file.hasUnreadCopies = true
  }

  function ended(own: Reading, error?: Error): void {
    if (reading === own) reading = undefined
    for (const file of own.files.keys()) {
      if (file.state !== 'assembling' || file.seen === undefined) continue
      if (error !== undefined || own.abort.signal.aborted) dropBytes(file)
      else {
        file.seen = undefined
        if (file.assembly.count === file.assembly.total) s.complete(file)
        else giveUpMissing(file)
      }
    }
    if (error !== undefined && !own.abort.signal.aborted) {
      postpone()
      report({ type: 'problem', text: `reading again failed, it is tried again: ${error.message}` })
    }
    s.onEnd()
  }

  /** All its records were read again, and it is not whole. */
  function giveUpMissing(file: OpenFile): void {
    if (!file.checksChunks)
      return ends.giveUp(file, 'incomplete', 'its records were deleted before it could be read again')
    const { total } = file.assembly
    const bad = Array.from({ length: total }, (_, i) => i + 1).filter(index => !file.assembly.has(index))
    ends.giveUp(file, 'mismatch', `chunk ${listText(bad)} of ${total} is damaged in every copy`, 0, bad)
  }

  return {
    dropBytes,
    start,
    postpone,
    cancel() {
      reading?.abort.abort()
      reading = undefined
    },
    came(file, chunk) {
      const newer = reading?.files.get(file)
      if (newer !== undefined && isRight(chunk, deps.sha512)) newer.add(chunk.index)
    },
    takesAllCopies: file => file.checksChunks && file.seen !== undefined,
    get isReading() {
      return reading !== undefined
    },
    ready: file => void whole.add(file),
    get isWaiting() {
      if (reading !== undefined) return true
      for (const file of whole) {
        if (isWhole(file)) return true
        whole.delete(file)
      }
      return false
    },
  }
}
