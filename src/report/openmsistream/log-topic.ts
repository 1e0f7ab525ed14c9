/** OpenMSIStream's logs to a topic: what was logged since the last record, as a list of texts. */
import { within } from '../../base/within.ts'
import type { TopicSender } from './heartbeat.ts'
import { pythonJson } from './python-text.ts'

export interface LogTopic {
  add(text: string): void
  /** Sends what is left. */
  close(): Promise<void>
}

export interface LogTopicOptions extends TopicSender {
  /** The oldest beyond so many are dropped. */
  readonly most: number
}

const LAST_MS = 5_000
/** Brokers take 1 MB unless told otherwise. */
const RECORD_CHARS = 900_000

export function openLogTopic(options: LogTopicOptions): LogTopic {
  let waiting: string[] = []
  let sending: Promise<void> = Promise.resolve()
  let isWell = true

  function batches(): string[][] {
    const all: string[][] = [[]]
    let chars = 0
    for (const text of waiting) {
      const cost = 6 * text.length // at worst all of it is escaped
      if (chars > 0 && chars + cost > RECORD_CHARS) {
        all.push([])
        chars = 0
      }
      all.at(-1)?.push(text.slice(0, RECORD_CHARS / 6))
      chars += cost
    }
    waiting = []
    return all
  }

  async function send(): Promise<void> {
    for (const messages of batches())
      try {
        const value = pythonJson({ timestamp: options.now() / 1_000, messages })
        await options.send({ topic: options.topic, key: `${options.id}_log`, value: Buffer.from(value) })
        isWell = true
      } catch (error) {
        waiting = [...messages, ...waiting].slice(-options.most)
        if (isWell) options.onProblem(`logs to ${options.topic}: ${(error as Error).message}; tried again`)
        isWell = false
      }
  }

  const flush = () => {
    sending = sending.then(send)
  }
  const timer = setInterval(flush, options.everyMs)
  timer.unref()
  return {
    add(text) {
      waiting.push(text)
      if (waiting.length > options.most) waiting.shift()
    },
    async close() {
      clearInterval(timer)
      flush()
      // The end of the run does not wait for a broker that is gone.
      await within(LAST_MS, sending)
    },
  }
}
