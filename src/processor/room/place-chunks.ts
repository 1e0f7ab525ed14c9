/** Puts chunks into memory or on disk; where neither has room for one, the youngest files lose their bytes. */
import { type Chunk, isRight } from '../../core/chunks/chunk.ts'
import type { GiveUp } from '../ends/give-up.ts'
import type { Shared } from '../processor-deps.ts'
import type { FileWork } from '../running/file-work.ts'
import { type FileState, isWhole, type OpenFile } from '../table/open-file.ts'
import type { Budget } from './budget.ts'
import type { DiskTrouble } from './disk-trouble.ts'
import type { DroppedFiles } from './dropped-files.ts'

export interface PlaceChunks {
  /** Takes a chunk of a file that is assembling; of any other that is not whole it is counted only. */
  place(file: OpenFile, chunk: Chunk): void
  /** All chunks of the file are there. */
  complete(file: OpenFile): void
}

export interface PlaceChunksDeps extends Shared {
  readonly budget: Budget
  readonly disk: DiskTrouble
  readonly dropped: DroppedFiles
  readonly giveUp: GiveUp
  readonly work: FileWork
}

export function placeChunks(s: PlaceChunksDeps): PlaceChunks {
  const { deps, files, counts, ahead, budget, disk, dropped, giveUp, work } = s
  const { settings, now } = deps

  function place(file: OpenFile, chunk: Chunk): void {
    if (file.state !== 'assembling') return see(file, chunk)
    const duplicate = file.assembly.has(chunk.index)
    if (duplicate) counts.duplicates++
    // A copy that is right by its own digest replaces whatever is there; one that is wrong replaces nothing.
    if ((duplicate || file.checksChunks) && !isRight(chunk, deps.sha512)) return
    if (!makeRoom(file) || !write(file, chunk)) {
      // Evicted: the chunk was seen all the same.
      if ((file.state as FileState) === 'evicted' && !file.assembly.has(chunk.index)) see(file, chunk)
      return
    }
    if (duplicate) {
      file.assembly.replace(chunk)
      return ahead.forget(file)
    }
    file.assembly.place(chunk)
    ahead.placed(file, chunk)
    file.lastProgress = now()
    file.toldIncomplete = false
    file.toldLost = false
    counts.receivedBytes += chunk.data.length
    // While it is read again for its copies each of them counts: it is whole once all were read.
    if (isWhole(file) && !(file.checksChunks && file.seen !== undefined)) complete(file)
  }

  /** A chunk of a file of which no bytes are kept. */
  function see(file: OpenFile, chunk: Chunk): void {
    if (file.assembly.place(chunk) === 'duplicate') {
      counts.duplicates++
      return
    }
    file.lastProgress = now()
    if (!isWhole(file)) return
    files.whole(file)
    dropped.ready(file)
  }

  /** False when the file was evicted for want of it. */
  function makeRoom(file: OpenFile): boolean {
    if (budget.flow !== 'spool' || file.stored.place !== 'memory') return true
    try {
      file.stored.spill()
      files.spilled(file)
      return true
    } catch (error) {
      diskFailed(error as Error)
    }
    // A disk that has room for a probe and no more would let memory grow with every batch.
    while (budget.isHigh) {
      const victim = files.youngest(true) ?? file
      dropped.evict(victim)
      if (victim === file) return false
    }
    return true
  }

  /** False when the chunk could not be written: the file was evicted or given up. */
  function write(file: OpenFile, chunk: Chunk): boolean {
    for (;;) {
      try {
        file.stored.write(chunk.offset, chunk.data)
        return true
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException
        // Only this file asks for what no file system gives; anything else concerns all files.
        if (file.stored.place === 'disk' && (code === 'EFBIG' || code === 'EINVAL')) {
          giveUp(file, 'failed', message)
          return false
        }
        diskFailed(error as Error)
        const victim = files.youngest(false) ?? file
        dropped.evict(victim)
        if (victim === file) return false
      }
    }
  }

  function diskFailed(error: Error): void {
    // What was evicted for it would fill the disk again at once.
    dropped.postpone()
    disk.failed(error)
  }

  function complete(file: OpenFile): void {
    files.whole(file)
    const size = file.assembly.size()
    if (typeof size !== 'number') return giveUp(file, 'mismatch', `chunks do not make a file: ${size.wrong}`)
    if (file.damaged) {
      // Good copies have healed it: how it ends is still to be seen.
      counts.mismatched--
      file.damaged = false
    }
    file.size = size
    file.seen = undefined
    if (settings.mode !== 'disk' && size > settings.largestBuffer) {
      const error = `${size} bytes do not fit into one Buffer of Node (${settings.largestBuffer}): use --mode disk`
      return giveUp(file, 'failed', error)
    }
    work.enqueue(file)
  }

  return { place, complete }
}
