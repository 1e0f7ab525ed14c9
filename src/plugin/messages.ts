/** Every message between the host (main thread) and a plugin thread. */

import type { PlacedChunks } from '../core/chunks/assembly.ts'
import type { PluginFault } from '../core/plugin-fault.ts'
import type { Source } from '../core/source.ts'
import type { OutgoingRecord, PluginOptions, UndecodableInfo } from './plugin.ts'

export interface FileJob {
  readonly path: string
  readonly topic: string
  readonly source: Source
  /** SHA-512 that the content must have, in hexadecimal (a typed array would cost a message many times more). */
  readonly sha512: string
  /** Under which key the beginning of it was digested while the rest was on its way. */
  readonly ahead?: number | undefined
  /** Seconds since the epoch, 0 when unknown. */
  readonly mtime: number
  readonly deliveryId: string
  readonly attempt: number
  /** No further attempt follows if this one fails. */
  readonly final: boolean
  /** Where the verified file is to stand on disk before the plugin is called; null in memory mode. */
  readonly diskPath: string | null
}

export type Task =
  | { readonly kind: 'process'; readonly file: FileJob }
  /** Names the chunks whose own digest is wrong, then calls onMismatch. */
  | {
      readonly kind: 'examine'
      readonly file: FileJob
      readonly actual: string
      readonly chunks: PlacedChunks
    }
  | { readonly kind: 'onUndecodable'; readonly record: UndecodableInfo }
  /** For an attempt whose own thread is gone. */
  | { readonly kind: 'onFailure'; readonly file: FileJob; readonly fault: PluginFault }

export interface Offer {
  readonly id: number
  readonly slot: number
  readonly task: Task
}

export type TaskResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly fault: PluginFault; readonly hookCalled: boolean }
  /** The content's SHA-512 is not the announced one; the plugin was not called. `actual` is hexadecimal. */
  | { readonly kind: 'mismatch'; readonly actual: string }
  | { readonly kind: 'examined'; readonly badChunks: readonly number[] }
  /** dfsp's own part of the work failed, such as writing the verified file. `code` is the system's, e.g. ENOSPC. */
  | {
      readonly kind: 'io-error'
      readonly message: string
      readonly code: string
      /** Of the file that the system's error is about. */
      readonly path?: string
    }

export interface SetupMessage {
  readonly type: 'setup'
  readonly options: Readonly<Record<string, unknown>>
  readonly sections: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly outputDir: string
  readonly tmpDir: string
}

/** The next part of a file of which more is to come; for a file on disk `source.size` bytes of it from `from` on. */
export interface DigestMessage {
  readonly type: 'digest'
  /** One for each file, as `FileJob.ahead` names it. */
  readonly key: number
  readonly from: number
  readonly source: Source
}

export type ToThread =
  | SetupMessage
  | { readonly type: 'segment'; readonly buffer: SharedArrayBuffer }
  /** To be done in order, each if it can be claimed: see claims.ts. */
  | { readonly type: 'tasks'; readonly offers: readonly Offer[] }
  | DigestMessage
  | { readonly type: 'abort'; readonly id: number; readonly reason: string }
  | { readonly type: 'lock-granted'; readonly request: number }
  | { readonly type: 'produced'; readonly request: number; readonly refusal?: Refusal }
  | { readonly type: 'teardown' }

/** Why a record was not taken; with the code of an error that is the environment's. */
export interface Refusal {
  readonly message: string
  readonly code?: string
}

export interface Result {
  readonly id: number
  /** How long it took in the thread. */
  readonly ms: number
  readonly result: TaskResult
}

/** What the plugin's module exports. */
export interface LoadedInfo {
  readonly options: PluginOptions
  readonly hooks: readonly string[]
  readonly warnings: readonly string[]
}

export type FromThread =
  /** Before anything of the plugin is loaded; `thread` as the system counts it. */
  | { readonly type: 'begun'; readonly thread: number }
  | ({ readonly type: 'loaded' } & LoadedInfo)
  | { readonly type: 'load-failed'; readonly what: string; readonly fault: PluginFault }
  | { readonly type: 'ready' }
  | { readonly type: 'setup-failed'; readonly fault: PluginFault }
  /** The function, or a hook, is called now; told where there is a time limit. */
  | { readonly type: 'started'; readonly id: number }
  /** A `digest` message was dealt with. */
  | { readonly type: 'digested' }
  | { readonly type: 'results'; readonly results: readonly Result[] }
  | {
      readonly type: 'log'
      readonly level: LogLevel
      readonly message: string
      readonly fields: object
      readonly path?: string
    }
  | { readonly type: 'lock'; readonly request: number }
  | { readonly type: 'unlock'; readonly request: number }
  | { readonly type: 'produce'; readonly request: number; readonly record: OutgoingRecord }
  /** Something failed outside any call: this thread is done for. Its claims say whether it has begun a task. */
  | { readonly type: 'stray-error'; readonly fault: PluginFault }
  | { readonly type: 'torn-down' }

/** Exit status of a thread whose `parentPort` user code has closed. */
export const PORT_CLOSED = 86

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface ThreadData {
  /** `file:` URL of the plugin's module. */
  readonly plugin: string
  readonly segments: readonly SharedArrayBuffer[]
  readonly pageBytes: number
  readonly claims: SharedArrayBuffer
  /** See log-flow.ts; the thread's own. */
  readonly logFlow: SharedArrayBuffer
  /** Whether `started` is to be told. */
  readonly isTimed: boolean
}
