/**
 * Partitions come and go, and the run ends: what runs of them is finished or stopped, and committed, and nothing is begun
 * meanwhile. The files of other partitions go on.
 */
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
  const { deps, ledger, breaker, committing, phase, owned, work, room } = s

  function stop(): void {
    phase.isEnding = true
    deps.host.recall()
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
      if (!phase.isEnding) committing.soon()
    },
    async revoke(partitions, lost, drainMs) {
      const going = new Set(partitions)
      for (const partition of partitions) phase.leaving.add(partition)
      for (const file of owned.filesIn(going)) if (!isRunning(file)) work.leave(file)
      deps.host.recall()
      room.cancel()
      if (!lost) {
        await work.ended(drainMs, going)
        await committing.now()
      }
      owned.remember(going)
      const dropped = owned.filesIn(going)
      work.abort(dropped.filter(isRunning), 'its partition was taken away')
      tellWhole(dropped)
      for (const file of dropped) work.drop(file)
      owned.forget(partitions)
      for (const partition of partitions) phase.leaving.delete(partition)
      if (ledger.partitions().length === 0) breaker.reset()
      committing.revoked()
      room.update()
    },
    async drain(drainMs) {
      stop()
      const until = deps.now() + drainMs
      const ended = await work.ended(drainMs)
      if (!ended) work.abandon(STOPPING)
      const committed = await committing.within(until - deps.now())
      committing.stop()
      return ended && committed
    },
    abandon() {
      stop()
      work.abandon(STOPPING)
      committing.stop()
    },
  }
}
