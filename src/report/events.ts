/**
 * What can happen in a run: log, terminal and --json each print these.
 *
 * report/ tells people and programs what happens. It decides nothing, and nothing waits for it.
 */

import type { DfspError } from '../base/errors.ts'
import type { SharingView } from './monitor/sharing.ts'

/** How a file ended, for this run. */
export type FileResult =
  /** The plugin returned null. */
  | 'ok'
  /** All attempts failed. */
  | 'failed'
  /** SHA-512 or geometry wrong: the plugin was not called. */
  | 'mismatch'
  /** Chunks never came; `setAside` says what became of it. */
  | 'incomplete'
  /** Incomplete, and a newer content of the same path was processed. */
  | 'superseded'
  /** Chunks of a file that was finished or set aside before, and the rest did not come again. */
  | 'late'

/** What becomes of the offsets of a file that was not processed, as the log says it; `untouched`: it was run beside its group. */
export const SET_ASIDE = {
  held: 'held: it comes again at the next start, later files go on',
  'dead-lettered': 'dead-lettered: dfsp retry --dlq runs it again',
  skipped: 'skipped: its offset is passed over',
  untouched: 'no group hears of it: replay it again',
} as const
export type SetAside = keyof typeof SET_ASIDE

export type RunEvent =
  | {
      readonly type: 'info'
      readonly text: string
      readonly fields?: object
      /** Before it reads: what it waits for. */
      readonly waitsFor?: string
    }
  | { readonly type: 'problem'; readonly text: string; readonly fields?: object }
  | {
      readonly type: 'file'
      readonly path: string
      readonly result: FileResult
      /** Absent when it was processed. */
      readonly setAside?: SetAside
      readonly attempt: number
      readonly bytes: number
      /** From dispatch to answer of the last attempt. */
      readonly ms: number
      /** Of a file that came while the run went on. */
      readonly arrival?: {
        readonly chunks: number
        /** Since its first chunk was read. */
        readonly openMs: number
        /** Timestamp of its first record, in milliseconds since the epoch. */
        readonly sentAt: number
      }
      /** Lowest and highest offset of its records, by partition. */
      readonly partitions: Readonly<Record<string, readonly [number, number]>>
      readonly error?: string
      /** Held: tried again by itself after so long. */
      readonly delayMs?: number
    }
  | {
      readonly type: 'retry'
      readonly path: string
      readonly attempt: number
      readonly error: string
      readonly delayMs: number
    }
  | {
      readonly type: 'incomplete'
      readonly path: string
      readonly chunks: number
      readonly total: number
      /** Of a run that ends by itself: how long before its newest chunk was sent; null where its record has no time. */
      readonly idleSeconds?: number | null
      /** Retention took what it lacks. */
      readonly deleted?: boolean
    }
  | {
      readonly type: 'undecodable'
      readonly partition: number
      readonly offset: number
      readonly bytes: number
      readonly reason: string
      readonly setAside: SetAside
    }
  /** What ended the run before its time. */
  | { readonly type: 'error'; readonly error: DfspError }
  | { readonly type: 'stats'; readonly stats: RunStats }
  | { readonly type: 'summary'; readonly summary: RunSummary }

export interface RunStats {
  readonly done: number
  readonly failed: number
  readonly assembling: number
  /** Of the files of which chunks are missing the one with the most chunks. */
  readonly largest: { readonly path: string; readonly chunks: number; readonly total: number } | undefined
  readonly queued: number
  readonly running: readonly { readonly path: string; readonly ms: number }[]
  /** Content bytes of processed files. */
  readonly doneBytes: number
  /** Content bytes received. */
  readonly receivedBytes: number
  readonly memoryBytes: number
  /** Records behind the partitions' ends, as far as the client knows; undefined before it does. */
  readonly lag: number | undefined
  /** 0 to 1; of a finite run only. */
  readonly progress: number | undefined
  readonly flow: string
  /** Whether the brokers answer, as far as is known. */
  readonly broker: 'ok' | 'away'
  /** Of a run that shares its topic. */
  readonly sharing?: SharingView | undefined
  readonly seconds: number
}

export interface RunSummary {
  readonly done: number
  readonly failed: number
  readonly mismatched: number
  readonly skipped: number
  readonly deadLettered: number
  readonly undecodable: number
  readonly incomplete: number
  readonly bytes: number
  readonly seconds: number
  readonly exit: number
  /** Paths of files that are incomplete, at most 20. */
  readonly incompleteFiles: readonly string[]
}
