/** Sends files chunk by chunk; each is over when the broker has answered for its last chunk. */
import type { DfspError } from '../base/errors.ts'
import { type ChunkSpan, cutFile } from '../core/chunks/chunking.ts'
import { partitionOfKey } from '../core/chunks/murmur2.ts'
import { relativePath } from '../core/chunks/output-path.ts'
import { openSource, READS_AHEAD, ShorterError, type SourceFile } from '../files/source-file.ts'
import { type FoundFile, reasonOf } from '../files/walk.ts'
import type { AcknowledgedProducer, RecordToSend } from '../kafka/producer.ts'
import type { FileOutcome } from '../report/commands/upload-report.ts'
import { inFlight } from './in-flight.ts'
import { chunkRecord, noteAck, outcomeOf, type Sending, sendingOf } from './sending.ts'

export interface SenderOptions {
  readonly topic: string
  /** Bytes. */
  readonly chunkSize: number
  /** `path`: all chunks of a file go to one partition; `key`: the client's partitioner scatters them. */
  readonly partitionBy: 'path' | 'key'
  /** Put before every path, with `/`; "" for none. */
  readonly subdir: string
}

export interface FileSender {
  /**
   * Resolves when all of the file is handed to the client; `onFile` hears what becomes of it. It is digested at once,
   * and its chunks follow when `before` is over: the digest of one file and the chunks of another go side by side.
   */
  send(found: FoundFile, before?: Promise<void>): Promise<void>
  /** Resolves when the broker has answered for everything. */
  drained(): Promise<void>
  /** Hands over nothing more. */
  stop(): void
  /** What the broker or the client said against a record: nothing more is handed over from then on. */
  readonly error: DfspError | undefined
  /** Content bytes that the broker has acknowledged. */
  readonly ackedBytes: number
  readonly ackedChunks: number
  /** Path of the file whose chunks are sent, or else of the one that is read for its digest, marked. */
  readonly reading: string | undefined
}

const IN_FLIGHT_BYTES = 32 * 1024 * 1024
const STOPPED = 'stopped before its end'
/** What a record takes beside its data, about. */
const RECORD_BYTES = 1024

/** Whether `send` would hand over anything of it now. */
export async function canBeSent(found: FoundFile, options: SenderOptions): Promise<boolean> {
  if ('refused' in relativePath(subdirOf(found, options), found.name, '')) return false
  try {
    const source = await openSource(found.file)
    await source.close()
    return !('refused' in cutFile(source.size, options.chunkSize))
  } catch {
    return false // `send` tells why
  }
}

function subdirOf({ subdir }: FoundFile, options: SenderOptions): string {
  return [options.subdir, subdir].filter(part => part !== '').join('/')
}

export function fileSender(
  producer: AcknowledgedProducer,
  partitions: readonly number[],
  options: SenderOptions,
  onFile: (outcome: FileOutcome) => void,
): FileSender {
  const { topic, chunkSize, partitionBy } = options
  const onTheWay = inFlight(IN_FLIGHT_BYTES)
  const stop = new AbortController()
  let fatal: DfspError | undefined
  let digesting: string | undefined
  let sending: string | undefined
  let ackedBytes = 0
  let ackedChunks = 0

  const fail = (path: string, error: string) => onFile({ path, result: 'failed', error })

  async function send(found: FoundFile, before = Promise.resolve()): Promise<void> {
    const subdir = subdirOf(found, options)
    const named = relativePath(subdir, found.name, '')
    if ('refused' in named) return fail(found.shown, `${named.refused}, which readers refuse`)
    digesting = named.path
    let source: SourceFile | undefined
    try {
      source = await openSource(found.file)
      await sendOpened(source, named.path, subdir, found.name, before)
    } catch (error) {
      if (!stop.signal.aborted || sending === undefined) fail(named.path, whyUnread(error))
    } finally {
      if (digesting === named.path) digesting = undefined
      await source?.close()
    }
  }

  async function sendOpened(
    source: SourceFile,
    path: string,
    subdir: string,
    name: string,
    before: Promise<void>,
  ): Promise<void> {
    const cut = cutFile(source.size, chunkSize)
    if ('refused' in cut) return fail(path, cut.refused)
    const hash = await source.sha512(stop.signal)
    await before
    if (stop.signal.aborted) return // it was not its turn yet
    sending = path
    if (await source.changed()) return fail(path, 'changed while it was read; nothing of it was sent')
    const partition =
      partitionBy === 'path' ? partitions[partitionOfKey(Buffer.from(path), partitions.length)] : undefined
    const file = sendingOf({ path, subdir, name, source, hash, total: cut.total, partition })
    let handed = Promise.resolve()
    const ahead: Promise<void>[] = []
    try {
      for (const span of cut.spans()) {
        const cost = span.length + RECORD_BYTES
        await onTheWay.enter(cost)
        if (stop.signal.aborted) {
          onTheWay.leave(cost)
          break
        }
        const leave = () => onTheWay.leave(cost)
        handed = handOver(handed, file, span, leave)
        handed.catch(() => {}) // heard below, by the last one
        ahead.push(handed)
        if (ahead.length >= READS_AHEAD) await ahead.shift()
      }
      await handed
      if (await source.changed()) file.wrong = 'changed while it was sent'
    } catch (error) {
      file.wrong = whyUnread(error)
    }
    sending = undefined
    file.read = true
    settle(file)
  }

  /** Reads and encodes a chunk at once, and hands it to the client when `before` is over. */
  async function handOver(
    before: Promise<void>,
    file: Sending,
    span: ChunkSpan,
    leave: () => void,
  ): Promise<void> {
    let record: RecordToSend
    try {
      const [read] = await Promise.all([chunkRecord(topic, file, span), before])
      record = read
    } catch (error) {
      leave()
      throw error
    }
    if (stop.signal.aborted) return leave()
    file.sent++
    producer.send(record).then(
      at => {
        ackedBytes += span.length
        ackedChunks++
        noteAck(file, at)
        answered(file, leave)
      },
      (error: DfspError) => {
        fatal ??= error
        stop.abort(new Error(STOPPED))
        answered(file, leave)
      },
    )
  }

  function answered(file: Sending, leave: () => void): void {
    file.answered++
    settle(file)
    leave()
  }

  /** Tells what became of a file, once that is known. */
  function settle(file: Sending): void {
    const outcome = outcomeOf(file, fatal ? 'the broker did not take all of it' : STOPPED)
    if (outcome !== undefined) onFile(outcome)
  }

  return {
    send,
    drained: () => onTheWay.drained(),
    stop: () => stop.abort(new Error(STOPPED)),
    get error() {
      return fatal
    },
    get ackedBytes() {
      return ackedBytes
    },
    get ackedChunks() {
      return ackedChunks
    },
    get reading() {
      return sending ?? (digesting === undefined ? undefined : `${digesting} (digest)`)
    },
  }
}

function whyUnread(error: unknown): string {
  return error instanceof ShorterError ? 'became shorter while it was read' : reasonOf(error)
}
