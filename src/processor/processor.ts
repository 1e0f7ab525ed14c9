/**
 * From record to commit: decodes, places chunks, runs whole files, decides what becomes of failed ones, resolves
 * offsets. Broker, threads, disk and clock are handed in as functions, so that one seed can drive a whole run.
 *
 * Its parts: intake (record -> file), room (bytes), file-work (attempts and ends), commits (when and what to commit).
 */
import type { Flow } from '../core/backpressure.ts'
import { breaker as newBreaker } from '../core/breaker.ts'
import { finishedGenerations } from '../core/chunks/generation.ts'
import { type Ledger, ledger as newLedger } from '../core/offsets/ledger.ts'
import type { Replay } from '../core/offsets/replay.ts'
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import type { ConsumedRecord } from '../kafka/consumer/consumer.ts'
import { commitTroubles, type Uncommitted } from './commit-troubles.ts'
import { commits, storedBytes } from './commits.ts'
import { deadLetters } from './dead-letters.ts'
import { digestAhead } from './digest-ahead.ts'
import { fileEnds } from './file-ends.ts'
import { fileWork } from './file-work.ts'
import { heldAgain } from './held-again.ts'
import { intake } from './intake.ts'
import { lastContents } from './last-contents.ts'
import { isWhole, type OpenFile } from './open-file.ts'
import { type OpenFiles, openFiles } from './open-files.ts'
import { partitions as ownedPartitions } from './partitions.ts'
import { type Counts, noCounts, type ProcessorDeps, type Shared } from './processor-deps.ts'
import { type ReadAhead, readAhead } from './read-ahead.ts'
import { readUntil } from './read-until.ts'
import { room as newRoom } from './room.ts'
import { staleFiles } from './stale-files.ts'

export interface Processor {
  readonly ledger: Ledger
  readonly counts: Readonly<Counts>
  readonly files: Pick<OpenFiles, 'byId' | 'count' | 'mayBeRest'>
  assign(partitions: readonly AssignedPartition[]): void
  records(batch: readonly ConsumedRecord[]): void
  partitionEnd(partition: number, offset: number): void
  /** Resolves when more is to be read; undefined: at once. */
  readonly wait: ReadAhead['wait']
  /** Finishes what runs, commits, forgets the partitions. */
  revoke(partitions: readonly number[], lost: boolean, drainMs: number): Promise<void>
  /** Starts no more files, waits for the running ones, commits. False when they did not end in time. */
  drain(drainMs: number): Promise<boolean>
  /** Starts no more files, asks the running ones to stop and counts nothing of them, commits nothing. */
  abandon(): void
  /** Looks for files without progress and for things that may go on; called every second or so. */
  tick(): void
  /** The log of a partition begins at `low` from now on: what lay below was deleted. */
  lowWatermark(partition: number, low: number): void
  /** No file is queued, running, waiting or on its way to the dead letters, and all that can be is committed. */
  readonly quiet: boolean
  readonly flow: Flow
  /** Why everything pauses, and how often it was tried to go on; undefined while nothing is wrong. */
  readonly blocked: { readonly reason: string; readonly probes: number } | undefined
  /** Why what is finished is not committed. */
  readonly uncommitted: Uncommitted | undefined
  /** Bytes of memory that files occupy. */
  readonly memoryBytes: number
  /** Up to when everything that had arrived was read, in milliseconds of its clock; -Infinity before that was so once. */
  readonly readUntil: number
  unfinished(): {
    readonly assembling: readonly OpenFile[]
    readonly queued: number
    readonly running: ReadonlyMap<OpenFile, number>
  }
}

/** Finished files that a commit names: an eighth of its room. */
const LATEST = 24
const STOPPING = 'dfsp is stopping'

export function processor(deps: ProcessorDeps): Processor {
  const { settings, store, report, now } = deps
  const ledger = newLedger()
  const files = openFiles()
  const latest = finishedGenerations(LATEST)
  const breaker = newBreaker(settings.breaker)
  const counts = noCounts()
  const history = {
    replays: new Map<number, Replay>(),
    finished: finishedGenerations(),
    known: finishedGenerations(),
    latest,
    doneMeanwhile: new Set<string>(),
    lastContents: lastContents(),
  }
  const read = readUntil(now)
  /** The partitions are being taken away, or the run ends. */
  let isLeaving = false
  /** The run ends: what is assigned or read from now on is for the next one. */
  let isEnding = false

  const owned = ownedPartitions({ deps, ledger, files, ...history, read })
  const troubles = commitTroubles({
    ...{ report, now },
    unfinishedFiles: () => files.byId.size,
    recordChars: () => committing.recordChars,
  })
  const committing = commits({
    ledger,
    // In one of them is enough: all are read back together.
    content: (cut, isFirst) =>
      owned.content(cut, isFirst && !settings.reprocessIdentical ? latest.digests() : []),
    commit: owned.commit,
    committedNow: deps.committedNow,
    isIdle: () => files.count('queued') + files.count('running') === 0,
    now,
    after: deps.after,
    partitionBytes: storedBytes(settings.topic, settings.group),
    onFailed: troubles.failed,
    onCommitted() {
      troubles.committed()
      if (committing.settled && isReadAgain()) deps.journal?.clear()
      deps.onChange()
    },
    onFill(fill) {
      room.recordFill = fill
      troubles.filled(fill)
    },
  })
  const letters = deadLetters({
    deadLetter: deps.deadLetter,
    now,
    onRefused: text => report({ type: 'problem', text }),
    onAnswer: changed,
  })
  const shared: Shared = {
    deps,
    ledger,
    files,
    ...history,
    breaker,
    counts,
    committing,
    letters,
    ahead: digestAhead(deps.host, () => files.count('assembling') === 1 && files.underWay.files === 0),
  }
  const ends = fileEnds(shared)
  const work = fileWork({ ...shared, ends, onChange: changed, readAgain: file => room.dropBytes(file) })
  const room = newRoom({ ...shared, ends, work, onPause: read.paused, isLeaving: () => isLeaving })
  const stale = staleFiles({ ...shared, ends, readTime: read.time, isLeaving: () => isLeaving })
  const comeBack = heldAgain({ ...shared, ends, readAgain: room.dropBytes })
  const reading = readAhead({ files, hasFreeThread: () => deps.host.free > 0, after: deps.after })
  const take = intake({ ...shared, firstPlace: room.firstPlace, place: room.place, copied: comeBack.copied })

  function changed(): void {
    room.update()
    work.dispatch()
    reading.look()
    committing.soon()
    deps.onChange()
  }

  /** All that the journal speaks of was read again. */
  function isReadAgain(): boolean {
    if (deps.journal !== undefined)
      for (const file of files.byId.values()) if (work.isJournalled(file)) return false
    return owned.areReadAgain
  }

  function beginEnd(): void {
    isEnding = true
    isLeaving = true
    work.pause()
    room.cancel()
  }

  return {
    ledger,
    counts,
    files,
    assign(partitions) {
      owned.assign(partitions)
      if (isEnding) return
      isLeaving = false
      work.resume()
      committing.soon()
    },
    records(batch) {
      if (isEnding) return
      for (const r of batch) {
        read.moved(r.partition)
        take(r)
      }
      room.update()
    },
    partitionEnd(partition, offset) {
      if (isEnding) return
      ledger.skipTo(partition, offset)
      read.atEnd(partition)
      committing.soon()
      deps.onChange()
    },
    wait: reading.wait,
    async revoke(partitions, lost, drainMs) {
      isLeaving = true
      work.pause()
      room.cancel()
      if (!lost) {
        await work.ended(drainMs)
        await committing.now()
      }
      owned.remember(partitions)
      const dropped = owned.filesIn(partitions)
      if (dropped.some(file => file.state === 'running')) deps.host.abort('its partition was taken away')
      const whole = dropped.filter(isWhole).length
      if (whole > 0 && !isEnding) {
        const text = `${whole} whole ${whole === 1 ? 'file' : 'files'} not done with went back with the partitions: they are read again by whoever gets those`
        report({ type: 'info', text })
      }
      for (const file of dropped) work.drop(file)
      owned.forget(partitions)
      breaker.reset()
      room.recordFill = 0
      room.update()
    },
    async drain(drainMs) {
      beginEnd()
      const ended = await work.ended(drainMs)
      if (!ended) work.abandon(STOPPING)
      const committed = await committing.now()
      committing.stop()
      return ended && committed
    },
    abandon() {
      beginEnd()
      work.abandon(STOPPING)
      committing.stop()
    },
    tick() {
      if (!isLeaving) comeBack.look()
      troubles.again()
      room.tick()
      stale.look()
      work.dispatch()
    },
    lowWatermark: stale.lowWatermark,
    get quiet() {
      const { files: underWay } = files.underWay
      return (
        underWay + files.count('parked') === 0 && !room.isWaiting && !comeBack.isWaiting && committing.settled
      )
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
    get memoryBytes() {
      return store.memoryBytes
    },
    get readUntil() {
      return read.time()
    },
    unfinished: () => ({
      assembling: [...files.byId.values()].filter(
        file =>
          (file.state === 'assembling' || file.state === 'evicted') &&
          !file.damaged &&
          file.heldFor === undefined,
      ),
      queued: work.queued,
      running: work.running,
    }),
  }
}
