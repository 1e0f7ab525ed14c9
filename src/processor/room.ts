/**
 * Room for the bytes of open files: places chunks, pauses reading, moves to disk, and where neither memory nor disk
 * has room, evicts the youngest files, to read them again later. So memory is bounded and nothing waits for ever.
 */
import { type Flow, highMark, lowMark, nextFlow } from '../core/backpressure.ts'
import { PROBE_EVERY_MS } from '../core/breaker.ts'
import { type Chunk, isRight } from '../core/chunks/chunk.ts'
import type { Place } from '../files/store.ts'
import type { FileEnds } from './file-ends.ts'
import type { FileWork } from './file-work.ts'
import { FREE_TABLE_BYTES, letGo } from './let-go.ts'
import type { FileState, OpenFile } from './open-file.ts'
import type { Shared } from './processor-deps.ts'
import { readAgain } from './read-again.ts'

export interface Room {
  readonly flow: Flow
  firstPlace(chunk: Chunk): Place
  /** Takes a chunk of a file that is assembling or evicted. */
  place(file: OpenFile, chunk: Chunk): void
  /** Drops a file's bytes; it is read again once all its chunks were seen and there is room. */
  dropBytes(file: OpenFile): void
  /** Something changed: pauses or resumes reading. */
  update(): void
  /** Called every second or so. */
  tick(): void
  /** How full the fullest commit record is. */
  recordFill: number
  /** Stops reading files again: their partitions are taken away, or the run ends. */
  cancel(): void
  /** Whether evicted files are whole and wait for room, or are being read again. */
  readonly isWaiting: boolean
  /** Why the disk takes nothing, and how often it was tried since; undefined when it does. */
  readonly diskTrouble: { readonly reason: string; readonly probes: number } | undefined
}

export interface RoomDeps extends Shared {
  readonly ends: FileEnds
  readonly work: FileWork
  onPause(isPaused: boolean): void
  /** The partitions are being taken away, or the run ends: no file is read again. */
  isLeaving(): boolean
}

/** Dead letters on their way beyond which nothing is read. */
const MOST_LETTERS = 1_000
const TELL_EVERY_MS = 60_000

/** A disk that has failed again and again for so long, and no file was finished meanwhile, counts as one that takes nothing. */
const FUTILE_MS = 2 * PROBE_EVERY_MS

export function room(s: RoomDeps): Room {
  const { deps, files, breaker, counts, letters, ahead, work } = s
  const { settings, store, report, now } = deps
  const low = lowMark(settings.memoryBytes)
  const high = highMark(settings.memoryBytes)
  let flow: Flow = 'flow'
  let recordFill = 0
  let isDiskTold = false
  let diskToldAt = Number.NEGATIVE_INFINITY
  let disk: { reason: string; probes: number; retryAt: number } | undefined
  /** Of the files that were finished when the disk took a probe again the last time. */
  let doneAtResume = -1
  /** How often it failed again before a further one was: it has room for a probe and for no file. */
  let relapses = 0
  let failingSince = 0
  const limitTable = letGo(s)
  const again = readAgain({
    ...s,
    place,
    complete,
    placeFor,
    // Incomplete files may fill memory above the low mark for ever.
    memoryLeft: () => (files.underWay.files === 0 ? high : low) - usedBytes(),
    diskIsFull: () => disk !== undefined,
    onEnd() {
      work.dispatch()
      update()
      deps.onChange()
    },
  })

  /** Bytes of the budget that are in use. */
  function usedBytes(): number {
    return store.memoryBytes + Math.max(0, files.tableBytes - FREE_TABLE_BYTES)
  }

  // ---- chunks

  function firstPlace(chunk: Chunk): Place {
    return placeFor(chunk.total * chunk.data.length)
  }

  function placeFor(size: number): Place {
    const isLarge = size >= settings.memoryBytes / 2 || size > settings.largestBuffer
    if (isLarge || settings.mode === 'disk') return 'disk'
    return flow === 'spool' ? 'spool' : 'memory'
  }

  function place(file: OpenFile, chunk: Chunk): void {
    if (file.state === 'evicted') {
      if (file.assembly.place(chunk) === 'duplicate') counts.duplicates++
      else {
        file.lastProgress = now()
        if (file.assembly.count === file.assembly.total) {
          files.whole(file)
          again.ready(file)
        }
      }
      return
    }
    const duplicate = file.assembly.has(chunk.index)
    if (duplicate) counts.duplicates++
    // A copy that is right by its own digest replaces whatever is there; one that is wrong replaces nothing.
    if ((duplicate || file.checksChunks) && !isRight(chunk, deps.sha512)) return
    if (!makeRoom(file) || !write(file, chunk)) {
      // Evicted: the chunk was seen all the same.
      if ((file.state as FileState) === 'evicted' && !file.assembly.has(chunk.index)) place(file, chunk)
      return
    }
    if (duplicate) {
      file.assembly.replace(chunk)
      return ahead.forget(file)
    }
    file.assembly.place(chunk)
    ahead.placed(file, chunk)
    file.lastProgress = now()
    file.reportedIncomplete = false
    counts.receivedBytes += chunk.data.length
    if (file.assembly.count === file.assembly.total && !again.takesAllCopies(file)) complete(file)
  }

  /** False when the file was evicted for want of it. */
  function makeRoom(file: OpenFile): boolean {
    if (flow !== 'spool' || file.stored.place !== 'memory') return true
    try {
      file.stored.spill()
      files.spilled(file)
      return true
    } catch (error) {
      diskFailed(error as Error)
    }
    // A disk that has room for a probe and no more would let memory grow with every batch.
    while (usedBytes() >= high) {
      const victim = files.youngest(true) ?? file
      evict(victim)
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
          s.ends.giveUp(file, 'failed', message)
          return false
        }
        diskFailed(error as Error)
        const victim = files.youngest(false) ?? file
        evict(victim)
        if (victim === file) return false
      }
    }
  }

  function complete(file: OpenFile): void {
    files.whole(file)
    const size = file.assembly.size()
    if (typeof size !== 'number')
      return s.ends.giveUp(file, 'mismatch', `chunks do not make a file: ${size.wrong}`)
    if (file.damaged) {
      // Good copies have healed it: how it ends is still to be seen.
      counts.mismatched--
      file.damaged = false
    }
    file.size = size
    file.seen = undefined
    if (settings.mode !== 'disk' && size > settings.largestBuffer) {
      const error = `${size} bytes do not fit into one Buffer of Node (${settings.largestBuffer}): use --mode disk`
      return s.ends.giveUp(file, 'failed', error)
    }
    work.enqueue(file)
  }

  // ---- flow

  function update(): void {
    limitTable()
    const { files: queuedFiles, bytes: queuedBytes } = files.underWay
    const next = nextFlow(flow, {
      memoryBytes: usedBytes(),
      queuedBytes,
      queuedFiles,
      budgetBytes: settings.memoryBytes,
      recordFill,
      stopped:
        // Without a file to try it would never close; and where all that wait have failed, further ones are needed to
        // tell broken files from a broken environment.
        (breaker.state !== 'closed' && queuedFiles > 0 && (breaker.isCertain || work.hasUntried)) ||
        letters.pending > MOST_LETTERS ||
        (disk !== undefined && settings.mode === 'disk'),
      diskFull: disk !== undefined,
    })
    if (next !== flow) {
      const wasPaused = flow === 'pause'
      flow = next
      if (wasPaused !== (next === 'pause')) {
        s.onPause(next === 'pause')
        if (next === 'pause') deps.pause()
        else deps.resume()
      }
    }
    if (flow !== 'pause' && !s.isLeaving()) again.start()
  }

  function tick(): void {
    const isNew = disk?.probes === 0
    if (disk !== undefined && (now() >= disk.retryAt || (isNew && flow === 'pause' && isStuck()))) probe(disk)
    if (flow === 'pause' && disk !== undefined && isStuck()) relieve(disk)
    update()
  }

  /** Nothing is under way that could free anything. */
  function isStuck(): boolean {
    return (
      breaker.state === 'closed' &&
      files.underWay.files === 0 &&
      work.running.size === 0 &&
      letters.pending === 0 &&
      !again.isReading
    )
  }

  // ---- disk

  function diskFailed(error: Error): void {
    // What was evicted for it would fill the disk again at once.
    again.postpone()
    if (disk !== undefined) disk.reason = error.message
    else {
      relapses = counts.done === doneAtResume ? relapses + 1 : 0
      if (relapses === 0) failingSince = now()
      const isFutile = now() - failingSince >= FUTILE_MS
      disk = {
        reason: error.message,
        probes: isFutile ? relapses : 0,
        retryAt: now() + PROBE_EVERY_MS,
      }
    }
    if (now() - diskToldAt < TELL_EVERY_MS) return
    diskToldAt = now()
    isDiskTold = true
    const text = `the disk takes nothing: ${error.message}; reading pauses where memory does not suffice, the disk is tried every 10 s [E_BREAKER]`
    report({ type: 'problem', text })
  }

  function probe(trouble: { probes: number; retryAt: number; reason: string }): void {
    try {
      store.probe()
      disk = undefined
      doneAtResume = counts.done
      if (isDiskTold) report({ type: 'info', text: 'resumed: the disk takes writes again' })
      isDiskTold = false
    } catch (error) {
      if (now() >= trouble.retryAt) trouble.probes++
      trouble.retryAt = now() + PROBE_EVERY_MS
      trouble.reason = (error as Error).message
    }
  }

  /** Neither memory nor disk frees itself: the youngest files give up their place. */
  function relieve(trouble: { probes: number; retryAt: number; reason: string }): void {
    for (;;) {
      const victim = files.youngest(false)
      if (victim === undefined || disk === undefined) break
      evict(victim)
      probe(trouble)
    }
    while (usedBytes() >= low) {
      const victim = files.youngest(true)
      if (victim === undefined) break
      evict(victim)
    }
  }

  // ---- eviction

  function evict(file: OpenFile): void {
    if (counts.evicted === 0)
      report({
        type: 'problem',
        text: 'neither memory nor disk has room for all incomplete files: the youngest are dropped and read again later',
      })
    counts.evicted++
    again.dropBytes(file)
  }

  return {
    get flow() {
      return flow
    },
    firstPlace,
    place(file, chunk) {
      again.came(file, chunk)
      place(file, chunk)
    },
    dropBytes: again.dropBytes,
    update,
    tick,
    get recordFill() {
      return recordFill
    },
    set recordFill(fill) {
      recordFill = fill
    },
    cancel: again.cancel,
    get isWaiting() {
      return again.isWaiting
    },
    get diskTrouble() {
      return disk
    },
  }
}
