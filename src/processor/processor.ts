/**
 * From record to commit: decodes, places chunks, runs whole files, decides what becomes of failed ones, resolves
 * offsets. Broker, threads, disk and clock are handed in as functions, so that one seed can drive a whole run.
 *
 * Its parts: intake (record -> file), room (bytes), file-work (attempts and ends), commits (when and what to commit).
 */
import type { Flow } from '../core/backpressure.ts'
import { breaker as newBreaker } from '../core/breaker.ts'
import { finishedGenerations } from '../core/chunks/generation.ts'
import {
  acceptedRecord,
  type CommitRecord,
  RECORD_CHARS,
  type RecordContent,
} from '../core/offsets/commit-record.ts'
import { type Ledger, ledger as newLedger, type PartitionCut } from '../core/offsets/ledger.ts'
import { type Replay, replay } from '../core/offsets/replay.ts'
import { troubles } from '../core/troubles.ts'
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import type { ConsumedRecord } from '../kafka/consumer/consumer.ts'
import { commitContent, readBack } from './commit-content.ts'
import { commits, storedBytes } from './commits.ts'
import { deadLetters } from './dead-letters.ts'
import { digestAhead } from './digest-ahead.ts'
import { fileEnds } from './file-ends.ts'
import { fileWork } from './file-work.ts'
import { heldAgain } from './held-again.ts'
import { intake } from './intake.ts'
import { knownAtRevoke } from './known-at-revoke.ts'
import { lastContents } from './last-contents.ts'
import { isOutdated, type OpenFile, type OpenFiles, openFiles } from './open-files.ts'
import type { Counts, ProcessorDeps, Shared } from './processor-deps.ts'
import { type ReadAhead, readAhead } from './read-ahead.ts'
import { readUntil } from './read-until.ts'
import { room as newRoom } from './room.ts'

export interface Processor {
  readonly ledger: Ledger
  readonly counts: Readonly<Counts>
  readonly files: Pick<OpenFiles, 'byId' | 'count'>
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
  /** Why what is finished is not committed, with the error of the last attempt, and for how long that has been so. */
  readonly uncommitted:
    | { readonly reason: string; readonly error: unknown; readonly forMs: number }
    | undefined
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
  const replays = new Map<number, Replay>()
  /** Where each partition ended when it was assigned. */
  const endsThen = new Map<number, number>()
  const atRevoke = knownAtRevoke()
  const latest = finishedGenerations(LATEST)
  const breaker = newBreaker(settings.breakerAfter)
  const counts: Counts = {
    done: 0,
    failed: 0,
    mismatched: 0,
    skipped: 0,
    undecodable: 0,
    empty: 0,
    filtered: 0,
    duplicates: 0,
    deadLettered: 0,
    replayed: 0,
    journalled: 0,
    evicted: 0,
    letGo: 0,
    doneBytes: 0,
    receivedBytes: 0,
  }
  const read = readUntil(now)
  let overfull = false
  let commitFailure: { error: unknown; readonly since: number } | undefined
  const trouble = troubles(text => report({ type: 'problem', text }), now)
  /** The partitions are being taken away, or the run ends. */
  let isLeaving = false
  /** The run ends: what is assigned or read from now on is for the next one. */
  let isEnding = false
  let isAsking = false

  const committing = commits({
    ledger,
    // In one of them is enough: all are read back together.
    content: (cut, isFirst) => content(cut, isFirst && !settings.reprocessIdentical ? latest.digests() : []),
    async commit(offsets) {
      atRevoke.sent(offsets)
      await deps.commit(offsets)
      atRevoke.acknowledged(offsets)
    },
    committedNow: deps.committedNow,
    isIdle: () => files.count('queued') + files.count('running') === 0,
    now,
    after: deps.after,
    partitionBytes: storedBytes(settings.topic, settings.group),
    onFailed(error) {
      commitFailure ??= { error, since: now() }
      commitFailure.error = error
      trouble.tell(`offset commit failed, nothing is lost: ${(error as Error).message}`)
    },
    onCommitted() {
      commitFailure = undefined
      if (committing.settled && isReadAgain()) deps.journal?.clear()
      deps.onChange()
    },
    onFill,
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
    replays,
    finished: finishedGenerations(),
    known: finishedGenerations(),
    latest,
    doneMeanwhile: new Set(),
    lastContents: lastContents(),
    breaker,
    counts,
    committing,
    letters,
    ahead: digestAhead(deps.host, () => files.count('assembling') === 1 && files.underWay.files === 0),
  }
  const ends = fileEnds(shared)
  const work = fileWork({ ...shared, ends, onChange: changed, readAgain: file => room.dropBytes(file) })
  const room = newRoom({ ...shared, ends, work, onPause: read.paused, isLeaving: () => isLeaving })
  const comeBack = heldAgain({ ...shared, ends, readAgain: room.dropBytes })
  const reading = readAhead({ files, hasFreeThread: () => deps.host.free > 0, after: deps.after })
  const take = intake({ ...shared, firstPlace: room.firstPlace, place: room.place })

  function changed(): void {
    room.update()
    work.dispatch()
    reading.look()
    committing.soon()
    deps.onChange()
  }

  /** All that the journal speaks of was read again, which lay in the log when the partitions were assigned. */
  function isReadAgain(): boolean {
    for (const [partition, end] of endsThen) if (ledger.position(partition) < end) return false
    if (deps.journal !== undefined)
      for (const file of files.byId.values()) if (work.isJournalled(file)) return false
    return endsThen.size > 0
  }

  function onFill(fill: number): void {
    room.recordFill = fill
    if (overfull === fill > 1) return
    overfull = fill > 1
    if (overfull) {
      trouble.tell(`${tooManyText()}; what is finished meanwhile is run again after a kill`, true)
    } else {
      trouble.over()
      report({ type: 'info', text: 'commits go on: the commit record has room again' })
    }
  }

  function tooManyText(): string {
    const { recordChars } = committing
    if (recordChars === RECORD_CHARS)
      return `commits wait: ${files.byId.size} unfinished files are too many for a commit record`
    return `commits wait: the broker takes no commit record of more than ${recordChars} to ${2 * recordChars} characters, and what is unfinished needs more: raise its offset.metadata.max.bytes`
  }

  // ---- partitions

  function content(cut: PartitionCut, finished: readonly string[]): RecordContent {
    const fileOf = (owner: number) => files.byNumber.get(owner)
    return commitContent({ cut, replay: replays.get(cut.partition), fileOf, finished })
  }

  function assign(
    { partition, start, committed, metadata, end, notice }: AssignedPartition,
    own: CommitRecord | undefined,
  ): void {
    if (notice !== undefined) report({ type: 'problem', text: notice })
    ledger.assign(partition, start, committed)
    endsThen.set(partition, end)
    read.assign(partition)
    const record = own ?? (committed === undefined ? undefined : acceptedRecord(metadata, committed, end))
    if (record === undefined) return
    if ('refused' in record) {
      const text = `${settings.topic}[${partition}]: what the last commit says of records above offset ${committed} cannot be used (${record.refused}): they are all read again`
      return report({ type: 'problem', text })
    }
    for (const digest of [...record.finished].reverse()) {
      shared.finished.add(digest)
      latest.add(digest)
    }
    if (record.position > start) replays.set(partition, replay(record))
    // The broker does not know it: the next commit has to say it of all partitions at once, or files would be over in
    // one and open in another.
    if (own !== undefined) ledger.touch(partition)
  }

  // ---- time

  /** Nothing new came of it although everything was read that had arrived. */
  function isStale(file: OpenFile, until: number): boolean {
    if (file.state !== 'assembling' && (file.state !== 'evicted' || isWhole(file))) return false
    return file.seen === undefined && until - file.lastProgress >= settings.incompleteAfterMs
  }

  function lookForStale(): void {
    if (isLeaving) return // nothing is read any more
    const until = read.time()
    let isAny = false
    for (const file of files.byId.values()) {
      if (!isStale(file, until)) continue
      if (isToBeSetAside(file)) isAny = true
      else if (!file.reportedIncomplete) {
        file.reportedIncomplete = true
        const { count: chunks, total } = file.assembly
        report({ type: 'incomplete', path: file.path, chunks, total })
      }
    }
    if (isAny && !isAsking) void setAsideStale()
  }

  function isToBeSetAside(file: OpenFile): boolean {
    return isOutdated(file) || shared.known.has(file.digest) || settings.onIncomplete !== 'hold'
  }

  /** Only if the broker, asked now, has nothing unread: while it was away, the end that was seen last stood still. */
  async function setAsideStale(): Promise<void> {
    isAsking = true
    try {
      const now = await deps.endOffsets()
      for (const [partition, end] of now)
        if (ledger.epoch(partition) === undefined || ledger.position(partition) < end) return
    } catch {
      return // it is asked again
    } finally {
      isAsking = false
    }
    if (isLeaving) return
    for (const file of files.byId.values()) {
      if (!isStale(file, read.time()) || !isToBeSetAside(file)) continue
      const missing = `${file.assembly.count} of ${file.assembly.total} chunks arrived`
      if (isOutdated(file)) ends.passOver(file, 'superseded', missing)
      else if (shared.known.has(file.digest)) ends.passOver(file, 'late', missing)
      else ends.giveUp(file, 'incomplete', missing)
    }
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
      const own = atRevoke.take(partitions)
      for (const p of partitions) assign(p, own?.get(p.partition))
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
      const gone = new Set(partitions)
      for (const cut of ledger.wholeCut()) {
        const record = readBack(content(cut, []))
        if (record !== undefined && gone.has(cut.partition)) atRevoke.add(cut.partition, record)
      }
      const dropped = [...files.byId.values()].filter(file => file.receipts.some(r => gone.has(r.partition)))
      if (dropped.some(file => file.state === 'running')) deps.host.abort('its partition was taken away')
      const whole = dropped.filter(isWhole).length
      if (whole > 0 && !isEnding) {
        const text = `${whole} whole ${whole === 1 ? 'file' : 'files'} not done with went back with the partitions: they are read again by whoever gets those`
        report({ type: 'info', text })
      }
      for (const file of dropped) work.drop(file)
      for (const partition of partitions) {
        if (ledger.epoch(partition) !== undefined) {
          shared.lastContents.readUpTo(partition, ledger.position(partition))
          ledger.revoke(partition)
        }
        replays.delete(partition)
        endsThen.delete(partition)
        read.revoke(partition)
      }
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
      if (!isLeaving) comeBack()
      trouble.again()
      room.tick()
      lookForStale()
      work.dispatch()
    },
    lowWatermark(partition, low) {
      for (const file of files.byId.values()) {
        const lost = file.offsets.get(partition)
        if (lost === undefined || lost[0] >= low) continue
        const where = `${settings.topic}[${partition}] ${lost[0]}-${Math.min(lost[1], low - 1)}`
        if (file.state === 'evicted')
          ends.giveUp(
            file,
            'incomplete',
            `its records ${where} were deleted by retention before it could be read again`,
          )
        else if (file.state === 'held' && !file.reportedIncomplete) {
          file.reportedIncomplete = true
          if (settings.onFailure.onError !== 'dlq') file.againAt = Number.POSITIVE_INFINITY
          report({
            type: 'problem',
            text: `${file.path} is held, and its records ${where} were deleted by retention: it cannot be tried again`,
          })
        }
      }
    },
    get quiet() {
      const { files: underWay } = files.underWay
      return underWay + files.count('parked') === 0 && !room.isWaiting && committing.settled
    },
    get flow() {
      return room.flow
    },
    get uncommitted() {
      if (overfull) return { reason: tooManyText(), error: undefined, forMs: 0 }
      if (commitFailure === undefined) return undefined
      const { error, since } = commitFailure
      return { reason: (error as Error).message, error, forMs: now() - since }
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

function isWhole(file: OpenFile): boolean {
  return file.assembly.count === file.assembly.total
}
