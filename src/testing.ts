/**
 * Runs a plugin in a test, without Kafka and without threads:
 *
 *     import * as plot from './plot.ts'
 *     import { fileFrom, runPlugin } from 'dfsp/testing'
 *
 *     const { result, produced } = await runPlugin(plot, fileFrom('samples/scan_01.csv'), { options: { column: 2 } })
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { cutFile } from './core/chunks/chunking.ts'
import { deliveryId, fileId } from './core/chunks/generation.ts'
import { nearest } from './core/text/nearest.ts'
import type { FileJob } from './plugin/messages.ts'
import type { DataFile, OutgoingRecord, PluginOption } from './plugin/plugin.ts'
import { thrownOf, whyFailed } from './plugin/worker/answer.ts'
import { placeOnDisk, type SharedPages } from './plugin/worker/content.ts'
import { callContext, newAbort, tmpFolder } from './plugin/worker/context.ts'
import { openDataFile } from './plugin/worker/data-file.ts'
import { wrongOptions } from './plugin/worker/declaration.ts'
import { realEdges } from './run/edges.ts'

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

/** As `dfsp upload` cuts a file. */
const CHUNK_BYTES = 512 * 1024

/** A file from disk, or from a description. Its `path` is the one given, without a leading `./`. */
export function fileFrom(source: string | FileDescription): DataFile {
  const { path: given, content, mtime } = typeof source === 'string' ? fromDisk(source) : source
  const bytes = Buffer.from(content as Uint8Array)
  return dataFile(jobOf(path.posix.normalize(given), bytes, mtime ?? null, 'test', null), bytes)
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
  const options = optionValues(plugin.options ?? {}, settings.options ?? {})
  const tmpDir = fs.mkdtempSync(path.join(outputDir, '.dfsp-tmp-'))
  const setup = { type: 'setup', options, sections: settings.config ?? {}, outputDir, tmpDir } as const
  const host: Parameters<typeof callContext>[0] = {
    lock: oneAfterTheOther(),
    log: (level, message, fields) =>
      void logged.push({ level, message: String(message), fields: fields ?? {} }),
    produce: async record => void produced.push(record),
  }
  const { signal } = settings
  const abort = signal === undefined ? newAbort() : { fire() {}, signal: () => signal }
  try {
    const state = await plugin.setup?.(callContext(host, setup, undefined) as never)
    const given = placed(file, outputDir, tmpDir, settings)
    const scope = { path: file.path, abort, final: true, tmp: tmpFolder(setup) }
    const ctx = callContext(host, setup, state, scope) as never
    const failure = await attempt(plugin, given, ctx)
    if (failure) await plugin.onFailure?.(given, failure, ctx)
    await plugin.teardown?.(callContext(host, setup, state) as never)
    return { result: failure ?? null, produced, logged, outputDir }
  } finally {
    fs.rmSync(tmpDir, { recursive: true, force: true })
  }
}

async function attempt(plugin: PluginModule, file: DataFile, ctx: never): Promise<Error | undefined> {
  try {
    return whyFailed(await plugin.default(file, ctx))
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

function jobOf(
  at: string,
  bytes: Buffer,
  mtime: Date | null,
  topic: string,
  diskPath: string | null,
): FileJob {
  const { sha512, digest128 } = realEdges
  const fileHash = sha512(bytes)
  const cut = cutFile(bytes.length, CHUNK_BYTES)
  const id = fileId(at, { fileHash, total: 'total' in cut ? cut.total : 1 })
  return {
    path: at,
    topic,
    source: { kind: 'memory', pages: [0], size: bytes.length },
    sha512: Buffer.from(fileHash).toString('hex'),
    mtime: (mtime?.getTime() ?? 0) / 1000,
    deliveryId: deliveryId(topic, id, digest128),
    attempt: 1,
    final: true,
    diskPath,
  }
}

const dataFile = (job: FileJob, bytes: Buffer): DataFile => openDataFile(job, onePage(bytes)).file

const onePage = (bytes: Buffer): SharedPages => ({
  eachRun: ({ size }, use, from = 0) => use(bytes.subarray(from, size)),
})

/** The file as the mode has it; the plugin may change and delete it. */
function placed(
  file: DataFile,
  outputDir: string,
  tmpDir: string,
  { mode = 'memory', topic = file.topic }: RunPluginOptions,
): DataFile {
  const bytes = Buffer.from(file.bytes)
  const diskPath = mode === 'memory' ? null : path.join(outputDir, file.path)
  const job = jobOf(file.path, bytes, file.mtime, topic, diskPath)
  if (diskPath !== null) placeOnDisk(job, onePage(bytes), outputDir, tmpDir)
  return dataFile(job, bytes)
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

function oneAfterTheOther(): Parameters<typeof callContext>[0]['lock'] {
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
