/**
 * The promises, checked as things happen. A broken one is kept in `violation`: an error thrown inside the processor's
 * promises could be lost.
 */

import type { DeadLetter } from '../../src/core/dead-letter.ts'
import { fileHash40 } from '../../src/core/offsets/commit-record.ts'
import type { OffsetCommit } from '../../src/kafka/consumer/committer.ts'
import type { FileJob } from '../../src/plugin/messages.ts'
import type { RunEvent } from '../../src/report/events.ts'
import { decodeCommitRecord } from '../support/commit-record.ts'
import { type Broker, indexAt } from './broker.ts'
import { noteHaunting } from './haunting.ts'
import type { Plan } from './plan.ts'
import {
  type FileTruth,
  isComplete,
  isDamaged,
  isFinal,
  isWhole,
  type Truth,
  wasSent,
  wasSentTwice,
} from './truth.ts'

type FileEvent = Extract<RunEvent, { type: 'file' }>

export interface Checks {
  /** The first promise that was broken. */
  readonly violation: string | undefined
  violate(what: string): void
  onAssigned(): void
  onGivenUp(): void
  /** `isPaused`: whether it waits for an attempt that succeeds, for which it may pass over older contents. */
  onLifeBegins(life: number, host: number, isPaused: () => boolean): void
  onCall(job: FileJob, content: Buffer): void
  /** `isTold`: the processor hears of it; else it was being stopped. */
  onNull(job: FileJob, isTold: boolean): void
  onFailed(job: FileJob): void
  /** `blocked`: why everything pauses, if it does. */
  onEvent(event: RunEvent, blocked: string | undefined): void
  onLetterSent(letter: DeadLetter, blocked: string | undefined): void
  onLetterWritten(letter: DeadLetter): void
  onJournalled(key: string): void
  /** Returns the files that a commit sent now says are over. */
  onCommitSent(commits: readonly OffsetCommit[]): readonly FileTruth[]
  /** The broker is about to store a commit. */
  onCommitted(commits: readonly OffsetCommit[], sent: readonly FileTruth[]): void
  /** All that ran has ended and was committed, as the processor says. */
  onDrained(): void
  /** Everything has come to rest: what is still wrong. */
  atRest(): string | undefined
}

/** The count after the first process began and was assigned its partitions. */
const FIRST_EPOCH = 2

export function checksOf(plan: Plan, broker: Broker, truth: Truth, happened: (what: string) => void): Checks {
  const { settings } = plan
  const { onError, retries } = settings
  /** Records of no file that this process holds, although a dead letter may have been written. */
  const junkHeld = new Set<string>()
  let turns = 0
  let violation: string | undefined
  let host = 0
  let isPaused = () => false
  /** It has not had partitions yet, and knows of them what commits say. */
  let isFresh = true
  /** By a file's hash: how often commits said that it was tried, when this process began. */
  const triedBefore = new Map<number, number>()

  function violate(what: string): void {
    violation ??= what
  }

  function become(f: FileTruth): void {
    f.finalIn = truth.life
    f.finalEpoch = truth.epoch
  }

  function given(up: FileEvent, f: FileTruth, blocked: string | undefined): void {
    const { result } = up
    switch (result) {
      case 'failed':
        if (up.attempt <= (plan.on.has('ioErrors') ? 0 : retries))
          violate(`${nameOf(f)} is given up after ${up.attempt} attempts`)
        if (blocked !== undefined && onError !== 'dlq' && !plan.on.has('ioErrors'))
          violate(`${nameOf(f)} is given up while everything pauses: ${blocked}`)
        return
      case 'mismatch':
        if (!isDamaged(f)) violate(`${nameOf(f)} is said to be damaged and is not`)
        return
      case 'incomplete':
      case 'superseded':
        if (up.setAside === 'skipped' && result === 'incomplete') incomplete(f)
        if (result === 'superseded' && !isSuperseded(f)) violate(`${nameOf(f)} is superseded by nothing`)
        return
      case 'late':
        if (!isFinal(f)) violate(`${nameOf(f)} is passed over as a late copy, and was never finished`)
    }
  }

  function incomplete(f: FileTruth): void {
    if (isWhole(f) && f.lost === 0 && !wasLeft(f) && !truth.wasReset)
      violate(`${nameOf(f)} is called incomplete, and a good copy of each chunk is in the log`)
  }

  function noteTried(): void {
    if (truth.wasReset || plan.on.has('retention') || settings.reprocessIdentical) return
    for (const { committed } of broker.partitions)
      for (const [hash, times] of decodeCommitRecord(committed?.metadata)?.attempts ?? [])
        triedBefore.set(hash, Math.max(times, triedBefore.get(hash) ?? 0))
  }

  function attempt(f: FileTruth, number: number): void {
    const before = triedBefore.get(fileHash40(f.key)) ?? 0
    if (number <= before && !isFinal(f) && !f.mayHaunt && !wasSentTwice(f))
      violate(`${nameOf(f)} was tried ${before} times, and is told that it is attempt ${number}`)
  }

  /** Once a content was processed, none that was whole before it in this epoch runs. */
  function order(f: FileTruth): void {
    if (f.turnIn !== truth.epoch) {
      if (isPaused()) return
      f.turn = ++turns
      f.turnIn = truth.epoch
    }
    if (wasSentTwice(f)) return
    const newer = truth.files.find(
      other =>
        other.file.path === f.file.path &&
        other.turnIn === truth.epoch &&
        other.nullIn === truth.epoch &&
        other.turn > f.turn &&
        // Its turn is that of the damaged copy by which it became whole first.
        !isDamaged(other),
    )
    if (newer) violate(`${nameOf(f)} runs after the newer ${nameOf(newer)} was processed`)
  }

  function isSuperseded(f: FileTruth): boolean {
    return truth.files.some(other => other.file.path === f.file.path && other !== f && other.nulls > 0)
  }

  function fileEvent(event: FileEvent, blocked: string | undefined): void {
    const [first] = Object.entries(event.partitions)
    const f = first && truth.fileAt(Number(first[0]), first[1][0])
    if (f?.file.path !== event.path) return violate(`a report about ${event.path} with offsets of another`)
    if (event.result === 'ok') {
      if (f.nulls === 0) violate(`${nameOf(f)} is reported as done and is not`)
      f.doneIn = truth.life
      return become(f)
    }
    given(event, f, blocked)
    happened(`file ${event.setAside}: ${event.result}`)
    const byItself = event.result === 'superseded' || event.result === 'late'
    const policy = event.result === 'incomplete' ? settings.onIncomplete : onError
    switch (event.setAside) {
      case 'held':
        f.heldIn = truth.life
        f.comesBack = event.delayMs !== undefined
        if (event.result === 'failed' && settings.retriesHeld && onError === 'hold' && !f.comesBack)
          violate(`${nameOf(f)} failed, is held, and does not come back by itself`)
        return
      case 'dead-lettered':
        if (!f.lettered) violate(`${nameOf(f)} is said to be dead-lettered and is not`)
        return become(f)
      default:
        if (!byItself && policy !== 'skip') violate(`${nameOf(f)} is skipped: ${event.result}`)
        f.skipped = true
        become(f)
    }
  }

  function undecodable(event: Extract<RunEvent, { type: 'undecodable' }>): void {
    const { partition, offset } = event
    const where = `${partition}@${offset}`
    if (truth.recordAt(partition, offset)?.what.kind !== 'junk') violate(`${where} is called undecodable`)
    happened(`junk ${event.setAside}`)
    if (event.setAside === 'held') junkHeld.add(where)
    if (event.setAside !== 'skipped') return
    if (onError !== 'skip') violate(`${where} is skipped`)
    truth.junkOver.add(where)
  }

  function commitCheck({ partition, offset }: OffsetCommit): void {
    const before = broker.partitions[partition]?.committed?.offset ?? 0
    if (offset < before && !truth.wasReset && !plan.on.has('retention'))
      violate(`${partition}: committed ${offset} after ${before}`)
    const limit = truth.safe(partition)
    if (offset > limit)
      violate(`committed ${partition}@${offset} passes ${truth.name(partition, limit)} at ${limit}`)
  }

  return {
    get violation() {
      return violation
    },
    violate,
    onAssigned() {
      truth.epoch++
      noteHaunting(broker, truth, broker.partitions)
      triedBefore.clear()
      if (isFresh) noteTried()
      isFresh = false
    },
    onGivenUp() {
      truth.epoch++
      // What still runs is being aborted, and may overlap with the first run of the next epoch.
      for (const f of truth.files) f.running = undefined
    },
    onLifeBegins(life, onHost, paused) {
      isPaused = paused
      isFresh = true
      truth.life = life
      truth.epoch++
      host = onHost
      junkHeld.clear()
      for (const f of truth.files) f.running = undefined
    },
    onCall(job, content) {
      const f = truth.fileOf(job)
      if (!f) return violate(`the plugin is given ${job.path}, which nobody sent like this`)
      const who = nameOf(f)
      if (Buffer.compare(content, f.file.content) !== 0) violate(`the plugin sees a wrong content of ${who}`)
      if (f.file.filtered) violate(`${who} should have been filtered`)
      if (f.file.nature === 'impossible') violate(`${who} cannot be whole`)
      if (f.running) violate(`${who} runs twice at a time`)
      f.deliveryId ??= job.deliveryId
      if (f.deliveryId !== job.deliveryId) violate(`${who} has two delivery ids`)
      if (job.final !== job.attempt > retries) violate(`${who} is wrong about its last attempt`)
      if (f.nulls > 0) happened('file run again')
      order(f)
      attempt(f, job.attempt)
      // A kill may have cut off an attempt that a commit had counted.
      if (job.attempt > ++f.calls && truth.epoch <= FIRST_EPOCH)
        violate(`${who} is called for the ${f.calls}. time, and told that it is attempt ${job.attempt}`)
      f.running = job
      if (wasSentTwice(f) || truth.wasReset) return
      if (f.doneIn === truth.life && !settings.reprocessIdentical)
        violate(`${who} runs again in the process that finished it`)
      if (f.durable && !f.skipped && !f.lettered && !f.mayHaunt)
        violate(`${who} runs again, and a commit said that it is over`)
      if (f.journalOn === host && f.journalIn !== truth.life)
        violate(`${who} runs again, and the journal said that it is done`)
    },
    onNull(job) {
      const f = truth.fileOf(job)
      if (!f) return
      f.nulls++
      f.nullIn = truth.epoch
      if (f.comesBack && f.heldIn === truth.life) happened('held file came back')
      if (f.running === job) f.running = undefined
      happened('file processed')
    },
    onFailed(job) {
      const f = truth.fileOf(job)
      if (!f) return
      f.failures++
      if (f.running === job) f.running = undefined
      happened('attempt failed')
    },
    onEvent(event, blocked) {
      if (event.type === 'file') fileEvent(event, blocked)
      else if (event.type === 'undecodable') undecodable(event)
      else happened(`event ${event.type}`)
    },
    onLetterSent(letter, blocked) {
      if (letter.kind === 'record') {
        if (onError !== 'dlq') violate('a dead letter of a record that nobody asked for')
        return
      }
      const f = truth.fileOf({ path: letter.path, sha512: letter.sha512 })
      if (!f) return violate(`a dead letter about ${letter.path}, which nobody sent like this`)
      if ((letter.reason === 'incomplete' ? settings.onIncomplete : onError) !== 'dlq')
        violate(`a dead letter of ${nameOf(f)} that nobody asked for`)
      if (letter.reason === 'incomplete') incomplete(f)
      if (letter.reason === 'failed' && blocked !== undefined && !plan.on.has('ioErrors'))
        violate(`a dead letter of ${nameOf(f)} while everything pauses: ${blocked}`)
      for (const { partition, from, to } of letter.ranges)
        for (let offset = from; offset <= to; offset++) {
          const other = truth.recordAt(partition, offset)
          if (letter.exact && other && truth.fileAt(partition, offset) !== f)
            violate(`a dead letter of ${nameOf(f)} names ${truth.name(partition, offset)}`)
        }
    },
    onLetterWritten(letter) {
      if (letter.kind === 'record') {
        truth.junkOver.add(`${letter.partition}@${letter.offset}`)
        return
      }
      const f = truth.fileOf({ path: letter.path, sha512: letter.sha512 })
      if (f) f.lettered = true
    },
    onJournalled(key) {
      if (settings.reprocessIdentical) return // keys of deliveries
      const f = truth.files.find(other => other.key === key)
      if (!f || (f.nulls === 0 && !isSuperseded(f)))
        return violate('an entry of the journal about nothing that was processed')
      f.journalOn = host
      f.journalIn = truth.life
    },
    onCommitSent(commits) {
      if (commits.length === 0) violate('an empty commit')
      return truth.files.filter(f => f.finalIn === truth.life && f.finalEpoch === truth.epoch && !f.durable)
    },
    onCommitted(commits, sent) {
      for (const f of sent) f.durable = true
      for (const commit of commits) commitCheck(commit)
    },
    onDrained() {
      const open = truth.files.find(
        f => f.finalIn === truth.life && f.finalEpoch === truth.epoch && !f.durable,
      )
      if (open) violate(`${nameOf(open)} was finished before the stop, and no commit says so`)
    },
    atRest() {
      for (const f of truth.files) {
        if (f.file.filtered || isFinal(f) || !wasSent(f) || f.heldIn === truth.life || f.lost > 0) continue
        if (isWhole(f)) return `${nameOf(f)} is neither processed nor held`
        if (settings.onIncomplete !== 'hold' && !isComplete(f))
          return `${nameOf(f)} is incomplete and not set aside`
      }
      if (truth.wasReset) return undefined
      for (const p of broker.partitions) {
        const limit = truth.safe(p.number)
        const at = p.committed?.offset ?? p.low
        if (at >= limit) continue
        const holder = p.records[indexAt(p.records, at)]
        const f = holder && truth.fileAt(p.number, holder.offset)
        // Only the chunks that came late are known of it, and nothing says that it was finished.
        if (f?.heldIn === truth.life || junkHeld.has(`${p.number}@${at}`)) continue
        if (f && (wasLeft(f) || f.lost > 0)) happened('left over: copies of a finished file')
        else {
          const by = holder ? truth.name(p.number, holder.offset) : 'nothing'
          return `${p.number}@${at} is committed, not ${limit}: ${by} holds it`
        }
      }
      return undefined
    },
  }
}

/** Only late copies of it may be known, and nothing that says that it is over. */
function wasLeft(f: FileTruth): boolean {
  return f.mayHaunt || f.skipped || f.lettered
}

function nameOf(f: FileTruth): string {
  return `f${f.file.index} (${f.file.path})`
}
