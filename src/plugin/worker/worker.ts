/**
 * The plugin thread: loads the module, verifies whole files, calls user code, answers. What it keeps between tasks another
 * one makes anew (the module, what `setup` returned) or does without (a digest that was begun ahead), so the host can end
 * it at any time and give its task to another thread.
 */
import { Buffer } from 'node:buffer'
import { setImmediate } from 'node:timers'
import { format } from 'node:util'
import { parentPort, workerData } from 'node:worker_threads'
import { named } from '../../base/held-folder.ts'
import { WHILE_STARTING } from '../../core/environment.ts'
import { claim, markDone } from '../claims.ts'
import { systemThread } from '../host/blocking-programs.ts'
import {
  type DigestMessage,
  type FileJob,
  type Offer,
  PORT_CLOSED,
  type SetupMessage,
  type TaskResult,
  type ThreadData,
  type ToThread,
} from '../messages.ts'
import type { Context, DataFile, PluginOptions } from '../plugin.ts'
import { thrownOf, whyFailed } from './answer.ts'
import { type BegunDigest, badChunks, digest, digestPart, placeOnDisk, sharedPages } from './content.ts'
import { type Abort, callContext, newAbort, tmpFolder } from './context.ts'
import { openDataFile } from './data-file.ts'
import { faultOf } from './fault.ts'
import { type LoadedPlugin, loadPlugin } from './load.ts'
import { now, toHost } from './to-host.ts'

const port = parentPort as NonNullable<typeof parentPort>
const { plugin: url, segments: firstSegments, pageBytes, isTimed, ...data } = workerData as ThreadData
const claims = new Int32Array(data.claims)
const segments = [...firstSegments]
const pages = sharedPages(segments, pageBytes)

let plugin: LoadedPlugin
let setup: SetupMessage
let state: unknown
let current: { readonly id: number; readonly path: string | undefined; readonly abort: Abort } | undefined
/** Of a file that is still on its way: at most one, and only a saving of time. */
let begun: BegunDigest | undefined
const offers: Offer[] = []
let isWorking = false
/** User code threw outside the awaited call: the host ends this thread, and what it still does counts for nothing. */
let isSpoilt = false
const host = toHost(port, new Int32Array(data.logFlow))
const fault = (thrown: unknown) => faultOf(thrown, url)

process.setSourceMapsEnabled(true)
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (thrown: unknown) => {
    isSpoilt = true
    host.tell({ type: 'stray-error', fault: fault(thrown) })
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
  console[method] = (...args: unknown[]) => host.log(level, format(...args), {}, current?.path)
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
    case 'digest':
      digestAhead(message)
      return
    case 'abort':
      if (current?.id === message.id) current.abort.fire(new Error(message.reason))
      return
    case 'lock-granted':
    case 'produced':
      host.answered(message.request, message.type === 'produced' ? message.refusal : undefined)
      return
    case 'teardown':
      void runTeardown()
  }
})

port.on('close', () => process.exit(PORT_CLOSED)) // nothing could be told any more

const thread = systemThread()
if (thread !== undefined) host.tell({ type: 'begun', thread })
void load()

async function load(): Promise<void> {
  const loaded = await loadPlugin(url)
  if ('fault' in loaded) return host.tell({ type: 'load-failed', what: loaded.what, fault: loaded.fault })
  plugin = loaded
  host.tell({
    type: 'loaded',
    options: loaded.options,
    hooks: Object.keys(loaded.hooks),
    warnings: loaded.warnings,
  })
}

async function runSetup(): Promise<void> {
  try {
    state = await plugin.hooks.setup?.(callContext(host, setup, state) as never)
    host.tell({ type: 'ready' })
  } catch (error) {
    host.tell({ type: 'setup-failed', fault: faultOf(error, url, WHILE_STARTING) })
  }
}

async function runTeardown(): Promise<void> {
  try {
    await plugin.hooks.teardown?.(callContext(host, setup, state) as never)
  } catch (error) {
    host.log('warn', `teardown failed: ${fault(error).message}`, {})
  }
  host.tell({ type: 'torn-down' })
}

function digestAhead(part: DigestMessage): void {
  try {
    begun = digestPart(begun, part, pages)
  } catch {
    begun = undefined // it is told when the whole file cannot be read
  }
  host.tell({ type: 'digested' })
}

/** Bytes may have lain elsewhere by the time that they were digested ahead: then the whole is, from where it lies now. */
function actualDigest(job: FileJob): string {
  if (begun === undefined || begun.key !== job.ahead) return digest(job, pages)
  const found = digest(job, pages, begun)
  begun = undefined
  return found === job.sha512 ? found : digest(job, pages)
}

async function work(): Promise<void> {
  if (isWorking) return
  isWorking = true
  for (let offer = offers.shift(); offer !== undefined; offer = offers.shift())
    if (!isSpoilt && claim(claims, offer)) await runTask(offer)
  host.flush()
  isWorking = false
}

async function runTask({ id, slot, task }: Offer): Promise<void> {
  const start = now()
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
      await withFile(task.file, (file, ctx) => runHook('onFailure', file, error, ctx), current.abort)
      result = { kind: 'done' }
    }
  }
  current = undefined
  if (isSpoilt) return
  if (result.kind === 'done') markDone(claims, { id, slot })
  host.result({ id, ms: now() - start, result }, offers.length > 0)
}

async function processFile(id: number, job: FileJob, abort: Abort): Promise<TaskResult> {
  try {
    const actual = actualDigest(job)
    if (actual !== job.sha512) return { kind: 'mismatch', actual }
    if (job.diskPath !== null) placeOnDisk(job, pages, setup.outputDir, setup.tmpDir)
  } catch (error) {
    return ioError(error)
  }
  if (isTimed) host.tell({ type: 'started', id })
  return await withFile(job, (file, ctx) => attempt(file, ctx), abort)
}

async function attempt(file: DataFile, ctx: Context<PluginOptions>): Promise<TaskResult> {
  let thrown: unknown
  try {
    thrown = whyFailed(await plugin.process(file, ctx))
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
  const tmp = tmpFolder(setup)
  const opened = openDataFile(job, pages)
  try {
    return await use(
      opened.file,
      callContext(host, setup, state, { path: job.path, abort, final: job.final, tmp }),
    )
  } finally {
    opened.close()
    tmp.remove()
  }
}

/** Calls one of the optional hooks, which has the time of an attempt; what it throws is logged only. */
async function runHook(
  name: 'onFailure' | 'onMismatch' | 'onUndecodable',
  ...args: unknown[]
): Promise<void> {
  const hook = plugin.hooks[name] as ((...args: unknown[]) => unknown) | undefined
  if (!hook) return
  if (isTimed && current !== undefined) host.tell({ type: 'started', id: current.id })
  try {
    await hook(...(name === 'onFailure' ? args : [...args, callContext(host, setup, state)]))
  } catch (error) {
    host.log('warn', `${name} failed: ${fault(error).message}`, {})
  }
}

function ioError(error: unknown): TaskResult {
  const { message, code = '', path } = named(error, setup.tmpDir) as NodeJS.ErrnoException
  return { kind: 'io-error', message, code, ...(path === undefined ? {} : { path }) }
}
