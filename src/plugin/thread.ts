/** One plugin thread as the host sees it. */
import { Worker } from 'node:worker_threads'
import type { FromThread, Offer, Task, TaskResult, ThreadData, ToThread } from './messages.ts'

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
}

export interface ThreadHandlers {
  onMessage(thread: Thread, message: FromThread): void
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
  const thread: Thread = {
    number,
    worker,
    generation,
    state: 'loading',
    assigned: [],
    heardAt: 0,
    timer: undefined,
    ahead: undefined,
    partsAhead: 0,
    ending: undefined,
  }
  worker.on('message', (message: FromThread) => on.onMessage(thread, message))
  worker.on('error', error => {
    const heap = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
    thread.ending ??= heap
      ? 'the plugin ran out of memory (JavaScript heap)'
      : `the plugin thread failed: ${error.message}`
  })
  worker.on('exit', code => on.onExit(thread, code))
  for (const stream of [worker.stdout, worker.stderr]) printedLines(stream, line => on.onLine(thread, line))
  return thread
}

export function send(thread: Thread, message: ToThread): void {
  thread.worker.postMessage(message)
}

/** Calls `use` for each line that user code prints. */
function printedLines(stream: NodeJS.ReadableStream, use: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() as string
    for (const line of lines) use(line)
  })
  stream.on('end', () => {
    if (rest !== '') use(rest)
  })
}
