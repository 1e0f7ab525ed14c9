/** Reads the records of dropped files again, by reference, once all their chunks were seen and there is room. */
import { assembly } from '../../core/chunks/assembly.ts'
import { type Chunk, isRight } from '../../core/chunks/chunk.ts'
import { fileId } from '../../core/chunks/generation.ts'
import { namedChunk } from '../../core/chunks/named-chunk.ts'
import { offsetRanges } from '../../core/offsets/offset-ranges.ts'
import { listText } from '../../core/text/list-text.ts'
import type { ConsumedRecord } from '../../kafka/consumer/consumer.ts'
import { isWhole, type OpenFile } from '../table/open-file.ts'
import type { PlaceChunks, PlaceChunksDeps } from './place-chunks.ts'

export interface ReadAgain {
  /** Reads those again for which there is room; resolves at the end. Undefined while one reads, and where there is none. */
  start(): Promise<void> | undefined
  /** A chunk was read for the first time: what is read again of it is older, and does not replace it. */
  came(file: OpenFile, chunk: Chunk): void
  /** Their partitions are taken away, or the run ends. */
  cancel(): void
  readonly isReading: boolean
}

export interface ReadAgainDeps extends PlaceChunksDeps {
  readonly chunks: PlaceChunks
}

interface Reading {
  /** With the indexes of chunks that came meanwhile and are right by their own digests. */
  readonly files: ReadonlyMap<OpenFile, Set<number>>
  readonly abort: AbortController
}

export function readAgain(s: ReadAgainDeps): ReadAgain {
  const { deps, files, ledger, budget, disk, dropped, chunks, giveUp } = s
  const { store, report } = deps
  let reading: Reading | undefined

  function start(): Promise<void> | undefined {
    if (reading !== undefined) return undefined
    const taken = dropped.take(budget, disk.now !== undefined)
    if (taken === undefined) return undefined
    const own: Reading = {
      files: new Map(Array.from(taken.keys(), file => [file, new Set<number>()])),
      abort: new AbortController(),
    }
    const ranges = offsetRanges(ledger.unresolved([...taken.keys()].flatMap(({ receipts }) => receipts)))
    for (const [file, place] of taken) {
      file.seen = file.assembly
      file.assembly = assembly(file.assembly.total)
      file.stored = store.open(place)
      files.move(file, 'assembling')
    }
    reading = own
    const { signal } = own.abort
    return deps
      .refetch(ranges, r => !signal.aborted && recordAgain(r), signal)
      .then(
        () => ended(own),
        error => ended(own, error as Error),
      )
  }

  function recordAgain(r: ConsumedRecord): void {
    const found = namedChunk(r.value)
    if ('refused' in found) return
    const file = files.find(r.partition, fileId(found.path, found.chunk))
    const newer = file && reading?.files.get(file)
    if (file === undefined || newer === undefined || newer.has(found.chunk.index)) return
    if (file.state === 'assembling') chunks.place(file, found.chunk)
    else file.hasUnreadCopies = true
  }

  function ended(own: Reading, error?: Error): void {
    if (reading === own) reading = undefined
    const isAborted = own.abort.signal.aborted
    for (const file of own.files.keys()) {
      if (file.state !== 'assembling' || file.seen === undefined) continue
      if (error !== undefined || isAborted) dropped.drop(file)
      else {
        file.seen = undefined
        if (isWhole(file)) chunks.complete(file)
        else giveUpMissing(file)
      }
    }
    if (error === undefined || isAborted) return
    dropped.postpone()
    report({ type: 'problem', text: `reading again failed, it is tried again: ${error.message}` })
  }

  /** All its records were read again, and it is not whole. */
  function giveUpMissing(file: OpenFile): void {
    if (!file.checksChunks)
      return giveUp(file, 'incomplete', 'its records were deleted before it could be read again')
    const { total } = file.assembly
    const bad = Array.from({ length: total }, (_, i) => i + 1).filter(index => !file.assembly.has(index))
    giveUp(file, 'mismatch', `chunk ${listText(bad)} of ${total} is damaged in every copy`, 0, bad)
  }

  return {
    start,
    came(file, chunk) {
      const newer = reading?.files.get(file)
      if (newer !== undefined && isRight(chunk, deps.sha512)) newer.add(chunk.index)
    },
    cancel() {
      reading?.abort.abort()
      reading = undefined
    },
    get isReading() {
      return reading !== undefined
    },
  }
}
