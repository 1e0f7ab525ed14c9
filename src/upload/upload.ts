/**
 * One upload, from the connection to the summary.
 *
 * upload/ is `dfsp upload`: from files on disk to records. It knows nothing of plugins and groups.
 */
import type { DfspError } from '../base/errors.ts'
import type { Found } from '../files/walk.ts'
import { topicId } from '../kafka/ask/topic.ts'
import { partitionsToWrite } from '../kafka/ask/topic-to-write.ts'
import { brokerErrors, isRefusal } from '../kafka/failures.ts'
import { openProducer } from '../kafka/producer.ts'
import type { FileOutcome, UploadEvent } from '../report/commands/upload-report.ts'
import { exitStatus } from '../run/outcome.ts'
import { onStopSignal, type StopSignal } from '../run/shutdown.ts'
import { canBeSent, type FileSender, fileSender, type SenderOptions } from './file-sender.ts'
import { uploadProperties } from './upload-properties.ts'
import { uploadTally } from './upload-tally.ts'
import { type Watching, type WatchSettings, watching } from './upload-watch.ts'

export interface UploadOptions extends SenderOptions {
  readonly producerProperties: Readonly<Record<string, string>>
  readonly waitForTopic: boolean
  /** What is left of the files, to be named where nothing is. */
  readonly include?: RegExp | undefined
  /** Milliseconds between two progress events; 0 = none. */
  readonly progressMs: number
}

export interface UploadDeps {
  readonly files: AsyncIterable<Found>
  /** Files come as they settle, until a signal; `files` is not read then. */
  readonly watch?: WatchSettings | undefined
  report(event: UploadEvent): void
}

const PROBLEM_EVERY_MS = 60_000
/** Who watches a folder waits for a broker that is away, however long. */
const FOR_EVER = { 'message.timeout.ms': '0' }
/** A progress event that comes at least so often moves a line of a terminal; others are lines of a log. */
const LIVE_MS = 1_000

/** Sends all files and returns the exit status; a DfspError that ended it comes with the summary reported. */
export async function upload(
  options: UploadOptions,
  { files, watch, report }: UploadDeps,
): Promise<{ readonly exit: number; readonly error: DfspError | undefined }> {
  const started = performance.now()
  const seconds = () => Math.round(performance.now() - started) / 1_000
  const tally = uploadTally(report)
  const { counts } = tally
  let refused = 0
  let signal: StopSignal | undefined
  let watched: Watching | undefined
  let sender: FileSender | undefined

  const onFile = (outcome: FileOutcome) => {
    if (sender?.error) watched?.stop()
    if (watched?.ended(outcome) === false) return
    tally.file(outcome)
  }

  const properties = { ...(watch ? FOR_EVER : {}), ...options.producerProperties }
  const producer = await openProducer(uploadProperties(properties, options.chunkSize))
  const connections = brokerErrors(producer.client, producer.login.brokers)
  const tellTrouble = onceInAWhile((text: string) => report({ type: 'problem', text }))
  producer.client.on('event.error', ({ message }) => {
    // A refusal comes with the records, too, and ends it.
    if (!isRefusal(message)) tellTrouble(`${connections.text(message)}; librdkafka keeps trying`)
  })
  let stopListening = () => {}
  let timer: NodeJS.Timeout | undefined
  try {
    const { all, isSendable } = await upToSendable(files, options, watch !== undefined)
    // To ask for a topic is to have it made.
    const partitions = isSendable
      ? await partitionsToWrite(producer.client, options.topic, producer.login, {
          wait: options.waitForTopic,
          tell: text => report({ type: 'problem', text }),
        })
      : []
    if (watch) {
      const { topic, subdir } = options
      const id = await topicId(producer.client, topic)
      watched = watching(watch, { brokers: producer.login.brokers, topic, topicId: id, subdir }, report)
    }
    const own = fileSender(producer, partitions, options, onFile)
    sender = own
    stopListening = onStopSignal(given => {
      signal = given
      // A folder is watched again later: what is being sent then need not be sent twice.
      if (watched) watched.stop()
      else own.stop()
      const text =
        given === 'SIGPIPE'
          ? 'nobody reads stdout any more: waiting for what is on its way, then stopping'
          : `${given}: waiting for what is on its way (again to stop at once)`
      report({ type: 'info', text })
    })
    let toldOf = ''
    const progress = () => {
      const { ackedBytes: bytes, reading: path } = own
      const now = `${bytes} ${counts.failed}`
      if (watched && now === toldOf && options.progressMs >= LIVE_MS) return
      toldOf = now
      report({ type: 'progress', progress: { ...counts, bytes, seconds: seconds(), path } })
    }
    if (options.progressMs > 0) timer = setInterval(progress, options.progressMs)
    let before = Promise.resolve()
    for await (const found of watched?.files ?? all) {
      if (signal !== undefined || own.error !== undefined) break
      if (found.kind === 'file') {
        const sent = own.send(found, before)
        await before
        before = sent
      } else if (found.kind === 'refused') {
        refused++
        onFile({ path: found.shown, result: 'failed', error: found.reason })
      } else tally.leftOut(found)
    }
    tally.tellLeftOut()
    await before
    await own.drained()
    if (counts.files + counts.failed === 0 && signal === undefined && !watched)
      report({ type: 'problem', text: nothingFound(options.include) })
    if (signal !== undefined && !watched) tally.tellWhole()
    const asAsked = watched && signal !== 'SIGPIPE'
    const exit = exitStatus(
      asAsked ? { error: own.error, wrong: refused } : { error: own.error, signal, wrong: counts.failed },
    )
    report({ type: 'summary', summary: { ...counts, chunks: own.ackedChunks, seconds: seconds(), exit } })
    return { exit, error: own.error }
  } finally {
    clearInterval(timer)
    stopListening()
    watched?.stop()
    await producer.close()
    watched?.close()
  }
}

function nothingFound(include: RegExp | undefined): string {
  return include === undefined
    ? 'found no file to send; without --include dot files and *.log are left out'
    : `found no file to send that matches --include ${include.source}, a regular expression: for *.csv write '\\.csv$'`
}

/** All that is to be looked at, and whether it has a file that can be sent; what is watched may come to have one. */
async function upToSendable(
  files: AsyncIterable<Found>,
  options: SenderOptions,
  isWatched: boolean,
): Promise<{ readonly all: AsyncIterable<Found>; readonly isSendable: boolean }> {
  if (isWatched) return { all: files, isSendable: true }
  const rest = files[Symbol.asyncIterator]()
  const ahead: Found[] = []
  let isSendable = false
  while (!isSendable) {
    const next = await rest.next()
    if (next.done === true) break
    ahead.push(next.value)
    isSendable = next.value.kind === 'file' && (await canBeSent(next.value, options))
  }
  async function* all(): AsyncGenerator<Found, void> {
    yield* ahead
    yield* { [Symbol.asyncIterator]: () => rest }
  }
  return { all: all(), isSendable }
}

/** Passes on the first of the errors, then one a minute. */
function onceInAWhile<E>(tell: (error: E) => void): (error: E) => void {
  let last = Number.NEGATIVE_INFINITY
  return error => {
    if (performance.now() - last < PROBLEM_EVERY_MS) return
    last = performance.now()
    tell(error)
  }
}
