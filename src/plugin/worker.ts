/**
 * The plugin thread: loads the module, verifies whole files, calls user code, answers. It keeps nothing between
 * tasks, so the host can end it at any time and give its task to another thread.
 */
import fs from 'node:fs'
import path from 'node:path'
import { format, inspect } from 'node:util'
import { parentPort, workerData } from 'node:worker_threads'
import { failureOf, thrownOf } from './answer.ts'
import { claim, markDone } from './claims.ts'
import { badChunks, digest, placeOnDisk, sharedPages } from './content.ts'
import { openDataFile } from './data-file.ts'
import { faultOf } from './fault.ts'
import { type LoadedPlugin, loadPlugin } from './load.ts'
import type {
  FileJob,
  FromThread,
  LogLevel,
  Offer,
  Result,
  SetupMessage,
  TaskResult,
  ThreadData,
  ToThread,
} from './messages.ts'
import type { Context, DataFile, Logger, PluginOptions } from './plugin.ts'

const port = parentPort as NonNullable<typeof parentPort>
const { plugin: url, segments: firstSegments, pageBytes, isTimed, ...data } = workerData as ThreadData
const claims = new Int32Array(data.claims)
const segments = [...firstSegments]
const pages = sharedPages(segments, pageBytes)

let plugin: LoadedPlugin
let setup: SetupMessage
let state: unknown
let current: { readonly id: number; readonly path: string | undefined; readonly abort: Abort } | undefined
const offers: Offer[] = []
let isWorking = false
/** User code failed aside: the host ends this thread, and what it still does counts for nothing. */
let isSpoilt = false
let requests = 0
const waiting = new Map<number, (error?: string) => void>()

/** Results of files that take a moment go together: a message of its own would be a large part of each. */
const TOGETHER_MS = 2
let results: Result[] = []
let toldAt = 0

function tell(message: FromThread): void {
  tellResults()
  port.postMessage(message)
}

function tellResults(): void {
  if (results.length === 0) return
  port.postMessage({ type: 'results', results } satisfies FromThread)
  results = []
}
const fault = (thrown: unknown) => faultOf(thrown, url)

process.setSourceMapsEnabled(true)
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (thrown: unknown) => {
    isSpoilt = true
    tell({ type: 'stray-error', id: current?.id, fault: fault(thrown) })
  })
}

// What user code prints goes to the log, never to stdout, and names the file it belongs to.
for (const [method, level] of [
  ['log', 'info'],
  ['info', 'info'],
  ['debug', 'debug'],
  ['warn', 'warn'],
  ['error', 'error'],
] as const) {
  console[method] = (...args: unknown[]) => log(level, format(...args), {}, current?.path)
}

port.on('message', (message: ToThread) => {
  switch (message.type) {
    case 'segment':
      segments.push(message.buffer)
      return
    case 'setup':
      setup = message
      void runSetup()
      return
    case 'tasks':
      offers.push(...message.offers)
      void work()
      return
    case 'abort':
      if (current?.id === message.id) current.abort.fire(new Error(message.reason))
      return
    case 'lock-granted':
    case 'produced':
      waiting.get(message.request)?.(message.type === 'produced' ? message.error : undefined)
      waiting.delete(message.request)
      return
    case 'teardown':
      void runTeardown()
  }
})

void load()

async function load(): Promise<void> {
  const loaded = await loadPlugin(url)
  if ('fault' in loaded) return tell({ type: 'load-failed', what: loaded.what, fault: loaded.fault })
  plugin = loaded
  tell({
    type: 'loaded',
    options: loaded.options,
    hooks: Object.keys(loaded.hooks),
    warnings: loaded.warnings,
  })
}

async function runSetup(): Promise<void> {
  try {
    state = await plugin.hooks.setup?.(context() as never)
    tell({ type: 'ready' })
  } catch (error) {
    tell({ type: 'setup-failed', fault: fault(error) })
  }
}

async function runTeardown(): Promise<void> {
  try {
    await plugin.hooks.teardown?.(context() as never)
  } catch (error) {
    log('warn', `teardown failed: ${fault(error).message}`, {})
  }
  tell({ type: 'torn-down' })
}

async function work(): Promise<void> {
  if (isWorking) return
  isWorking = true
  for (let offer = offers.shift(); offer !== undefined; offer = offers.shift())
    if (!isSpoilt && claim(claims, offer)) await runTask(offer)
  tellResults()
  isWorking = false
}

async function runTask({ id, slot, task }: Offer): Promise<void> {
  const start = performance.now()
  current = { id, path: 'file' in task ? task.file.path : undefined, abort: newAbort() }
  let result: TaskResult
  switch (task.kind) {
    case 'process':
      result = await processFile(id, task.file, current.abort)
      break
    case 'examine':
      result = await examine(task.file, task.actual, task.chunks)
      break
    case 'onUndecodable':
      // A Buffer crosses the thread border as a plain Uint8Array.
      await runHook('onUndecodable', { ...task.record, head: Buffer.from(task.record.head) })
      result = { kind: 'done' }
      break
    case 'onFailure': {
      const error = new Error(task.fault.message)
      await withFile(task.file, (file, ctx) => runHook('onFailure', file, error, ctx))
      result = { kind: 'done' }
    }
  }
  current = undefined
  if (isSpoilt) return
  const end = performance.now()
  results.push({ id, ms: end - start, result })
  if (result.kind === 'done') markDone(claims, { slot })
  if (result.kind === 'done' && offers.length > 0 && end - toldAt < TOGETHER_MS) return
  toldAt = end
  tellResults()
}

async function processFile(id: number, job: FileJob, abort: Abort): Promise<TaskResult> {
  try {
    const actual = digest(job, pages)
    if (actual !== job.sha512) return { kind: 'mismatch', actual }
    if (job.diskPath !== null) {
      const tmp = tmpFolder()
      try {
        placeOnDisk(job, pages, setup.outputDir, tmp.path)
      } finally {
        tmp.remove()
      }
    }
  } catch (error) {
    return ioError(error)
  }
  if (isTimed) tell({ type: 'started', id })
  return await withFile(job, (file, ctx) => attempt(file, ctx), abort)
}

async function attempt(file: DataFile, ctx: Context<PluginOptions>): Promise<TaskResult> {
  let thrown: unknown
  try {
    thrown = failureOf(await plugin.process(file, ctx))
  } catch (error) {
    thrown = thrownOf(error)
  }
  // What the plugin left running may fail in this very turn: the host hears of it first, and fails this attempt.
  await new Promise(resolve => setImmediate(resolve))
  if (thrown === undefined) return { kind: 'done' }
  const what = fault(thrown)
  await runHook('onFailure', file, thrown instanceof Error ? thrown : new Error(what.message), ctx)
  return { kind: 'failed', fault: what, hookCalled: true }
}

async function examine(
  job: FileJob,
  actual: string,
  chunks: Parameters<typeof badChunks>[1],
): Promise<TaskResult> {
  try {
    const bad = badChunks(job, chunks, pages)
    await runHook('onMismatch', {
      path: job.path,
      topic: job.topic,
      size: job.source.size,
      expectedSha512: job.sha512,
      actualSha512: actual,
      badChunks: bad,
    })
    return { kind: 'examined', badChunks: bad }
  } catch (error) {
    return ioError(error)
  }
}

/** Calls `use` with the plugin's view of a file; its temporary folder and its content end with the call. */
async function withFile<T>(
  job: FileJob,
  use: (file: DataFile, ctx: Context<PluginOptions>) => Promise<T>,
  abort: Abort = newAbort(),
): Promise<T> {
  const tmp = tmpFolder()
  const opened = openDataFile(job, pages)
  try {
    return await use(opened.file, context({ path: job.path, abort, final: job.final, tmp }))
  } finally {
    opened.close()
    tmp.remove()
  }
}

/** Calls one of the optional hooks; what it throws is logged only. */
async function runHook(
  name: 'onFailure' | 'onMismatch' | 'onUndecodable',
  ...args: unknown[]
): Promise<void> {
  const hook = plugin.hooks[name] as ((...args: unknown[]) => unknown) | undefined
  if (!hook) return
  try {
    await hook(...(name === 'onFailure' ? args : [...args, context()]))
  } catch (error) {
    log('warn', `${name} failed: ${fault(error).message}`, {})
  }
}

interface AttemptScope {
  readonly path: string
  readonly abort: Abort
  readonly final: boolean
  readonly tmp: TmpFolder
}

/** Made anew for each call of user code, which may change what it gets; dear parts only when they are asked for. */
function context(scope?: AttemptScope): Context<PluginOptions> {
  const tmp = scope?.tmp ?? tmpFolder()
  const abort = scope?.abort ?? newAbort()
  let config: Context<PluginOptions>['config'] | undefined
  let log: Logger | undefined
  return {
    options: setup.options as Context<PluginOptions>['options'],
    get config() {
      config ??= Object.assign(
        Object.create({ section: (name: string) => ({ ...setup.sections[name] }) }),
        setup.sections.plugin,
      ) as Context<PluginOptions>['config']
      return config
    },
    state,
    get logger() {
      log ??= logger(scope?.path)
      return log
    },
    get signal() {
      return abort.signal()
    },
    lock,
    produce: record => ask(request => tell({ type: 'produce', request, record })),
    outputDir: setup.outputDir,
    get tmpDir() {
      return tmp.path()
    },
    final: scope?.final ?? false,
  }
}

/** An AbortController that is made when its signal is asked for: for small files it would be a large part of the call. */
interface Abort {
  fire(reason: Error): void
  signal(): AbortSignal
}

function newAbort(): Abort {
  let fired: Error | undefined
  let controller: AbortController | undefined
  return {
    fire(reason) {
      fired = reason
      controller?.abort(reason)
    },
    signal() {
      if (controller === undefined) {
        controller = new AbortController()
        if (fired !== undefined) controller.abort(fired)
      }
      return controller.signal
    },
  }
}

interface TmpFolder {
  path(): string
  remove(): void
}

function tmpFolder(): TmpFolder {
  let made: string | undefined
  return {
    path() {
      made ??= fs.mkdtempSync(path.join(setup.tmpDir, 'attempt-'))
      return made
    },
    remove() {
      if (made !== undefined) fs.rmSync(made, { recursive: true, force: true })
      made = undefined
    },
  }
}

async function lock<T>(section: () => T | Promise<T>): Promise<T> {
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
}

/** Sends a request and waits for its answer; rejects with the answer's error. */
function ask(send: (request: number) => void): Promise<void> {
  const request = ++requests
  return new Promise((resolve, reject) => {
    waiting.set(request, error => (error === undefined ? resolve() : reject(new Error(error))))
    send(request)
  })
}

function logger(scope?: string): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields: object = {}) =>
      log(level, message, fields, scope)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Messages and fields are the user's: text crosses the border whatever they hold. */
function log(level: LogLevel, message: unknown, fields: object | null, scope?: string): void {
  tell({
    type: 'log',
    level,
    message: typeof message === 'string' ? message : format(message),
    fields: Object.fromEntries(Object.entries(fields ?? {}).map(([name, value]) => [name, fieldText(value)])),
    ...(scope === undefined ? {} : { path: scope }),
  })
}

function fieldText(value: unknown): string {
  if (value instanceof Error) return value.message
  if (typeof value !== 'object') return String(value)
  try {
    return JSON.stringify(value)
  } catch {
    return inspect(value, { breakLength: Number.POSITIVE_INFINITY }) // it is circular, or holds a bigint
  }
}

function ioError(error: unknown): TaskResult {
  const { message, code = '', path } = error as NodeJS.ErrnoException
  return { kind: 'io-error', message, code, ...(path === undefined ? {} : { path }) }
}
