/** Files of one topic that are fetched by reference: each is read again, assembled, verified and given to the plugin once. */
import type { Values } from '../config/options/options.ts'
import { hexOf } from '../core/chunks/generation.ts'
import { namedChunk } from '../core/chunks/named-chunk.ts'
import { joined, type OffsetRange, sortedRanges } from '../core/offsets/offset-ranges.ts'
import type { ConsumedRecord } from '../kafka/consumer/consumer.ts'
import type { Refetcher } from '../kafka/refetch/refetch.ts'
import type { FileResult, RunEvent } from '../report/events.ts'
import { type FedDeps, type FedSettings, fedProcessor, PARTITION } from '../run/fed-processor.ts'
import { type FileToFetch, fetchedTable, type OpenFetched } from './fetched-table.ts'

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

/** Of the memory: more files are begun only once others have ended, or in a read of their own. */
const TABLE_SHARE = 1 / 8

export function fetchedFiles<F extends FileToFetch>(
  options: FetchedOptions,
  deps: FetchedDeps<F>,
): FetchedFiles<F> {
  const { runtime, report, signal } = deps
  const open = fetchedTable<F>()
  const feeding = deps.openRefetcher()
  // A second connection: the first may be waiting for room that only an evicted file's end can give.
  const again = deps.openRefetcher()
  const work = fedProcessor(
    { ...options, ...FETCHED, attemptsBefore: open.attemptsBefore },
    {
      ...{ runtime, hooks: deps.hooks, refetch: readAgain, report: heard },
      onStop: deps.onBlocked,
      onBlocked: deps.onBlocked,
    },
  )
  const { change } = work
  signal.addEventListener('abort', work.wake, { once: true })

  function heard(event: RunEvent): void {
    if (event.type === 'info' || event.type === 'problem') return report(event)
    if (event.type !== 'file') return
    const ended = open.of(event.path)
    // Of an earlier one of the same path, of which more was seen: it has had its outcome.
    if (ended === undefined || (event.partitions[PARTITION]?.[0] ?? 0) < (ended.offsets[0] ?? 0)) return
    const { result, error = '', bytes, ms } = event
    told(ended, { result, error, bytes, ms })
  }

  function told(ended: OpenFetched<F>, outcome: FileEnd): void {
    open.forget(ended)
    deps.onEnd(ended.file, outcome)
    work.wake()
  }

  async function readAgain(
    ranges: readonly OffsetRange[],
    onRecord: (r: ConsumedRecord) => void,
    cancelled: AbortSignal,
  ): Promise<void> {
    const { real, offsetOf } = open.placesOf(ranges)
    await again.read(
      real,
      r => {
        const offset = offsetOf(r)
        if (offset !== undefined) onRecord({ ...r, partition: PARTITION, offset })
      },
      cancelled,
    )
  }

  const isUnderWay = () => work.files.underWay.files > 0
  const isFull = () => open.bytes > options.memoryBytes * TABLE_SHARE

  /** Returns the files for which there was no room; fewer than were given, where none were open before. */
  async function readOnce(files: readonly F[]): Promise<F[]> {
    const left = new Map(files.map(file => [file.letter.path, file])) // not begun
    const postponed = new Set<F>()
    const begun: OpenFetched<F>[] = []

    /** Undefined for what is not asked for, has ended or is postponed. */
    async function openOf(record: ConsumedRecord): Promise<OpenFetched<F> | undefined> {
      const found = namedChunk(record.value)
      if ('refused' in found) return undefined
      const { chunk } = found
      const file = open.of(found.path)?.file ?? left.get(found.path)
      if (file === undefined || postponed.has(file)) return undefined
      if (chunk.total !== file.letter.chunks || hexOf(chunk.fileHash) !== file.letter.sha512) return undefined
      while (isFull() && open.of(found.path) === undefined && isUnderWay() && !signal.aborted) await change()
      signal.throwIfAborted()
      const known = open.of(found.path)
      if (known !== undefined || !left.has(found.path)) return known
      // The rest of those that are open may lie beyond the beginning of many others.
      if (isFull() && open.size > 0) {
        postponed.add(file)
        return undefined
      }
      left.delete(found.path)
      const own = open.begin(file)
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
        if (open.of(own.file.letter.path) !== own) return // further copies of what has ended
        work.take(record, open.give(own, record))
      },
      signal,
    )
    work.atEnd(open.end)
    for (const file of left.values())
      if (!postponed.has(file)) deps.onEnd(file, nothing(`none of ${file.letter.chunks} chunks is there`))
    for (const own of begun)
      if (open.of(own.file.letter.path) === own && !work.files.byKey.has(own.id))
        told(own, nothing('--memory has no room for what is to be known of its records'))
    return [...postponed]
  }

  const ended = async () => {
    while (open.size > 0 && !signal.aborted) await change()
  }

  return {
    async feed(files) {
      // One content of a path at a time: it is told by its path what became of it.
      const isFree = () =>
        open.size <= options.threads && files.every(({ letter }) => open.of(letter.path) === undefined)
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
