/**
 * Room for the bytes of open files: places chunks, pauses reading, moves to disk, and where neither memory nor disk
 * has room, evicts the youngest files, to read them again later. So memory is bounded and nothing waits for ever.
 */
import type { Flow } from '../../core/backpressure.ts'
import type { Chunk } from '../../core/chunks/chunk.ts'
import type { Place } from '../../files/store.ts'
import type { GiveUp } from '../ends/give-up.ts'
import type { Shared } from '../processor-deps.ts'
import type { FileWork } from '../running/file-work.ts'
import type { OpenFile } from '../table/open-file.ts'
import { budget as newBudget } from './budget.ts'
import { type DiskTrouble, diskTrouble } from './disk-trouble.ts'
import type { DroppedFiles } from './dropped-files.ts'
import { letGo } from './let-go.ts'
import { placeChunks } from './place-chunks.ts'
import { readAgain } from './read-again.ts'

export interface Room {
  readonly flow: Flow
  firstPlace(chunk: Chunk): Place
  /** Takes a chunk of a file that is not whole. */
  place(file: OpenFile, chunk: Chunk): void
  /** Something changed: pauses or resumes reading. */
  update(): void
  /** Called every second or so. */
  tick(): void
  /** Stops reading files again: their partitions are taken away, or the run ends. */
  cancel(): void
  /** Whether evicted files are whole and wait for room, or are being read again. */
  readonly isWaiting: boolean
  readonly diskTrouble: DiskTrouble['now']
}

export interface RoomDeps extends Shared {
  readonly dropped: DroppedFiles
  readonly giveUp: GiveUp
  readonly work: FileWork
  onPause(isPaused: boolean): void
}

/** Dead letters on their way beyond which nothing is read. */
const MOST_LETTERS = 1_000

export function room(s: RoomDeps): Room {
  const { deps, files, breaker, letters, dropped, work, phase } = s
  const limitTable = letGo(s)
  const budget = newBudget(s, s.onPause)
  const disk = diskTrouble(s)
  const chunks = placeChunks({ ...s, budget, disk })
  const again = readAgain({ ...s, budget, disk, chunks })

  function update(): void {
    limitTable()
    const diskFull = disk.now !== undefined
    // Without a file to try, the breaker would never close; and where all that wait have failed, further ones are needed to tell
    // broken files from a broken environment.
    const isBroken =
      breaker.state !== 'closed' && files.underWay.files > 0 && (breaker.isCertain || work.hasUntried)
    const stopped = isBroken || letters.pending > MOST_LETTERS || (diskFull && deps.settings.mode === 'disk')
    budget.look(stopped, diskFull)
    if (budget.flow !== 'pause' && !phase.isEnding) void again.start()?.then(readAgainEnded)
  }

  function readAgainEnded(): void {
    work.dispatch()
    update()
    deps.onChange()
  }

  /** Nothing is read, and nothing is under way that could free anything. */
  function isStuck(): boolean {
    return (
      budget.flow === 'pause' &&
      breaker.state === 'closed' &&
      files.underWay.files === 0 &&
      work.running.size === 0 &&
      letters.pending === 0 &&
      !again.isReading
    )
  }

  /** Neither memory nor disk frees itself: the youngest files give up their place. */
  function relieve(): void {
    while (disk.now !== undefined) {
      const victim = files.youngest(false)
      if (victim === undefined) break
      dropped.evict(victim)
      disk.probe()
    }
    while (budget.isAboveLow) {
      const victim = files.youngest(true)
      if (victim === undefined) break
      dropped.evict(victim)
    }
  }

  return {
    get flow() {
      return budget.flow
    },
    firstPlace: chunk => budget.placeFor(chunk.total * chunk.data.length),
    place(file, chunk) {
      again.came(file, chunk)
      chunks.place(file, chunk)
    },
    update,
    tick() {
      if (disk.isDue(isStuck)) disk.probe()
      if (disk.now !== undefined && isStuck()) relieve()
      update()
    },
    cancel: again.cancel,
    get isWaiting() {
      return again.isReading || dropped.areAny
    },
    get diskTrouble() {
      return disk.now
    },
  }
}
