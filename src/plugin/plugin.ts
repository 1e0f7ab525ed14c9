/**
 * The interface between dfsp and a plugin: what an author sees. Exported as types from `dfsp`.
 *
 * plugin/ is what host and plugin threads have in common; host/ is the main thread's side, worker/ the thread's.
 */
import type { OutgoingRecord } from '../core/outgoing-record.ts'

export type { OutgoingRecord } from '../core/outgoing-record.ts'
export type { PluginOption, PluginOptions } from '../core/plugin-option.ts'

/** A whole file, its SHA-512 verified. */
export interface DataFile {
  /** Path relative to the root of the upload, with `/` between its parts. Never leaves that root. */
  readonly path: string
  readonly name: string
  /** Directory part of `path`, `""` at the root. */
  readonly subdir: string
  /** Size in bytes. */
  readonly size: number
  /**
   * The content: an ordinary Buffer of the plugin's own, made when first asked for, while the file is being processed.
   * In `--mode disk` it is read from disk.
   */
  readonly bytes: Buffer
  /** The content as text; `encoding` defaults to UTF-8. */
  text(encoding?: BufferEncoding): string
  /** The content as a stream of pieces: for large files, of which `bytes` would be a second copy in memory. */
  stream(): import('node:stream').Readable
  /** Absolute path of the file on disk in `--mode disk` and `both`, else undefined. */
  readonly diskPath: string | undefined
  /** SHA-512 of the content, lower-case hexadecimal. */
  readonly sha512: string
  /** Modification time at the source, null when unknown. */
  readonly mtime: Date | null
  readonly topic: string
  /** Equal for every attempt at this content under this path, also after a restart: a key for idempotence. */
  readonly deliveryId: string
  /** 1 for the first attempt; counts on over restarts, and in `dfsp retry`. */
  readonly attempt: number
}

/** The type of an option's value, from its description. */
export type OptionValue<O> = O extends { type: 'number' }
  ? Defaulted<O, number>
  : O extends { type: 'boolean' }
    ? Defaulted<O, boolean>
    : O extends { type: 'array' }
      ? Defaulted<O, string[]>
      : O extends { choices: readonly (infer C)[] }
        ? Defaulted<O, C>
        : Defaulted<O, string>

type Defaulted<O, T> = O extends { default: unknown } | { demandOption: true } ? T : T | undefined

export interface Logger {
  debug(message: string, fields?: object): void
  info(message: string, fields?: object): void
  warn(message: string, fields?: object): void
  error(message: string, fields?: object): void
}

/**
 * Settings of the config file: `[plugin]` itself, other sections by name; values are text, variables expanded. Sections
 * of dfsp's own clients, such as `[broker]`, are empty to a plugin.
 */
export type PluginConfig = Readonly<Record<string, string>> & {
  section(name: string): Readonly<Record<string, string>>
}

export interface Context<O = Record<string, never>, State = unknown> {
  readonly options: { readonly [K in keyof O]: OptionValue<O[K]> }
  readonly config: PluginConfig
  /** What `setup` returned in this thread. */
  readonly state: State
  readonly logger: Logger
  /** Aborts when the attempt is given up; `reason` says why (time-out, lost partition, hard stop). */
  readonly signal: AbortSignal
  /** Runs `section` while no other thread runs one: one lock for all threads, first come, first served. */
  lock<T>(section: () => T | Promise<T>): Promise<T>
  /** Sends a record; resolves when the broker has acknowledged it. */
  produce(record: OutgoingRecord): Promise<void>
  /** Folder for results; exists. */
  readonly outputDir: string
  /** A folder for this attempt alone, made when first asked for, removed after it; on the file system of `outputDir`. */
  readonly tmpDir: string
  /** In `onFailure`: whether no further attempt follows. */
  readonly final: boolean
}

/** The default export. `null` = done; an Error, a throw or anything else = this attempt failed. */
export type ProcessFile<O = Record<string, never>, State = unknown> = (
  file: DataFile,
  ctx: Context<O, State>,
) => Error | null | Promise<Error | null>

export interface MismatchInfo {
  readonly path: string
  readonly topic: string
  readonly size: number
  readonly expectedSha512: string
  readonly actualSha512: string
  /** Indices (1-based) of the chunks whose own SHA-512 is wrong; empty when each is right by itself. */
  readonly badChunks: readonly number[]
}

export interface UndecodableInfo {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly reason: string
  readonly size: number
  /** The first 1,024 bytes of the value. */
  readonly head: Buffer
}

export const HOOKS = ['setup', 'teardown', 'onFailure', 'onMismatch', 'onUndecodable'] as const
export type HookName = (typeof HOOKS)[number]
