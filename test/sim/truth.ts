/**
 * What really happened to each file and record, and the promises, checked as it happens. A broken one is kept in
 * `violation`: an error thrown inside the processor's promises could be lost.
 */
import type { OffsetCommit } from '../../src/kafka/committer.ts'
import type { ConsumedRecord } from '../../src/kafka/consumer.ts'
import type { FileJob } from '../../src/plugin/messages.ts'
import type { RunEvent } from '../../src/report/events.ts'
import { type Broker, indexAt, type LogRecord } from './broker.ts'
import type { SimFile, What } from './files.ts'
import type { Plan } from './plan.ts'

export interface FileTruth {
  readonly file: SimFile
  /** Copies in the log, by chunk: good ones, and all. */
  readonly good: number[]
  readonly copies: number[]
  /** How often the plugin returned null. */
  nulls: number
  /** Failed attempts of which the processor heard or could have heard. */
  failed: number
  /** Life in which it was reported as done, skipped or dead-lettered; 0 = never. */
  finalIn: number
  finalEpoch: number
  skipped: boolean
  lettered: boolean
  /** Life in which it was reported as held; 0 = never. */
  heldIn: number
  /** A commit that says it is final was applied. */
  durable: boolean
  /** The attempt that runs in the present epoch. */
  running: FileJob | undefined
  /** Why it need not come to its end. */
  excuse: string | undefined
  deliveryId: string | undefined
}

export interface Truth {
  readonly violation: string | undefined
  readonly files: readonly FileTruth[]
  violate(what: string): void
  /** What a record is, for the trace. */
  name(partition: number, offset: number): string
  fileOf(job: Pick<FileJob, 'path' | 'sha512'>): FileTruth | undefined
  onAppended(partition: number, what: What): void
  onDelivered(batch: readonly ConsumedRecord[]): void
  onAssigned(starts: readonly number[]): void
  onGivenUp(): void
  onLifeBegins(life: number): void
  onCall(job: FileJob, content: Buffer): void
  onNull(job: FileJob, told: boolean): void
  onFailed(job: FileJob): void
  onEvent(event: RunEvent): void
  /** Files that a commit sent now must make durable. */
  onCommitSent(): readonly FileTruth[]
  onCommitted(commits: readonly OffsetCommit[], sent: readonly FileTruth[]): void
  /** Everything has come to rest: what is still wrong. */
  atRest(): string | undefined
  /** The first offset of a partition that must not be passed. */
  safe(partition: number): number
}

export function truthOf(plan: Plan, broker: Broker, happened: (what: string) => void): Truth {
  const files = plan.files.map(
    (file): FileTruth => ({
      file,
      good: Array(file.total).fill(0),
      copies: Array(file.total).fill(0),
      nulls: 0,
      failed: 0,
      finalIn: 0,
      finalEpoch: 0,
      skipped: false,
      lettered: false,
      heldIn: 0,
      durable: false,
      running: undefined,
      excuse: undefined,
      deliveryId: undefined,
    }),
  )
  const byId = new Map(files.map(f => [idOf(f.file), f]))
  const undecodableOver = new Set<string>()
  const safeIndex = plan.files.length === 0 ? [] : broker.partitions.map(() => 0)
  const { settings } = plan
  let violation: string | undefined
  let life = 0
  let epoch = 0

  function violate(what: string): void {
    violation ??= what
  }

  function isFinal(f: FileTruth): boolean {
    return f.nulls > 0 || f.skipped || f.lettered
  }

  function isOver(partition: number, { offset, what }: LogRecord): boolean {
    if (offset < (broker.partitions[partition]?.low ?? 0)) return true
    switch (what.kind) {
      case 'chunk': {
        const f = files[what.file] as FileTruth
        return f.file.filtered || isFinal(f)
      }
      case 'junk':
        return undecodableOver.has(`${partition}@${offset}`)
      default:
        return true
    }
  }

  function safe(partition: number): number {
    const { records, end } = broker.partitions[partition] as Broker['partitions'][number]
    let at = safeIndex[partition] ?? 0
    while (at < records.length && isOver(partition, records[at] as LogRecord)) at++
    safeIndex[partition] = at
    return records[at]?.offset ?? end
  }

  function recordAt(partition: number, offset: number): LogRecord | undefined {
    const records = broker.partitions[partition]?.records ?? []
    const found = records[indexAt(records, offset)]
    return found?.offset === offset ? found : undefined
  }

  /** All chunks lie in the log, in copies that are good. */
  function isWhole(f: FileTruth): boolean {
    return f.good.every(n => n > 0)
  }

  function sentTwice(f: FileTruth): boolean {
    return f.copies.every(n => n > 1)
  }

  function fileOf(job: Pick<FileJob, 'path' | 'sha512'>): FileTruth | undefined {
    return byId.get(`${job.path}\0${Buffer.from(job.sha512).toString('latin1')}`)
  }

  function fileAt(partitions: Readonly<Record<string, readonly [number, number]>>): FileTruth | undefined {
    for (const [partition, [low]] of Object.entries(partitions)) {
      const what = recordAt(Number(partition), low)?.what
      if (what?.kind === 'chunk') return files[what.file]
    }
    return undefined
  }

  function setAside(event: Extract<RunEvent, { type: 'file' }>, f: FileTruth): void {
    const { result } = event
    const who = `f${f.file.index}`
    const retries = settings.onFailure.retries
    if (result === 'failed' && f.failed <= (plan.on.has('ioErrors') ? 0 : retries))
      violate(`${who} is given up after ${f.failed} failed attempts`)
    if (result === 'mismatch' && f.file.nature !== 'impossible' && f.good.join() === f.copies.join())
      violate(`${who} is said to be damaged and is not`)
    if ((result === 'incomplete' || result === 'superseded') && f.copies.every(n => n > 0) && !f.excuse)
      violate(`${who} is passed over as ${result}, and all its chunks are in the log`)
    if (event.setAside === 'held') {
      f.heldIn = life
      happened('file held')
    } else {
      happened(`file passed over: ${result}`)
      if (result === 'superseded') {
        const newer = files.some(other => other.file.path === f.file.path && other !== f && other.nulls > 0)
        if (!newer) violate(`${who} is superseded by nothing`)
      } else {
        const policy = result === 'incomplete' ? settings.onIncomplete : settings.onFailure.onError
        if (policy !== 'skip') violate(`${who} is skipped: ${result}`)
      }
      f.skipped = true
      f.finalIn = life
      f.finalEpoch = epoch
    }
  }

  return {
    get violation() {
      return violation
    },
    files,
    violate,
    safe,
    fileOf,
    name(partition, offset) {
      const what = recordAt(partition, offset)?.what
      if (what?.kind !== 'chunk') return what?.kind ?? 'nothing'
      return `f${what.file}.${what.chunk + 1}/${files[what.file]?.file.total}${what.good ? '' : '!'}`
    },
    onAppended(_partition, what) {
      if (what.kind !== 'chunk') return
      const f = files[what.file] as FileTruth
      f.copies[what.chunk] = (f.copies[what.chunk] as number) + 1
      if (what.good) f.good[what.chunk] = (f.good[what.chunk] as number) + 1
    },
    onDelivered() {},
    onAssigned() {
      epoch++
    },
    onGivenUp() {
      epoch++
      // What still runs is being aborted, and may overlap with the first run of the next epoch.
      for (const f of files) f.running = undefined
    },
    onLifeBegins(number) {
      life = number
      epoch++
      for (const f of files) f.running = undefined
    },
    onCall(job, content) {
      const f = fileOf(job)
      if (!f) return violate(`the plugin is given ${job.path}, which nobody sent like this`)
      const who = `f${f.file.index}`
      if (Buffer.compare(content, f.file.content) !== 0) violate(`the plugin sees a wrong content of ${who}`)
      if (f.file.filtered) violate(`${who} should have been filtered`)
      if (f.file.nature === 'impossible') violate(`${who} cannot be whole`)
      if (f.running) violate(`${who} runs twice at a time`)
      f.deliveryId ??= job.deliveryId
      if (f.deliveryId !== job.deliveryId) violate(`${who} has two delivery ids`)
      if (f.finalIn === life) violate(`${who} runs again in the process that finished it`)
      else if (f.durable && !sentTwice(f)) violate(`${who} runs again, and a commit said that it is finished`)
      if (job.final !== job.attempt > settings.onFailure.retries)
        violate(`${who} is wrong about its last attempt`)
      if (f.nulls > 0) happened('file run again')
      f.running = job
    },
    onNull(job) {
      const f = fileOf(job)
      if (!f) return
      f.nulls++
      if (f.running === job) f.running = undefined
      happened('file processed')
    },
    onFailed(job) {
      const f = fileOf(job)
      if (!f) return
      f.failed++
      if (f.running === job) f.running = undefined
      happened('attempt failed')
    },
    onEvent(event) {
      switch (event.type) {
        case 'file': {
          const f = fileAt(event.partitions)
          if (!f) return violate(`a report about ${event.path}, whose offsets are not its own`)
          if (event.result !== 'ok') return setAside(event, f)
          if (f.nulls === 0) violate(`f${f.file.index} is reported as done and is not`)
          f.finalIn = life
          f.finalEpoch = epoch
          return
        }
        case 'undecodable': {
          const { partition, offset } = event
          if (recordAt(partition, offset)?.what.kind !== 'junk')
            violate(`${partition}@${offset} is called undecodable`)
          if (event.setAside === 'skipped') {
            if (settings.onFailure.onError !== 'skip') violate('an undecodable record is skipped')
            undecodableOver.add(`${partition}@${offset}`)
          }
          return
        }
        default:
          happened(`event ${event.type}`)
      }
    },
    onCommitSent: () => files.filter(f => f.finalIn === life && f.finalEpoch === epoch && !f.durable),
    onCommitted(commits, sent) {
      for (const { partition, offset } of commits) {
        const limit = safe(partition)
        if (offset > limit) {
          const record = broker.partitions[partition]?.records.find(r => r.offset === limit)
          violate(
            `committed ${partition}@${offset} passes ${record ? JSON.stringify(record.what) : 'the end'} at ${limit}`,
          )
        }
      }
      for (const f of sent) f.durable = true
    },
    atRest() {
      for (const f of files) {
        const who = `f${f.file.index} (${f.file.path})`
        if (f.file.filtered || isFinal(f) || f.excuse || f.copies.every(n => n === 0)) continue
        if (f.heldIn === life) continue
        if (isWhole(f)) return `${who} is neither processed nor held`
        if (settings.onIncomplete === 'skip' && f.copies.some(n => n === 0))
          return `${who} is incomplete and not skipped`
      }
      for (const p of broker.partitions) {
        const limit = safe(p.number)
        const at = p.committed?.offset ?? p.low
        if (at === limit || (limit === p.low && at <= limit)) continue
        const first = p.records[indexAt(p.records, at)]
        return `${p.number}@${at} is committed, not ${limit}: ${first ? JSON.stringify(first.what) : 'the end'} holds it`
      }
      return undefined
    },
  }
}

function idOf(file: SimFile): string {
  return `${file.path}\0${file.sha512.toString('latin1')}`
}
