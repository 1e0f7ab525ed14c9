/**
 * From record to commit: decodes, places chunks, runs whole files, decides what becomes of failed ones, resolves
 * offsets. Broker, threads, disk and clock are handed in as functions, so that one seed can drive a whole run.
 *
 * Each part is made before those that use it, so a record's way leads upwards: `take` finds its file, `room` puts its
 * bytes somewhere, `work` runs the file once it is whole, `giveUp` and `ends` hold or resolve it, `committing` commits.
 */
import { breaker as newBreaker } from '../core/breaker.ts'
import { ledger as newLedger } from '../core/offsets/ledger.ts'
import { commitTroubles } from './commit/commit-troubles.ts'
import { commits, storedBytes } from './commit/commits.ts'
import { partitions } from './commit/partitions.ts'
import { deadLetters } from './ends/dead-letters.ts'
import { fileEnds } from './ends/file-ends.ts'
import { giveUp as newGiveUp } from './ends/give-up.ts'
import { heldAgain } from './ends/held-again.ts'
import { staleFiles } from './ends/stale-files.ts'
import { intake } from './intake/intake.ts'
import { leaving as newLeaving } from './leaving.ts'
import { noCounts, noHistory, type ProcessorDeps, type Shared } from './processor-deps.ts'
import type { Processor } from './processor-interface.ts'
import { digestAhead } from './reading/digest-ahead.ts'
import { readAhead } from './reading/read-ahead.ts'
import { readUntil } from './reading/read-until.ts'
import { droppedFiles } from './room/dropped-files.ts'
import { room as newRoom } from './room/room.ts'
import { fileWork } from './running/file-work.ts'
import { journalled } from './running/journalled.ts'
import { openFiles } from './table/open-files.ts'

export type { Processor }

export function processor(deps: ProcessorDeps): Processor {
  const { settings, report, now, after } = deps
  const ledger = newLedger()
  const files = openFiles(settings.shared)
  const counts = noCounts()
  const breaker = newBreaker(settings.breaker)
  const phase = { leaving: new Set<number>(), isEnding: false }
  const history = noHistory(settings)

  // What is committed.
  const read = readUntil(now)
  const owned = partitions({ deps, ledger, files, ...history, read })
  const journal = journalled(deps, files)
  const troubles = commitTroubles({ report, now, unfinishedFiles: () => files.byKey.size })
  const committing = commits({
    ...{ ledger, now, after, committedNow: deps.committedNow, commit: owned.commit },
    shared: settings.shared,
    content: (cut, isFirst) =>
      owned.content(cut, settings.reprocessIdentical ? [] : history.latest.named(cut.partition, isFirst)),
    isIdle: () => files.count('queued') + files.count('running') === 0,
    partitionBytes: storedBytes(settings.topic, settings.group),
    onFailed: troubles.failed,
    onCommitted(isSettled) {
      troubles.committed()
      if (isSettled && owned.areReadAgain) journal.committed()
      deps.onChange()
    },
    onFill: troubles.filled,
  })

  // What becomes of a file.
  const letters = deadLetters({
    ...{ deadLetter: deps.deadLetter, now, onAnswer: changed },
    onRefused: text => report({ type: 'problem', text }),
  })
  const ahead = digestAhead(deps.host, () => files.count('assembling') === 1 && files.underWay.files === 0)
  const shared: Shared = {
    ...{ deps, ledger, files, counts, breaker, phase, committing, letters, ahead },
    ...history,
  }
  const ends = fileEnds(shared)
  const giveUp = newGiveUp({ ...shared, ends })
  const dropped = droppedFiles(shared)
  const { drop: dropBytes } = dropped
  const work = fileWork({ ...shared, journal, ends, giveUp, dropBytes, onChange: changed })

  // How a record comes to its file.
  const room = newRoom({ ...shared, dropped, giveUp, work, onPause: read.paused })
  const held = heldAgain({ ...shared, giveUp, dropBytes })
  const take = intake({ ...shared, firstPlace: room.firstPlace, place: room.place, copied: held.copied })
  const reading = readAhead({ files, hasFreeThread: () => deps.host.free > 0, after })

  // Beside its way.
  const stale = staleFiles({ ...shared, ends, giveUp, readTime: read.time })
  const leaving = newLeaving({ ...shared, owned, work, room })

  /** A file or a letter has ended. */
  function changed(): void {
    room.update()
    work.dispatch()
    reading.look()
    committing.soon()
    deps.onChange()
  }

  return {
    ...{ ledger, counts, files, ...leaving },
    records(batch) {
      if (phase.isEnding) return
      for (const r of batch) {
        read.moved(r.partition)
        take(r)
      }
      room.update()
    },
    partitionEnd(partition, offset) {
      if (phase.isEnding) return
      ledger.skipTo(partition, offset)
      read.atEnd(partition)
      committing.soon()
      deps.onChange()
    },
    wait: reading.wait,
    tick() {
      if (!phase.isEnding) held.look()
      troubles.again()
      room.tick()
      stale.look()
      work.dispatch()
    },
    lowWatermark: stale.lowWatermark,
    get quiet() {
      const waiting = files.underWay.files + files.count('parked') + files.count('leaving')
      return waiting === 0 && !room.isWaiting && !held.isWaiting && committing.settled
    },
    get flow() {
      return room.flow
    },
    get uncommitted() {
      return troubles.uncommitted
    },
    get blocked() {
      if (breaker.reason !== undefined) return { reason: breaker.reason, probes: breaker.probes }
      return room.flow === 'pause' ? room.diskTrouble : undefined
    },
    get starved() {
      const { diskTrouble } = room
      if (diskTrouble === undefined || diskTrouble.probes === 0 || files.underWay.files > 0) return undefined
      return room.isWaiting ? diskTrouble : undefined
    },
    get memoryBytes() {
      return deps.store.memoryBytes
    },
    get readUntil() {
      return read.time()
    },
    unfinished: () => ({ assembling: files.incomplete(), queued: work.queued, running: work.running }),
  }
}
