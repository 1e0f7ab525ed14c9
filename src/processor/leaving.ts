/** Partitions come and go, and the run ends: what runs is finished or stopped, committed, and nothing is begun meanwhile. */
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import type { Partitions } from './commit/partitions.ts'
import type { Shared } from './processor-deps.ts'
import type { Room } from './room/room.ts'
import type { FileWork } from './running/file-work.ts'
import { isRunning, isWhole, type OpenFile } from './table/open-file.ts'

export interface Leaving {
  assign(partitions: readonly AssignedPartition[]): void
  /** See `Processor`. */
  revoke(partitions: readonly number[], lost: boolean, drainMs: number): Promise<void>
  drain(drainMs: number): Promise<boolean>
  abandon(): void
}

export interface LeavingDeps extends Shared {
  readonly owned: Partitions
  readonly work: FileWork
  readonly room: Room
}

const STOPPING = 'dfsp is stopping'

export function leaving(s: LeavingDeps): Leaving {
  const { deps, breaker, committing, phase, owned, work, room } = s

  function begin(): void {
    phase.isLeaving = true
    work.pause()
    room.cancel()
  }

  function tellWhole(dropped: readonly OpenFile[]): void {
    const whole = dropped.filter(isWhole).length
    if (whole === 0 || phase.isEnding) return
    const text = `${whole} whole ${whole === 1 ? 'file' : 'files'} not done with went back with the partitions: they are read again by whoever gets those`
    deps.report({ type: 'info', text })
  }

  return {
    assign(partitions) {
      owned.assign(partitions)
      if (phase.isEnding) return
      phase.isLeaving = false
      work.resume()
      committing.soon()
    },
    async revoke(partitions, lost, drainMs) {
      begin()
      if (!lost) {
        await work.ended(drainMs)
        await committing.now()
      }
      owned.remember(partitions)
      const dropped = owned.filesIn(partitions)
      if (dropped.some(isRunning)) deps.host.abort('its partition was taken away')
      tellWhole(dropped)
      for (const file of dropped) work.drop(file)
      owned.forget(partitions)
      breaker.reset()
      committing.revoked()
      room.update()
    },
    async drain(drainMs) {
      phase.isEnding = true
      begin()
      const ended = await work.ended(drainMs)
      if (!ended) work.abandon(STOPPING)
      const committed = await committing.now()
      committing.stop()
      return ended && committed
    },
    abandon() {
      phase.isEnding = true
      begin()
      work.abandon(STOPPING)
      committing.stop()
    },
  }
}
