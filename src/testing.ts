/**
 * Runs a plugin in a test, without Kafka and without threads:
 *
 *     import * as plot from './plot.ts'
 *     import { fileFrom, runPlugin } from 'dfsp/testing'
 *
 *     const { result, produced } = await runPlugin(plot, fileFrom('samples/scan_01.csv'), { options: { column: 2 } })
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { nearest } from './core/nearest.ts'
import { failureOf, thrownOf } from './plugin/answer.ts'
import { wrongOptions } from './plugin/declaration.ts'
import type {
  Context,
  DataFile,
  Logger,
  OutgoingRecord,
  PluginConfig,
  PluginOption,
} from './plugin/plugin.ts'

export type { Context, DataFile, OutgoingRecord } from './plugin/plugin.ts'

/** A file in words, for a test that needs no sample on disk. */
export interface FileDescription {
  /** Relative, with `/`. */
  readonly path: string
  readonly content: string | Uint8Array
  readonly mtime?: Date
}

/** What a plugin's module exports: `import * as plot from './plot.ts'`. */
export interface PluginModule {
  readonly default: (file: DataFile, ctx: never) => unknown
  readonly options?: Readonly<Record<string, PluginOption>>
  readonly setup?: (ctx: never) => unknown
  readonly teardown?: (ctx: never) => unknown
  readonly onFailure?: (file: DataFile, error: Error, ctx: never) => unknown
}

export interface RunPluginOptions {
  /** The plugin's own options; those that are left out have their defaults. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Sections of the config file, `plugin` and others: `{ s3: { region: 'eu-west-1' } }`. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** As `--mode`: in `disk` and `both` the file stands in the output folder. Default: memory. */
  readonly mode?: 'memory' | 'disk' | 'both'
  /** Default: a new temporary folder, removed when the tests end. */
  readonly outputDir?: string
  readonly topic?: string
  readonly signal?: AbortSignal
}

export interface PluginRun {
  /** `null` when the plugin is done with the file, else why it failed, as dfsp would see it. */
  readonly result: Error | null
  /** What `ctx.produce` was given. */
  readonly produced: readonly OutgoingRecord[]
  /** What `ctx.logger` was given. */
  readonly logged: readonly { readonly level: string; readonly message: string; readonly fields: object }[]
  /** Absolute. */
  readonly outputDir: string
}

/** A file from disk, or from a description. Its `path` is the one given, without a leading `./`. */
export function fileFrom(source: string | FileDescription): DataFile {
  const { path: given, content, mtime = null } = typeof source === 'string' ? fromDisk(source) : source
  const bytes = Buffer.from(content as Uint8Array)
  return dataFile(path.posix.normalize(given), bytes, mtime, 'test', undefined)
}

/**
 * One attempt at a file: `setup`, the function, `onFailure` if it failed, `teardown`. Rejects when `setup` throws or
 * an option is wrong, as `dfsp run` would end then.
 */
export async function runPlugin(
  plugin: PluginModule,
  file: DataFile,
  settings: RunPluginOptions = {},
): Promise<PluginRun> {
  const outputDir = path.resolve(settings.outputDir ?? temporaryFolder())
  fs.mkdirSync(outputDir, { recursive: true })
  const produced: OutgoingRecord[] = []
  const logged: { level: string; message: string; fields: object }[] = []
  const base = {
    options: optionValues(plugin.options ?? {}, settings.options ?? {}),
    config: configOf(settings.config ?? {}),
    logger: loggerInto(logged),
    signal: settings.signal ?? new AbortController().signal,
    lock: oneAfterTheOther(),
    produce: async (record: OutgoingRecord) => void produced.push(record),
    outputDir,
    final: true,
  }
  const tmp = temporaryBelow(outputDir)
  const contextWith = (state: unknown) =>
    Object.defineProperty({ ...base, state }, 'tmpDir', { get: tmp.path }) as unknown as never
  try {
    const ctx = contextWith(await plugin.setup?.(contextWith(undefined)))
    const given = placed(file, outputDir, settings)
    const failure = await attempt(plugin, given, ctx)
    if (failure) await plugin.onFailure?.(given, failure, ctx)
    await plugin.teardown?.(ctx)
    return { result: failure ?? null, produced, logged, outputDir }
  } finally {
    tmp.remove()
  }
}

async function attempt(plugin: PluginModule, file: DataFile, ctx: never): Promise<Error | undefined> {
  try {
    return failureOf(await plugin.default(file, ctx))
  } catch (error) {
    const thrown = thrownOf(error)
    return thrown instanceof Error ? thrown : new Error(String(thrown))
  }
}

function fromDisk(file: string): FileDescription {
  const shown = file.split(path.sep).join('/')
  const inside = path.isAbsolute(file) || shown.startsWith('..') ? path.basename(file) : shown
  return { path: inside, content: fs.readFileSync(file), mtime: fs.statSync(file).mtime }
}

function dataFile(
  at: string,
  bytes: Buffer,
  mtime: Date | null,
  topic: string,
  diskPath: string | undefined,
): DataFile {
  const { base, dir } = path.posix.parse(at)
  const sha512 = createHash('sha512').update(bytes).digest('hex')
  return {
    path: at,
    name: base,
    subdir: dir,
    size: bytes.length,
    bytes,
    text: (encoding = 'utf8') => bytes.toString(encoding),
    stream: () =>
      diskPath === undefined ? Readable.from([bytes], { objectMode: false }) : fs.createReadStream(diskPath),
    diskPath,
    sha512,
    mtime,
    topic,
    deliveryId: createHash('sha256').update(`${topic}\0${at}\0${sha512}`).digest('hex').slice(0, 32),
    attempt: 1,
  }
}

/** The file as the mode has it; the plugin may change and delete it. */
function placed(file: DataFile, outputDir: string, { mode = 'memory', topic }: RunPluginOptions): DataFile {
  const bytes = Buffer.from(file.bytes)
  const diskPath = mode === 'memory' ? undefined : path.join(outputDir, file.path)
  if (diskPath !== undefined) {
    fs.mkdirSync(path.dirname(diskPath), { recursive: true })
    fs.writeFileSync(diskPath, bytes)
  }
  return dataFile(file.path, bytes, file.mtime, topic ?? file.topic, diskPath)
}

function optionValues(
  declared: Readonly<Record<string, PluginOption>>,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const wrong = wrongOptions(declared)
  if (wrong !== undefined) throw new Error(`the plugin: ${wrong}`)
  for (const name of Object.keys(given)) {
    if (name in declared) continue
    const meant = nearest(name, Object.keys(declared))
    throw new Error(`the plugin has no option "${name}"${meant ? `: did you mean "${meant}"?` : ''}`)
  }
  return Object.fromEntries(
    Object.entries(declared).map(([name, option]) => {
      const value = given[name] ?? option.default
      if (value === undefined && option.demandOption) throw new Error(`the plugin needs the option "${name}"`)
      const odd = [value ?? []].flat().find(item => option.choices?.some(choice => choice === item) === false)
      if (odd !== undefined)
        throw new Error(`option "${name}": ${String(odd)} is none of ${option.choices?.join(', ')}`)
      return [name, value]
    }),
  )
}

function configOf(sections: NonNullable<RunPluginOptions['config']>): PluginConfig {
  const section = (name: string) => ({ ...sections[name] })
  return Object.assign(Object.create({ section }), sections.plugin)
}

function loggerInto(logged: { level: string; message: string; fields: object }[]): Logger {
  const at =
    (level: string) =>
    (message: string, fields: object = {}) =>
      void logged.push({ level, message, fields })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function oneAfterTheOther(): Context['lock'] {
  let last: Promise<unknown> = Promise.resolve()
  return section => {
    const mine = last.then(section)
    last = mine.catch(() => {})
    return mine
  }
}

const temporary: string[] = []

function temporaryFolder(): string {
  // One listener, whatever the number of runs.
  if (temporary.length === 0)
    process.once('exit', () => {
      for (const folder of temporary) fs.rmSync(folder, { recursive: true, force: true })
    })
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-testing-'))
  temporary.push(folder)
  return folder
}

function temporaryBelow(outputDir: string) {
  let made: string | undefined
  return {
    path() {
      made ??= fs.mkdtempSync(path.join(outputDir, '.dfsp-tmp-'))
      return made
    },
    remove() {
      if (made !== undefined) fs.rmSync(made, { recursive: true, force: true })
    },
  }
}
