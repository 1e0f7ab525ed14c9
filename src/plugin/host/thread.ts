/** One plugin thread as the host sees it. */
import { Worker } from 'node:worker_threads'
import type { FromThread, Offer, Task, TaskResult, ThreadData, ToThread } from '../messages.ts'
import { faultOf } from '../worker/fault.ts'
import { signalPrograms } from './blocking-programs.ts'
import { checkedMessage } from './checked-message.ts'
import { lineCutter } from './printed-lines.ts'

export type Ended =
  /** `ms`: how long it took in the thread; undefined when that is gone. */
  (TaskResult & { readonly ms?: number }) | { readonly kind: 'recalled'; readonly ms?: number }

export interface Assignment extends Pick<Offer, 'id' | 'slot'> {
  readonly task: Task
  readonly answer: (ended: Ended) => void
}

/**
 * Its states, in this order:
 * - `loading`: its module is being imported;
 * - `loaded`: waits for the settings;
 * - `setting-up`: the plugin's `setup` runs;
 * - `idle`: may be given a task;
 * - `busy`: has tasks, of which it does one;
 * - `retired`: of a module that was loaded anew; its `teardown` runs, then it is ended;
 * - `ended`: gone, or being ended. Its tasks, if any, have been answered.
 */
export interface Thread {
  readonly number: number
  readonly worker: Worker
  /** See log-flow.ts. */
  readonly logFlow: Int32Array
  /** How often the module had been loaded anew before. */
  readonly generation: number
  state: 'loading' | 'loaded' | 'setting-up' | 'idle' | 'busy' | 'retired' | 'ended'
  /** In the order in which it does them; the first one may have begun. */
  assigned: Assignment[]
  /** When it last answered, or was given something after it had nothing. */
  heardAt: number
  timer: NodeJS.Timeout | undefined
  /** Key of the file that it digests while that is on its way, and the parts that it was given and has not answered. */
  ahead: number | undefined
  partsAhead: number
  /** What to call the end of this thread, when the host brought it about. */
  ending: string | undefined
  /** Its number in the system, once it has said so. */
  systemNumber: number | undefined
  /** Resolves when it is gone. */
  readonly gone: Promise<void>
  /** Resolves when it is gone and all that user code printed was handed on. */
  readonly printed: Promise<void>
}

export interface ThreadHandlers {
  onMessage(thread: Thread, message: FromThread): void
  /** Of user code, on a port that is not its own. */
  onForeignMessage(thread: Thread): void
  onExit(thread: Thread, code: number): void
  /** A line that user code wrote to stdout or stderr. */
  onLine(thread: Thread, line: string): void
}

/** `program`: the compiled worker.ts. */
export function startThread(
  program: URL,
  data: ThreadData,
  { number, generation }: Pick<Thread, 'number' | 'generation'>,
  on: ThreadHandlers,
): Thread {
  const worker = new Worker(program, { workerData: data, stdin: false, stdout: true, stderr: true })
  const output = [worker.stdout, worker.stderr]
  const gone = once(worker, 'exit')
  const thread: Thread = {
    number,
    worker,
    logFlow: new Int32Array(data.logFlow),
    generation,
    state: 'loading',
    assigned: [],
    heardAt: 0,
    timer: undefined,
    ahead: undefined,
    partsAhead: 0,
    ending: undefined,
    systemNumber: undefined,
    gone,
    printed: Promise.all([gone, ...output.map(stream => once(stream, 'close'))]).then(() => {}),
  }
  worker.on('message', given => {
    const message = checkedMessage(given)
    if (message === undefined) on.onForeignMessage(thread)
    else on.onMessage(thread, message)
  })
  worker.on('messageerror', () => on.onForeignMessage(thread))
  // User code may throw anything, null included.
  worker.on('error', (thrown: unknown) => {
    const heap = (thrown as NodeJS.ErrnoException | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY'
    thread.ending ??= heap
      ? 'the plugin ran out of memory (JavaScript heap)'
      : `the plugin thread failed: ${faultOf(thrown, data.plugin).message}`
  })
  worker.on('exit', code => on.onExit(thread, code))
  for (const stream of output) {
    inTurns(stream)
    printedLines(stream, line => on.onLine(thread, line))
  }
  return thread
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
