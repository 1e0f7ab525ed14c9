/** What really happened to each file and record of a history, whatever the processor believes. */
import { fileId } from '../../src/core/chunks/generation.ts'
import type { FileJob } from '../../src/plugin/messages.ts'
import { type Broker, indexAt, type LogRecord } from './broker.ts'
import { digest128, type SimFile, type What } from './files.ts'
import type { Plan } from './plan.ts'

export interface FileTruth {
  readonly file: SimFile
  /** Its digest, by which journal and commits know it. */
  readonly key: string
  /** Copies in the log by chunk: good ones, and all. */
  readonly good: number[]
  readonly copies: number[]
  /** Its records that were deleted from the log, or passed over by a tool. */
  lost: number
  /** How often the plugin returned null. */
  nulls: number
  /** Calls of the plugin, and those of them that failed. */
  calls: number
  failures: number
  /** When the plugin was first given it in an epoch: its place among all files, and the epoch; 0 = never. */
  turn: number
  turnIn: number
  /** Epoch in which the plugin last returned null. */
  nullIn: number
  skipped: boolean
  /** A dead letter of it was written. */
  lettered: boolean
  /** Life and epoch in which it was reported as done, skipped or dead-lettered; 0 = never. */
  finalIn: number
  /** Life in which it was reported as processed; 0 = never. */
  doneIn: number
  finalEpoch: number
  /** Life in which it was reported as held; 0 = never. */
  heldIn: number
  /** It failed, and the process that holds it said that it tries it again. */
  comesBack: boolean
  /** A commit was applied that says it is final. */
  durable: boolean
  /** The host whose journal has it, and the life in which that began; 0 = none. */
  journalOn: number
  journalIn: number
  /** It was over and had unread copies when a process began: what comes of them is no whole file. */
  mayHaunt: boolean
  /** The attempt that runs in the present epoch. */
  running: FileJob | undefined
  deliveryId: string | undefined
}

export interface Truth {
  readonly files: readonly FileTruth[]
  /** Records of no file that were skipped or dead-lettered, as `partition@offset`. */
  readonly junkOver: Set<string>
  life: number
  epoch: number
  /** A tool changed what the group had committed. */
  wasReset: boolean
  appended(what: What): void
  /** The records from `from` to `to` - 1 will not be read any more. */
  lose(partition: number, from: number, to: number): void
  recordAt(partition: number, offset: number): LogRecord | undefined
  fileOf(job: Pick<FileJob, 'path' | 'sha512'>): FileTruth | undefined
  fileAt(partition: number, offset: number): FileTruth | undefined
  /** Whether a commit may say that what stands at an offset is over. */
  isOver(partition: number, offset: number): boolean
  /** Offset of the first record that no commit may pass; the end when there is none. */
  safe(partition: number): number
  /** A record as the trace names it. */
  name(partition: number, offset: number): string
}

export function truthOf(plan: Plan, broker: Broker): Truth {
  const files = plan.files.map(newTruth)
  const byKey = new Map(files.map(f => [idOf(f.file.path, f.file.sha512.toString('hex')), f]))
  const junkOver = new Set<string>()
  const skippedTo = broker.partitions.map(() => 0)
  const safeIndex = broker.partitions.map(() => 0)

  function recordAt(partition: number, offset: number): LogRecord | undefined {
    const records = broker.partitions[partition]?.records ?? []
    const found = records[indexAt(records, offset)]
    return found?.offset === offset ? found : undefined
  }

  function isOver(partition: number, { offset, what }: LogRecord): boolean {
    if (offset < (skippedTo[partition] as number)) return true
    if (what.kind === 'junk') return junkOver.has(`${partition}@${offset}`)
    if (what.kind !== 'chunk') return true
    const f = files[what.file] as FileTruth
    return f.file.filtered || isFinal(f)
  }

  return {
    files,
    junkOver,
    life: 0,
    epoch: 0,
    wasReset: false,
    appended(what) {
      if (what.kind !== 'chunk') return
      const f = files[what.file] as FileTruth
      const { good, copies } = f
      if (f.durable && f.finalIn !== this.life) f.mayHaunt = true
      // Each further copy may be of a delivery of its own, of which the rest does not come.
      if (plan.settings.reprocessIdentical && (copies[what.chunk] as number) > 0) f.mayHaunt = true
      copies[what.chunk] = (copies[what.chunk] as number) + 1
      if (what.good) good[what.chunk] = (good[what.chunk] as number) + 1
    },
    lose(partition, from, to) {
      const { records } = broker.partitions[partition] as Broker['partitions'][number]
      for (const { what } of records.slice(indexAt(records, from), indexAt(records, to)))
        if (what.kind === 'chunk') (files[what.file] as FileTruth).lost++
      skippedTo[partition] = Math.max(skippedTo[partition] as number, to)
    },
    recordAt,
    fileOf: job => byKey.get(idOf(job.path, job.sha512)),
    fileAt(partition, offset) {
      const what = recordAt(partition, offset)?.what
      return what?.kind === 'chunk' ? files[what.file] : undefined
    },
    isOver(partition, offset) {
      const record = recordAt(partition, offset)
      return record === undefined || isOver(partition, record)
    },
    safe(partition) {
      const { records, end } = broker.partitions[partition] as Broker['partitions'][number]
      let at = safeIndex[partition] as number
      while (at < records.length && isOver(partition, records[at] as LogRecord)) at++
      safeIndex[partition] = at
      return records[at]?.offset ?? end
    },
    name(partition, offset) {
      const what = recordAt(partition, offset)?.what
      if (what?.kind !== 'chunk') return what?.kind ?? 'nothing'
      return `f${what.file}.${what.chunk + 1}/${files[what.file]?.file.total}${what.good ? '' : '!'}`
    },
  }
}

/** Whatever the broker knows of it: no commit can be wrong about this file any more. */
export function isFinal(f: FileTruth): boolean {
  return f.nulls > 0 || f.skipped || f.lettered
}

export function wasSent(f: FileTruth): boolean {
  return f.copies.some(n => n > 0)
}

/** Each of its chunks was sent, in whatever state. */
export function isComplete(f: FileTruth): boolean {
  return f.copies.every(n => n > 0)
}

/** Each of its chunks was sent well. */
export function isWhole(f: FileTruth): boolean {
  return f.good.every(n => n > 0) && f.file.nature !== 'impossible'
}

export function isDamaged(f: FileTruth): boolean {
  return f.file.nature === 'impossible' || f.good.some((n, i) => n < (f.copies[i] as number))
}

export function wasSentTwice(f: FileTruth): boolean {
  return f.copies.every(n => n > 1)
}

function idOf(path: string, sha512: string): string {
  return `${path}\0${sha512}`
}

function newTruth(file: SimFile): FileTruth {
  return {
    file,
    key: digest128(fileId(file.path, { total: file.total, fileHash: file.sha512 })),
    good: Array(file.total).fill(0),
    copies: Array(file.total).fill(0),
    lost: 0,
    nulls: 0,
    calls: 0,
    failures: 0,
    turn: 0,
    turnIn: 0,
    nullIn: 0,
    skipped: false,
    lettered: false,
    finalIn: 0,
    doneIn: 0,
    finalEpoch: 0,
    heldIn: 0,
    comesBack: false,
    durable: false,
    journalOn: 0,
    journalIn: 0,
    mayHaunt: false,
    running: undefined,
    deliveryId: undefined,
  }
}
