/** Local files pass through the processor, a few at a time, as if they came from a topic. */

import { DfspError } from '../base/errors.ts'
import type { Values } from '../config/options/options.ts'
import { cutFile } from '../core/chunks/chunking.ts'
import { relativePath } from '../core/chunks/output-path.ts'
import { openSource } from '../files/source-file.ts'
import { type FoundFile, reasonOf } from '../files/walk.ts'
import type { TryEvent } from '../report/commands/try-report.ts'
import type { RunEvent } from '../report/events.ts'
import { formatMs } from '../report/quantities.ts'
import { type FedSettings, fedProcessor } from '../run/fed-processor.ts'
import type { PluginRuntime } from '../run/plugin-runtime.ts'
import { sampleRecords } from './sample-records.ts'

export interface SampleFilesDeps {
  readonly runtime: PluginRuntime
  readonly hooks: readonly string[]
  /** The path that the plugin is to see. */
  readonly pathOf: (found: FoundFile) => string
  readonly report: (event: TryEvent) => void
  /** Files cannot be stored, or no thread is left for them: nothing more will be processed. */
  readonly onBroken: (error: DfspError) => void
  /** From 0 to below 1. */
  readonly random: () => number
}

export interface SampleFiles {
  /** Resolves when the next file may follow; `report` hears what becomes of this one. */
  feed(found: FoundFile): Promise<void>
  /** Resolves when all have ended, or after `stop`. */
  finished(): Promise<void>
  /** Feeds no more and aborts those that run. */
  stop(): void
}

/** Small, so that a sample has several chunks. */
const CHUNK_BYTES = 64 * 1024
/** After so long a file is told of, and then again and again: it may hang. */
const SLOW_MS = 2_000
const REPEAT_MS = 10_000

/** A file that is not whole, or cannot be processed here, has failed. */
const SAMPLE = {
  topic: 'try',
  group: 'try',
  onIncomplete: 'hold',
  incompleteAfterMs: Number.POSITIVE_INFINITY,
  breaker: 0,
  waitsForEnvironment: false,
} as const

/** As many files are open at a time as there are threads, and one. */
export interface SampleOptions extends Omit<FedSettings, keyof typeof SAMPLE>, Pick<Values, 'threads'> {}

export function sampleFiles(options: SampleOptions, deps: SampleFilesDeps): SampleFiles {
  const { report } = deps
  const open = new Map<string, NodeJS.Timeout>() // by path, with what tells that it takes long
  let offset = 0
  let stopped = false

  const fail = (path: string, error: string) => report({ type: 'file', path, result: 'failed', ms: 0, error })

  const work = fedProcessor(
    { ...options, ...SAMPLE },
    {
      ...deps,
      refetch: async () => {
        throw new Error('its chunks were made on the way and cannot be read again')
      },
      report: heard,
      onStop: reason => deps.onBroken(new DfspError('E_OUTPUT', reason)),
      onBlocked: reason => deps.onBroken(new DfspError('E_BREAKER', `nothing can be processed: ${reason}`)),
    },
  )

  function heard(event: RunEvent): void {
    if (event.type === 'problem') report(event)
    if (event.type !== 'file') return
    const { path, result, ms, error } = event
    close(path)
    if (result === 'ok') report({ type: 'file', path, result, ms })
    else report({ type: 'file', path, result: 'failed', ms, error: error ?? result })
    work.wake()
  }

  function openNow(path: string): void {
    const since = performance.now()
    const tell = () => {
      report({ type: 'info', text: `${path} takes its time: ${formatMs(performance.now() - since)}` })
      open.set(path, setTimeout(tell, REPEAT_MS))
    }
    open.set(path, setTimeout(tell, SLOW_MS))
  }

  function close(path: string): void {
    clearTimeout(open.get(path))
    open.delete(path)
  }

  async function feed(found: FoundFile): Promise<void> {
    const name = deps.pathOf(found)
    const slash = name.lastIndexOf('/')
    const named = relativePath(name.slice(0, Math.max(0, slash)), name.slice(slash + 1), '')
    if ('refused' in named) return fail(found.shown, `${named.refused}: it would not be taken from a topic`)
    // One path at a time: chunks of the same content would be taken for duplicates of the open one's.
    while ((open.has(name) || open.size > options.threads) && !stopped) await work.change()
    try {
      const source = await openSource(found.file)
      try {
        const cut = cutFile(source.size, CHUNK_BYTES)
        if ('refused' in cut) return fail(name, cut.refused)
        openNow(name)
        for await (const value of sampleRecords(source, cut, name, deps.random)) {
          while (work.isPaused && !stopped) await work.change()
          if (stopped) return
          work.take({ timestamp: 0, value }, offset++)
        }
      } finally {
        await source.close()
      }
    } catch (error) {
      close(name)
      fail(name, reasonOf(error))
    }
  }

  return {
    feed,
    async finished() {
      while (open.size > 0 && !stopped) await work.change()
      work.end()
      await work.drain(0)
    },
    stop() {
      stopped = true
      work.end()
      for (const timer of open.values()) clearTimeout(timer)
      work.wake()
    },
  }
}
