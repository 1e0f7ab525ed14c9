/** What a plugin thread says to its host, and asks of it. */
import type { MessagePort } from 'node:worker_threads'
import { flatFields, plainText } from '../../core/text/plain-value.ts'
import { MOST_TOLD } from '../../core/text/shown-text.ts'
import { entrySent } from '../log-flow.ts'
import type { FromThread, LogLevel, Refusal, Result } from '../messages.ts'
import type { OutgoingRecord } from '../plugin.ts'

export interface ToHost {
  /** What was not told of results goes first. */
  tell(message: Exclude<FromThread, { type: 'results' }>): void
  /** Of a task that took a moment the result goes together with others, while `more` follow at once. */
  result(result: Result, more: boolean): void
  /** Nothing follows at once. */
  flush(): void
  /**
   * Messages and fields are the user's: text, numbers and booleans cross the border whatever they hold. `path`: of the file that it is about.
   * Waits while the host has too many to take.
   */
  log(level: LogLevel, message: unknown, fields: object | null, path?: string): void
  /** Runs `section` while no other thread runs one. */
  lock<T>(section: () => T | Promise<T>): Promise<T>
  produce(record: OutgoingRecord): Promise<void>
  /** The host has answered a request. */
  answered(request: number, refusal?: Refusal): void
}

/** Taken before user code is loaded, which may change what is global. */
export const now: () => number = performance.now.bind(performance)

/** A message of its own would be a large part of each. */
const TOGETHER_MS = 2

export function toHost(port: MessagePort, logFlow: Int32Array): ToHost {
  let requests = 0
  const waiting = new Map<number, (refusal?: Refusal) => void>()
  let results: Result[] = []
  let flushedAt = 0

  function flush(): void {
    if (results.length === 0) return
    port.postMessage({ type: 'results', results } satisfies FromThread)
    results = []
  }

  function tell(message: FromThread): void {
    flush()
    port.postMessage(message)
  }

  /** Sends a request and waits for its answer; rejects with the answer's error. */
  function ask(send: (request: number) => void): Promise<void> {
    const request = ++requests
    return new Promise((resolve, reject) => {
      waiting.set(request, refusal => {
        if (refusal === undefined) return resolve()
        const { message, ...code } = refusal
        reject(Object.assign(new Error(message), code))
      })
      send(request)
    })
  }

  return {
    tell,
    result(result, more) {
      results.push(result)
      const at = now()
      if (more && result.result.kind === 'done' && at - flushedAt < TOGETHER_MS) return
      flushedAt = at
      flush()
    },
    flush,
    log(level, message, fields, path) {
      tell({
        type: 'log',
        level,
        message: plainText(message, MOST_TOLD),
        fields: flatFields(fields, MOST_TOLD),
        ...(path === undefined ? {} : { path }),
      })
      entrySent(logFlow)
    },
    async lock(section) {
      let held = 0
      await ask(request => {
        held = request
        tell({ type: 'lock', request })
      })
      try {
        return await section()
      } finally {
        tell({ type: 'unlock', request: held })
      }
    },
    produce: record => ask(request => tell({ type: 'produce', request, record })),
    answered(request, refusal) {
      waiting.get(request)?.(refusal)
      waiting.delete(request)
    },
  }
}
