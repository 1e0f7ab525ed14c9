/** Files of one topic that are fetched by reference: each is read again, assembled, verified and given to the plugin once. */
import type { Values } from '../config/options/options.ts'
import { type FileId, fileId, hexOf } from '../core/chunks/generation.ts'
import { namedChunk } from '../core/chunks/named-chunk.ts'
import { joined, type OffsetRange, offsetRanges, sortedRanges } from '../core/offsets/offset-ranges.ts'
import type { ConsumedRecord } from '../kafka/consumer/consumer.ts'
import type { Refetcher } from '../kafka/refetch/refetch.ts'
import type { FileResult, RunEvent } from '../report/events.ts'
import { type FedDeps, type FedSettings, fedProcessor, PARTITION } from '../run/fed-processor.ts'

/** What does not depend on the options: each file is run once, and a broken environment is waited for. */
const FETCHED = {
  waitsForEnvironment: true,
  // After the last of a file's records nothing more of it comes.
  onIncomplete: 'skip',
  incompleteAfterMs: 1,
} as const

/** As many files are open at a time as there are threads, and one. */
export interface FetchedOptions
  extends Omit<FedSettings, keyof typeof FETCHED | 'attemptsBefore'>,
    Pick<Values, 'threads'> {}

export interface FileEnd {
  readonly result: FileResult
  readonly error: string
  readonly bytes: number
  readonly ms: number
}

/** A file to be run again. */
export interface FileToFetch {
  readonly letter: {
    readonly path: string
    readonly chunks: number
    readonly sha512: string
    /** How often it was tried before; 0 where that is of no matter. */
    readonly attempts?: number
  }
  /** Where its records lie; others may lie between them. */
  readonly ranges: readonly OffsetRange[]
}

export interface FetchedDeps<F extends FileToFetch> extends Pick<FedDeps, 'runtime' | 'hooks'> {
  /** Of the topic. */
  readonly openRefetcher: () => Refetcher
  /** What became of a file; the next one may be fed meanwhile. */
  readonly onEnd: (file: F, outcome: FileEnd) => void
  readonly report: (event: Extract<RunEvent, { type: 'info' | 'problem' }>) => void
  /** Ends everything. */
  readonly signal: AbortSignal
  /** Nothing can be processed at present. */
  readonly onBlocked: (reason: string) => void
}

export interface FetchedFiles<F extends FileToFetch> {
  /**
   * Reads files together, of a path one each. Resolves when the next ones may follow. Rejects with a DfspError when the
   * topic cannot be read.
   */
  feed(files: readonly F[]): Promise<void>
  /** Resolves when all that were fed have ended, or after the signal. */
  finished(): Promise<void>
  /** Waits for what runs, drops the rest; false when that did not end in time. */
  close(drainMs: number): Promise<boolean>
}

interface Open<F> {
  readonly file: F
  readonly id: FileId
  /** The offsets that its records are given here, in order. */
  readonly offsets: number[]
}

const UNDER_WAY = ['queued', 'running', 'waiting'] as const
/** About what an open file and one of its records take here and in the processor. */
const FILE_BYTES = 2_000
const RECORD_BYTES = 250
/** Of the memory: more files are begun only once others have ended, or in a read of their own. */
const TABLE_SHARE = 1 / 8

export function fetchedFiles<F extends FileToFetch>(
  options: FetchedOptions,
  deps: FetchedDeps<F>,
): FetchedFiles<F> {
  const { runtime, report, signal } = deps
  const open = new Map<string, Open<F>>() // by path
  const attempts = new Map<FileId, number>()
  /** Where the records of open files really lie, by the offset that each is given here. */
  const places = new Map<number, Pick<ConsumedRecord, 'partition' | 'offset'>>()
  /** The offset that the next record is given here. */
  let end = 0
  const feeding = deps.openRefetcher()
  // A second connection: the first may be waiting for room that only an evicted file's end can give.
  const again = deps.openRefetcher()
  const work = fedProcessor(
    { ...options, ...FETCHED, attemptsBefore: id => attempts.get(id) ?? 0 },
    {
      ...{ runtime, hooks: deps.hooks, refetch: readAgain, report: heard },
      onStop: deps.onBlocked,
      onTick({ blocked }) {
        if (blocked !== undefined && blocked.probes > 0) deps.onBlocked(blocked.reason)
      },
    },
  )
  const { change } = work
  signal.addEventListener('abort', work.wake, { once: true })

  function heard(event: RunEvent): void {
    if (event.type === 'info' || event.type === 'problem') return report(event)
    if (event.type !== 'file') return
    const ended = open.get(event.path)
    // Of an earlier one of the same path, of which more was seen: it has had its outcome.
    if (ended === undefined || (event.partitions[PARTITION]?.[0] ?? 0) < (ended.offsets[0] ?? 0)) return
    const { result, error = '', bytes, ms } = event
    told(ended, { result, error, bytes, ms })
  }

  function told(ended: Open<F>, outcome: FileEnd): void {
    forget(ended)
    deps.onEnd(ended.file, outcome)
    work.wake()
  }

  function forget({ file, id, offsets }: Open<F>): void {
    open.delete(file.letter.path)
    attempts.delete(id)
    for (const offset of offsets) places.delete(offset)
  }

  async function readAgain(
    ranges: readonly OffsetRange[],
    onRecord: (r: ConsumedRecord) => void,
    cancelled: AbortSignal,
  ): Promise<void> {
    const offsets = new Map<string, number>()
    for (const { from, to } of ranges)
      for (let offset = from; offset <= to; offset++) {
        const place = places.get(offset)
        if (place) offsets.set(`${place.partition}/${place.offset}`, offset)
      }
    const real = offsetRanges([...offsets.values()].flatMap(offset => places.get(offset) ?? []))
    await again.read(
      real,
      r => {
        const offset = offsets.get(`${r.partition}/${r.offset}`)
        if (offset !== undefined) onRecord({ ...r, partition: PARTITION, offset })
      },
      cancelled,
    )
  }

  const isUnderWay = () => UNDER_WAY.some(state => work.files.count(state) > 0)
  const isFull = () => open.size * FILE_BYTES + places.size * RECORD_BYTES > options.memoryBytes * TABLE_SHARE

  function begin(file: F): Open<F> {
    const { path: name, chunks, sha512, attempts: before = 0 } = file.letter
    const id = fileId(name, { total: chunks, fileHash: Buffer.from(sha512, 'hex') })
    const own = { file, id, offsets: [] }
    open.set(name, own)
    attempts.set(id, before)
    return own
  }

  /** Returns the files for which there was no room; fewer than were given, where none were open before. */
  async function readOnce(files: readonly F[]): Promise<F[]> {
    const left = new Map(files.map(file => [file.letter.path, file])) // not begun
    const postponed = new Set<F>()
    const begun: Open<F>[] = []

    /** Undefined for what is not asked for, has ended or is postponed. */
    async function openOf(record: ConsumedRecord): Promise<Open<F> | undefined> {
      const found = namedChunk(record.value)
      if ('refused' in found) return undefined
      const { chunk } = found
      const file = open.get(found.path)?.file ?? left.get(found.path)
      if (file === undefined || postponed.has(file)) return undefined
      if (chunk.total !== file.letter.chunks || hexOf(chunk.fileHash) !== file.letter.sha512) return undefined
      while (isFull() && !open.has(found.path) && isUnderWay() && !signal.aborted) await change()
      signal.throwIfAborted()
      const known = open.get(found.path)
      if (known !== undefined || !left.has(found.path)) return known
      // The rest of those that are open may lie beyond the beginning of many others.
      if (isFull() && open.size > 0) {
        postponed.add(file)
        return undefined
      }
      left.delete(found.path)
      const own = begin(file)
      begun.push(own)
      return own
    }

    await feeding.read(
      joined(sortedRanges(files.flatMap(({ ranges }) => ranges)), 0),
      async record => {
        const own = await openOf(record)
        if (own === undefined) return
        while (work.isPaused && !signal.aborted) await change()
        signal.throwIfAborted()
        if (open.get(own.file.letter.path) !== own) return // further copies of what has ended
        const { partition, offset } = record
        own.offsets.push(end)
        places.set(end, { partition, offset })
        work.take(record, end++)
      },
      signal,
    )
    work.atEnd(end)
    for (const file of left.values())
      if (!postponed.has(file)) deps.onEnd(file, nothing(`none of ${file.letter.chunks} chunks is there`))
    for (const own of begun)
      if (open.get(own.file.letter.path) === own && !work.files.byId.has(own.id))
        told(own, nothing('--memory has no room for what is to be known of its records'))
    return [...postponed]
  }

  const ended = async () => {
    while (open.size > 0 && !signal.aborted) await change()
  }

  return {
    async feed(files) {
      // One content of a path at a time: it is told by its path what became of it.
      const isFree = () => open.size <= options.threads && files.every(({ letter }) => !open.has(letter.path))
      while (!isFree() && !signal.aborted) await change()
      signal.throwIfAborted()
      for (let rest = files; rest.length > 0; ) {
        rest = await readOnce(rest)
        if (rest.length > 0) await ended()
        signal.throwIfAborted()
      }
    },
    finished: ended,
    async close(drainMs) {
      work.end()
      const ended = await work.drain(drainMs)
      await feeding.close()
      await again.close()
      return ended
    },
  }
}

function nothing(error: string): FileEnd {
  return { result: 'incomplete', error, bytes: 0, ms: 0 }
}
