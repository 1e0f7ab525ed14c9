/** One plugin thread as the host sees it. */
import { Worker } from 'node:worker_threads'
import type { DfspError } from '../../base/errors.ts'
import { WHILE_STARTING } from '../../core/environment.ts'
import type { PluginFault } from '../../core/plugin-fault.ts'
import type { FromThread, LoadedInfo, Offer, Task, TaskResult, ThreadData, ToThread } from '../messages.ts'
import { faultOf } from '../worker/fault.ts'
import { signalPrograms } from './blocking-programs.ts'
import { checkedMessage } from './checked-message.ts'
import { lineCutter } from './printed-lines.ts'
import { move, type ThreadState } from './thread-state.ts'

export type Ended =
  /** `ms`: how long it took in the thread; undefined when that is gone. */
  (TaskResult & { readonly ms?: number }) | { readonly kind: 'recalled'; readonly ms?: number }

export interface Assignment extends Pick<Offer, 'id' | 'slot'> {
  readonly task: Task
  readonly answer: (ended: Ended) => void
}

/** The plugin's module as it was loaded at one time, in all threads. */
export interface Version {
  /** It was loaded anew since. */
  isOutdated: boolean
}

interface Promised<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: DfspError): void
}

export interface Thread {
  readonly number: number
  readonly version: Version
  readonly worker: Worker
  /** See log-flow.ts. */
  readonly logFlow: Int32Array
  /** See thread-state.ts. */
  readonly state: ThreadState
  /** What its module exports; rejects when it ends before that is known. */
  readonly loaded: Promised<LoadedInfo>
  /** `setup` has run; rejects when it ends before. */
  readonly ready: Promised<void>
  /** It is `ended`, for this reason. */
  readonly over: Promised<PluginFault>
  /** In the order in which it does them; the first one may have begun. */
  readonly assigned: Assignment[]
  /** A task that it had has ended, in whatever way. */
  hasEndedTask: boolean
  /** When it last answered, or was given something after it had nothing. */
  heardAt: number
  /** Of the state that it is in, or of its first task. */
  timer: NodeJS.Timeout | undefined
  /** Key of the file that it digests while that is on its way, and the parts that it was given and has not answered. */
  ahead: number | undefined
  partsAhead: number
  /** What the worker failed with: it is about to exit. */
  failure: PluginFault | undefined
  /** Its number in the system, once it has said so. */
  systemNumber: number | undefined
  /** Resolves when it is gone. */
  readonly gone: Promise<void>
  /** Resolves when it is gone and all that user code printed was handed on. */
  readonly printed: Promise<void>
  /** Lines of it that were counted and no more: there is no time left to log them. Undefined while they are logged. */
  linesLeftOut: number | undefined
}

export interface ThreadHandlers {
  onMessage(thread: Thread, message: FromThread): void
  /** Of user code, on a port that is not its own. */
  onForeignMessage(thread: Thread): void
  onExit(thread: Thread, code: number): void
  /** A line that user code wrote to stdout or stderr. */
  onLine(thread: Thread, line: string): void
}

export type StartThread = (
  data: ThreadData,
  given: Pick<Thread, 'number' | 'version'>,
  on: ThreadHandlers,
) => Thread

/** `program`: the compiled worker.ts. */
export function threadsOf(program: URL): StartThread {
  const options = { stdin: false, stdout: true, stderr: true }
  return (data, given, on) => threadIn(new Worker(program, { ...options, workerData: data }), data, given, on)
}

/** The thread that runs in a worker. */
export function threadIn(
  worker: Worker,
  data: ThreadData,
  { number, version }: Pick<Thread, 'number' | 'version'>,
  on: ThreadHandlers,
): Thread {
  const output = [worker.stdout, worker.stderr]
  const gone = once(worker, 'exit')
  const thread: Thread = {
    number,
    version,
    worker,
    logFlow: new Int32Array(data.logFlow),
    state: 'loading',
    loaded: promised(),
    ready: promised(),
    over: promised(),
    assigned: [],
    hasEndedTask: false,
    heardAt: 0,
    timer: undefined,
    ahead: undefined,
    partsAhead: 0,
    failure: undefined,
    systemNumber: undefined,
    gone,
    printed: Promise.all([gone, ...output.map(stream => once(stream, 'close'))]).then(() => {}),
    linesLeftOut: undefined,
  }
  worker.on('message', given => {
    const message = checkedMessage(given)
    if (message === undefined) on.onForeignMessage(thread)
    else on.onMessage(thread, message)
  })
  worker.on('messageerror', () => on.onForeignMessage(thread))
  // User code may throw anything, null included.
  worker.on('error', (thrown: unknown) => {
    thread.failure ??= workerFault(thrown, data.plugin)
  })
  worker.on('exit', code => on.onExit(thread, code))
  for (const stream of output) {
    inTurns(stream)
    printedLines(stream, line => on.onLine(thread, line))
  }
  return thread
}

function promised<T>(): Promised<T> {
  const settlers = {} as Omit<Promised<T>, 'promise'>
  const promise = new Promise<T>((resolve, reject) => Object.assign(settlers, { resolve, reject }))
  promise.catch(() => {}) // nobody may wait for it
  return { promise, ...settlers }
}

function workerFault(thrown: unknown, plugin: string): PluginFault {
  if ((thrown as NodeJS.ErrnoException | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY')
    return { message: 'the plugin ran out of memory (JavaScript heap)', frames: [] }
  const fault = faultOf(thrown, plugin, WHILE_STARTING)
  return { ...fault, message: `the plugin thread failed: ${fault.message}`, frames: [] }
}

export function send(thread: Thread, message: ToThread): void {
  thread.worker.postMessage(message)
}

/** Unlike that of node:events, it takes no 'error' for its own. */
function once(emitter: NodeJS.EventEmitter, event: string): Promise<void> {
  return new Promise(resolve => emitter.once(event, () => resolve()))
}

/** A thread that has not ended by then waits for something: the programs that it has started are asked to end. */
const BLOCKED_MS = 200
/** Those that have not ended by then are killed. */
const KILL_MS = 1_200

/** Ends a thread, also one that waits for a program that it has started; one in native code ends when that does. */
export function endThread({ worker, systemNumber, gone }: Thread): void {
  if (worker.threadId === -1) return
  void worker.terminate()
  if (systemNumber === undefined) return
  const timers = [
    setTimeout(() => signalPrograms(systemNumber, 'SIGTERM'), BLOCKED_MS),
    setTimeout(() => signalPrograms(systemNumber, 'SIGKILL'), KILL_MS),
  ]
  void gone.then(() => {
    for (const timer of timers) clearTimeout(timer)
  })
}

/** What the `teardown` of a thread may take that is of no more use. */
const RETIRE_MS = 5_000

/** Its `teardown` runs; it ends when that is over. */
export function retire(thread: Thread): void {
  move(thread, 'retired')
  thread.timer = setTimeout(() => endThread(thread), RETIRE_MS)
  send(thread, { type: 'teardown' })
}

const TURN_CHARS = 64 * 1024

/** User code may print more at once than can be logged in one turn of the event loop. */
function inTurns(stream: NodeJS.ReadableStream): void {
  let chars = 0
  stream.on('data', (text: string) => {
    chars += text.length
    if (chars < TURN_CHARS) return
    chars = 0
    stream.pause()
    setImmediate(() => stream.resume())
  })
}

/** Calls `use` for each line that user code prints. */
function printedLines(stream: NodeJS.ReadableStream, use: (line: string) => void): void {
  const lines = lineCutter(use)
  stream.setEncoding('utf8')
  stream.on('data', lines.add)
  stream.on('end', lines.end)
}
