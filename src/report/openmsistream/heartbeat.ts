/**
 * OpenMSIStream's heartbeats: a record now and then that says that this process consumes, and how much. None is sent
 * while it does not: a beat that went on by itself would hide just what it is there for.
 */
import type { RunView } from '../monitor/run-view.ts'
import type { Onlooker } from '../onlooker.ts'
import { pythonIsoUtc, pythonJson } from './python-text.ts'

export interface TopicRecord {
  readonly topic: string
  readonly key: string
  readonly value: Uint8Array
}

/** What is said now and then in a topic, and by whom. */
export interface TopicSender {
  readonly topic: string
  readonly id: string
  readonly everyMs: number
  readonly now: () => number
  send(record: TopicRecord): Promise<void>
  /** Not through the log itself, which a topic may be fed from. */
  onProblem(text: string): void
}

interface Sums {
  readonly read: number
  readonly processed: number
  readonly bytesRead: number
  readonly bytesProcessed: number
}

/** How often it is looked whether a first beat can be sent, and whether the next is due. */
const LOOK_MS = 500

export function openHeartbeat(options: TopicSender): Onlooker {
  const { now, everyMs } = options
  let view: RunView | undefined
  /** As theirs, the record with which a file was complete that then failed counts as read and not as processed. */
  let failedFiles = 0
  let failedBytes = 0
  let told: Sums = { read: 0, processed: 0, bytesRead: 0, bytesProcessed: 0 }
  let last = Number.NEGATIVE_INFINITY
  let sending: Promise<void> | undefined
  let isWell = true

  function sums(of: RunView): Sums {
    const { records, receivedBytes, undecodable } = of.counts()
    return {
      read: records,
      processed: records - undecodable - failedFiles,
      bytesRead: receivedBytes,
      bytesProcessed: receivedBytes - failedBytes,
    }
  }

  async function beat(of: RunView): Promise<void> {
    const sum = sums(of)
    const value = pythonJson({
      timestamp: pythonIsoUtc(now()),
      n_messages_read: sum.read - told.read,
      n_messages_processed: Math.max(0, sum.processed - told.processed),
      n_bytes_read: sum.bytesRead - told.bytesRead,
      n_bytes_processed: Math.max(0, sum.bytesProcessed - told.bytesProcessed),
    })
    last = now()
    try {
      await options.send({ topic: options.topic, key: `${options.id}_heartbeat`, value: Buffer.from(value) })
      // A file that fails after its records were told takes them back: from what is processed next.
      told = {
        ...sum,
        processed: Math.max(told.processed, sum.processed),
        bytesProcessed: Math.max(told.bytesProcessed, sum.bytesProcessed),
      }
      isWell = true
    } catch (error) {
      if (isWell) options.onProblem(`heartbeat: ${(error as Error).message}; tried again with the next`)
      isWell = false
    }
  }

  function look(): void {
    if (view === undefined || sending !== undefined || now() - last < everyMs) return
    if (view.notConsuming() !== undefined) return
    sending = beat(view).finally(() => {
      sending = undefined
    })
  }

  const timer = setInterval(look, Math.min(LOOK_MS, everyMs))
  timer.unref()
  let isOver = false

  /** While the partitions are still owned: at the end of the run they are given back. */
  function lastBeat(): void {
    if (isOver) return
    isOver = true
    clearInterval(timer)
    const before = sending ?? Promise.resolve()
    if (view === undefined || view.notConsuming() !== undefined) return
    const of = view
    sending = before.then(() => beat(of))
  }

  return {
    report(event) {
      if (event.type === 'summary') lastBeat()
      if (event.type !== 'file' || (event.result !== 'failed' && event.result !== 'mismatch')) return
      failedFiles++
      failedBytes += Math.round(event.bytes / Math.max(1, event.arrival?.chunks ?? 1))
    },
    attach(given) {
      view = given
    },
    async close() {
      isOver = true
      clearInterval(timer)
      await sending
    },
  }
}
