/** What one process runs: whole files of its own partitions, one at a time, and again only with a reason. */
import type { DeadLetter } from '../../../src/core/dead-letter.ts'
import { fileHash40 } from '../../../src/core/offsets/commit-record.ts'
import type { FileJob } from '../../../src/plugin/messages.ts'
import { isWhole as isWholeFile, type OpenFile } from '../../../src/processor/table/open-file.ts'
import type { RunEvent } from '../../../src/report/events.ts'
import { type FileTruth, isDamaged, isFinal, isWhole, wasSentTwice } from '../truth.ts'
import type { ProcessWorld } from '../world.ts'
import type { Checked, CheckedProcess } from './checked.ts'
import type { Epoch, Run } from './epochs.ts'

type FileEvent = Extract<RunEvent, { type: 'file' }>

export interface RunChecks extends Omit<ProcessWorld['checks'], 'violate'> {
  /** A file is given to the threads. */
  onTask(job: FileJob): void
  onEvent(event: RunEvent): void
  /** The journal was emptied. */
  onJournalCleared(): void
}

export function runChecks(
  { plan, truth, epochs, over, now, happened, violate }: Checked,
  { life, host, processor }: CheckedProcess,
): RunChecks {
  const { settings } = plan

  function openFile(job: FileJob): OpenFile | undefined {
    for (const file of processor().files.byKey.values())
      if (file.state === 'running' && file.path === job.path && file.sha512 === job.sha512) return file
    return undefined
  }

  /** From which it is run; all of its records have to be of it. */
  function epochOf(job: FileJob): Epoch | undefined {
    const file = openFile(job)
    if (file === undefined) return undefined
    const [first] = file.receipts
    if (first === undefined) return undefined
    const { ledger } = processor()
    for (const { partition, epoch } of file.receipts)
      if (partition !== first.partition || epoch !== ledger.epoch(partition))
        violate(`${job.path} is made of records of several partitions or epochs`)
    return epochs.of(life, first.partition)
  }

  /** Copies of it may make it twice. */
  function maybeTwice(f: FileTruth): boolean {
    return wasSentTwice(f) || f.mayHaunt
  }

  function begun(f: FileTruth, epoch: Epoch): void {
    for (const run of epochs.runs(f).now) {
      const isElsewhere = run.epoch.partition !== epoch.partition && maybeTwice(f)
      const isOver = run.epoch.state === 'over' || run.epoch.isLost
      if (!isOver && !isElsewhere) violate(`${nameOf(f)} runs in processes ${run.epoch.life} and ${life}`)
    }
  }

  function again(f: FileTruth, epoch: Epoch): void {
    const { lastNull, wasLate } = epochs.runs(f)
    if (f.nulls === 0 || maybeTwice(f)) return
    happened('file run again')
    if (f.durable && !f.skipped && !f.lettered)
      violate(`${nameOf(f)} runs again, and a commit said that it is over`)
    if (f.journalOn === host && f.journalIn !== life)
      violate(`${nameOf(f)} runs again, and the journal said that it is done`)
    if (wasLate || lastNull === undefined) return
    if (lastNull === epoch) violate(`${nameOf(f)} runs again in the epoch that finished it`)
    if (!lastNull.isLost && !lastNull.isRefused)
      violate(`${nameOf(f)} runs again, and the epoch ended well in which it was finished`)
  }

  function runOf(job: FileJob): { f: FileTruth; run: Run | undefined } | undefined {
    const f = truth.fileOf(job)
    if (f === undefined) return undefined
    const { now } = epochs.runs(f)
    const run = [...now].find(each => each.job === job)
    if (run !== undefined) now.delete(run)
    return { f, run }
  }

  function ended(f: FileTruth, epoch: Epoch): void {
    Object.assign(epochs.runs(f), { overIn: epoch, overAt: now() })
  }

  function fileEvent(event: FileEvent): void {
    const places = Object.entries(event.partitions)
    if (places.length !== 1) return violate(`${event.path} is told of ${places.length} partitions`)
    const [[name, [first]]] = places as [(typeof places)[0]]
    const partition = Number(name)
    const f = truth.fileAt(partition, first)
    if (f?.file.path !== event.path) return violate(`a report about ${event.path} with offsets of another`)
    const epoch = epochs.of(life, partition)
    if (epoch === undefined) return violate(`${nameOf(f)} ended, and its partition is not here`)
    const runs = epochs.runs(f)
    if (event.result === 'ok') {
      if (runs.nullBy.get(life) !== epoch) violate(`a late result of ${nameOf(f)} is believed`)
      return ended(f, epoch)
    }
    happened(`file ${event.setAside}: ${event.result}`)
    if (event.result === 'mismatch' && !isDamaged(f)) violate(`${nameOf(f)} is said to be damaged and is not`)
    if (event.result === 'late' && !isFinal(f)) violate(`${nameOf(f)} is a late copy, and was never finished`)
    if (event.result === 'incomplete' && event.setAside === 'skipped') incomplete(f)
    if (event.result === 'failed') runs.tried = { epoch, attempts: event.attempt, at: now() }
    if (event.setAside === 'held') {
      f.heldIn = life
      runs.heldIn.add(epoch)
      f.comesBack = event.delayMs !== undefined
      return
    }
    if (event.setAside === 'skipped') f.skipped = true
    else if (!f.lettered) violate(`${nameOf(f)} is said to be dead-lettered and is not`)
    ended(f, epoch)
  }

  function incomplete(f: FileTruth): void {
    const wasLeft = f.mayHaunt || f.skipped || f.lettered || f.lost > 0
    if (isWhole(f) && !wasLeft && !over.isAstray(f))
      violate(`${nameOf(f)} is called incomplete, and a good copy of each chunk is in the log`)
  }

  function retried({ path, attempt }: Extract<RunEvent, { type: 'retry' }>): void {
    for (const file of processor().files.byKey.values()) {
      if (file.path !== path || file.state !== 'running' || file.attempts !== attempt) continue
      const f = truth.fileOf(file)
      const epoch = epochs.of(life, file.receipts[0]?.partition ?? -1)
      if (f !== undefined && epoch !== undefined)
        epochs.runs(f).tried = { epoch, attempts: attempt, at: now() }
    }
  }

  function journalled(text: string): void {
    const [, path] = /^(.*) was processed before the last stop, as the journal says$/.exec(text) ?? []
    for (const file of processor().files.byKey.values()) {
      const f = file.path === path && isWholeFile(file) ? truth.fileOf(file) : undefined
      const epoch = epochs.of(life, file.receipts[0]?.partition ?? -1)
      if (f !== undefined && f.journalOn === host && epoch !== undefined) ended(f, epoch)
    }
  }

  return {
    onTask(job) {
      const epoch = epochOf(job)
      if (epoch === undefined) violate(`${job.path} is begun, and its partition is not here`)
      else if (epoch.state !== 'read') violate(`${job.path} is begun while its partition goes`)
    },
    onCall(job, content) {
      const f = truth.fileOf(job)
      if (f === undefined) return violate(`the plugin is given ${job.path}, which nobody sent like this`)
      const who = nameOf(f)
      if (Buffer.compare(content, f.file.content) !== 0) violate(`the plugin sees a wrong content of ${who}`)
      if (f.file.filtered) violate(`${who} should have been filtered`)
      if (f.file.nature === 'impossible') violate(`${who} cannot be whole`)
      f.deliveryId ??= job.deliveryId
      if (f.deliveryId !== job.deliveryId) violate(`${who} has two delivery ids`)
      if (job.final !== job.attempt > settings.retries) violate(`${who} is wrong about its last attempt`)
      const epoch = epochOf(job)
      // Given up since it was handed to a thread.
      if (epoch === undefined) return
      const before = epoch.attempts.get(fileHash40(f.key)) ?? 0
      if (job.attempt <= before && !isFinal(f) && !maybeTwice(f))
        violate(`${who} was tried ${before} times, and is told that it is attempt ${job.attempt}`)
      // Of one that was given up the result counts for nothing.
      if (!epoch.isLost) {
        begun(f, epoch)
        again(f, epoch)
      }
      f.calls++
      epochs.runs(f).now.add({ epoch, job })
    },
    onNull(job, isTold) {
      const found = runOf(job)
      if (found === undefined) return
      const { f, run } = found
      const runs = epochs.runs(f)
      f.nulls++
      happened('file processed')
      runs.wasLate = !isTold || run === undefined || run.epoch.state === 'over'
      if (runs.wasLate) happened('late null')
      runs.lastNull = run?.epoch
      if (run !== undefined) runs.nullBy.set(life, run.epoch)
    },
    onFailed(job) {
      const f = runOf(job)?.f
      if (f === undefined) return
      f.failures++
      happened('attempt failed')
    },
    onEvent(event) {
      if (event.type === 'file') fileEvent(event)
      else if (event.type === 'retry') retried(event)
      else if (event.type === 'info') journalled(event.text)
      else if (event.type === 'undecodable') {
        const where = `${event.partition}@${event.offset}`
        if (truth.recordAt(event.partition, event.offset)?.what.kind !== 'junk')
          violate(`${where} is called undecodable`)
        if (event.setAside === 'skipped') truth.junkOver.add(where)
      }
    },
    onLetterSent(letter) {
      if (letter.kind === 'record') return
      const f = truth.fileOf({ path: letter.path, sha512: letter.sha512 })
      if (f === undefined) return violate(`a dead letter about ${letter.path}, which nobody sent like this`)
      if (letter.reason === 'incomplete') incomplete(f)
      if (new Set(letter.ranges.map(({ partition }) => partition)).size > 1)
        violate(`a dead letter of ${nameOf(f)} names several partitions`)
    },
    onLetterWritten(letter: DeadLetter) {
      if (letter.kind === 'record') truth.junkOver.add(`${letter.partition}@${letter.offset}`)
      else {
        const f = truth.fileOf({ path: letter.path, sha512: letter.sha512 })
        if (f !== undefined) f.lettered = true
      }
    },
    onJournalled(key) {
      const f = truth.files.find(other => other.key === key)
      if (f === undefined) return violate('an entry of the journal about nothing that was sent')
      f.journalOn = host
      f.journalIn = life
    },
    onJournalCleared() {
      for (const f of truth.files) {
        if (f.journalOn !== host) continue
        // It knows no partitions: of those that are not here it forgets what is in no commit.
        const { overIn } = epochs.runs(f)
        const isHere = overIn?.life === life && overIn.state !== 'over'
        if (f.durable || !isHere) f.journalOn = 0
      }
    },
  }
}

function nameOf(f: FileTruth): string {
  return `f${f.file.index} (${f.file.path})`
}
