/**
 * The plugin host: N threads that verify and process whole files. It owns the threads and nothing else; a thread
 * that throws, exits, hangs or runs out of memory costs its task one attempt and is replaced.
 *
 * A thread is, in this order:
 * - `loading`: its module is being imported;
 * - `loaded`: waits for the settings;
 * - `setting-up`: the plugin's `setup` runs;
 * - `idle`: may be given a task;
 * - `busy`: has one task;
 * - `ended`: gone, or being ended. Its task, if any, has been answered.
 */
import { Worker } from 'node:worker_threads'
import { DfspError } from '../errors.ts'
import { faultLine } from './fault.ts'
import { type FifoLock, fifoLock } from './lock.ts'
import type {
  FromThread,
  PluginFault,
  SetupMessage,
  Task,
  TaskResult,
  ThreadData,
  ToThread,
} from './messages.ts'
import type { OutgoingRecord, PluginOptions } from './plugin.ts'

export interface HostDeps {
  /** `file:` URL of the plugin's module. */
  readonly pluginUrl: string
  /** How the plugin is called in messages: as the user wrote it. */
  readonly pluginName: string
  readonly threads: number
  /** Milliseconds of user code per file; undefined = no limit. */
  readonly timeoutMs: number | undefined
  readonly segments: () => readonly SharedArrayBuffer[]
  readonly pageBytes: number
  readonly produce: (record: OutgoingRecord) => Promise<void>
  readonly log: (entry: Extract<FromThread, { type: 'log' }> & { readonly thread: number }) => void
  /** A replacement for a dead thread could not be started: no further task will be answered. */
  readonly onBroken: (error: DfspError) => void
  /** The thread's program; tests name the compiled one. */
  readonly workerUrl?: URL
}

export interface LoadedInfo {
  readonly options: PluginOptions
  readonly hooks: readonly string[]
  readonly warnings: readonly string[]
}

export interface PluginHost {
  /** Loads the plugin in a first thread and tells what it exports. Throws a DfspError that says what is wrong. */
  load(): Promise<LoadedInfo>
  /** Starts all threads and runs the plugin's `setup` in each. */
  start(settings: Omit<SetupMessage, 'type'>): Promise<void>
  /** Runs a task in the first thread that is free. Never rejects. `onStarted` tells that user code runs. */
  run(task: Task, onStarted?: () => void): Promise<TaskResult>
  /** Threads that would begin a task at once. */
  readonly free: number
  /** Makes memory known that was added to the arena. */
  addSegment(buffer: SharedArrayBuffer): void
  /** Aborts running tasks: their signal fires; those that do not end by themselves end with their thread. */
  abort(reason: string): void
  /** Ends all threads: each may run `teardown` for `graceMs`. */
  close(graceMs: number): Promise<void>
}

interface Assignment {
  readonly id: number
  readonly task: Task
  readonly answer: (result: TaskResult) => void
  readonly onStarted: (() => void) | undefined
}

interface Thread {
  readonly number: number
  readonly worker: Worker
  state: 'loading' | 'loaded' | 'setting-up' | 'idle' | 'busy' | 'ended'
  assignment: Assignment | undefined
  timer: NodeJS.Timeout | undefined
  /** What to call the end of this thread, when the host brought it about. */
  ending: string | undefined
}

/** After a time-out user code has this long to end by itself before its thread is ended. */
const ABORT_GRACE_MS = 1_000

export function pluginHost(deps: HostDeps): PluginHost {
  const threads = new Set<Thread>()
  const queue: Assignment[] = []
  let settings: SetupMessage | undefined
  let threadNumbers = 0
  let taskIds = 0
  let closing = false
  let firstLoaded: { resolve(info: LoadedInfo): void; reject(error: DfspError): void } | undefined
  let started: { resolve(): void; reject(error: DfspError): void } | undefined
  let onTornDown: ((thread: Thread) => void) | undefined
  const lock: FifoLock = fifoLock((number, request) => {
    const holder = [...threads].find(t => t.number === number)
    if (holder) send(holder, { type: 'lock-granted', request })
  })

  const send = (thread: Thread, message: ToThread) => thread.worker.postMessage(message)

  function startThread(): void {
    const data: ThreadData = { plugin: deps.pluginUrl, segments: deps.segments(), pageBytes: deps.pageBytes }
    const worker = new Worker(deps.workerUrl ?? new URL('./worker.js', import.meta.url), {
      workerData: data,
      stdin: false,
      stdout: true,
      stderr: true,
    })
    const thread: Thread = {
      number: ++threadNumbers,
      worker,
      state: 'loading',
      assignment: undefined,
      timer: undefined,
      ending: undefined,
    }
    threads.add(thread)
    worker.on('message', (message: FromThread) => onMessage(thread, message))
    worker.on('error', error => {
      const heap = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
      thread.ending ??= heap
        ? 'the plugin ran out of memory (JavaScript heap)'
        : `the plugin thread failed: ${error.message}`
    })
    worker.on('exit', code => onExit(thread, code))
    for (const stream of [worker.stdout, worker.stderr])
      printedLines(stream, message => {
        deps.log({
          type: 'log',
          level: 'info',
          message,
          fields: {},
          thread: thread.number,
        })
      })
  }

  function onMessage(thread: Thread, message: FromThread): void {
    if (thread.state === 'ended' && message.type !== 'log') return
    switch (message.type) {
      case 'loaded':
        thread.state = 'loaded'
        firstLoaded?.resolve(message)
        if (settings) setUp(thread)
        return
      case 'load-failed':
        bootFailed(thread, loadError(deps.pluginName, message))
        return
      case 'setup-failed':
        bootFailed(thread, setupError(deps.pluginName, message.fault))
        return
      case 'ready':
        thread.state = 'idle'
        if (started && [...threads].filter(t => t.state === 'idle').length === deps.threads) started.resolve()
        next()
        return
      case 'started':
        thread.assignment?.onStarted?.()
        if (deps.timeoutMs !== undefined) thread.timer = setTimeout(() => timedOut(thread), deps.timeoutMs)
        return
      case 'result':
        finish(thread, message.result)
        return
      case 'log':
        deps.log({ ...message, thread: thread.number })
        return
      case 'lock':
        lock.request(thread.number, message.request)
        return
      case 'unlock':
        lock.release(thread.number, message.request)
        return
      case 'produce':
        void produce(thread, message.request, message.record)
        return
      case 'stray-error':
        strayError(thread, message.id, message.fault)
        return
      case 'torn-down':
        onTornDown?.(thread)
    }
  }

  function setUp(thread: Thread): void {
    thread.state = 'setting-up'
    send(thread, settings as SetupMessage)
  }

  function next(): void {
    for (const thread of threads) {
      if (thread.state !== 'idle') continue
      const assignment = queue.shift()
      if (!assignment) return
      thread.state = 'busy'
      thread.assignment = assignment
      send(thread, { type: 'task', id: assignment.id, task: assignment.task })
    }
  }

  function finish(thread: Thread, result: TaskResult): void {
    clearTimeout(thread.timer)
    const assignment = thread.assignment
    thread.assignment = undefined
    thread.ending = undefined
    if (thread.state === 'busy') thread.state = 'idle'
    assignment?.answer(result)
    next()
  }

  function timedOut(thread: Thread): void {
    thread.ending = `timed out after ${(deps.timeoutMs as number) / 1000} s`
    giveUp(thread, thread.ending)
  }

  /** Asks user code to stop; whatever it still answers, the attempt has failed. */
  function giveUp(thread: Thread, reason: string): void {
    const assignment = thread.assignment
    if (!assignment) return
    send(thread, { type: 'abort', id: assignment.id, reason })
    const answer = assignment.answer
    const fault = { message: reason, frames: [] }
    thread.assignment = {
      ...assignment,
      answer: result =>
        answer({ kind: 'failed', fault, hookCalled: result.kind === 'failed' && result.hookCalled }),
    }
    clearTimeout(thread.timer)
    thread.timer = setTimeout(() => end(thread, reason), ABORT_GRACE_MS)
  }

  /** User code failed aside: during task `id`, or between two tasks, which is the fault of neither. */
  function strayError(thread: Thread, id: number | undefined, fault: PluginFault): void {
    if (!thread.assignment || thread.assignment.id !== id) {
      const message = `failed outside any call: ${faultLine(fault)}`
      deps.log({ type: 'log', level: 'warn', message, fields: {}, thread: thread.number })
      if (thread.assignment) queue.unshift(thread.assignment)
      thread.assignment = undefined
    }
    end(thread, fault)
  }

  /** Ends a thread; its task, if it has one, has failed. */
  function end(thread: Thread, why: string | PluginFault): void {
    const fault = typeof why === 'string' ? { message: why, frames: [] } : why
    settleDead(thread, fault)
    void thread.worker.terminate()
  }

  function onExit(thread: Thread, code: number): void {
    if (thread.state === 'loading') bootFailed(thread, exitError(deps.pluginName, thread.ending, code))
    settleDead(thread, { message: thread.ending ?? `the plugin called process.exit(${code})`, frames: [] })
    threads.delete(thread)
    onTornDown?.(thread)
  }

  function settleDead(thread: Thread, fault: PluginFault): void {
    if (thread.state === 'ended') return
    const wasBooting = thread.state === 'setting-up'
    thread.state = 'ended'
    lock.forget(thread.number)
    if (wasBooting) broken(setupError(deps.pluginName, fault))
    else if (!closing && settings) startThread()
    finish(thread, { kind: 'failed', fault, hookCalled: false })
  }

  function bootFailed(thread: Thread, error: DfspError): void {
    thread.state = 'ended'
    void thread.worker.terminate()
    broken(error)
  }

  function broken(error: DfspError): void {
    if (closing) return // a replacement was ended while it was starting
    if (firstLoaded) firstLoaded.reject(error)
    if (started) started.reject(error)
    else if (!firstLoaded) deps.onBroken(error)
    firstLoaded = started = undefined
  }

  async function produce(thread: Thread, request: number, record: OutgoingRecord): Promise<void> {
    let error: string | undefined
    try {
      await deps.produce(record)
    } catch (thrown) {
      error = (thrown as Error).message
    }
    if (thread.state !== 'ended')
      send(thread, { type: 'produced', request, ...(error === undefined ? {} : { error }) })
  }

  return {
    load: () =>
      new Promise((resolve, reject) => {
        firstLoaded = {
          resolve(info) {
            firstLoaded = undefined
            resolve(info)
          },
          reject,
        }
        startThread()
      }),
    start: given =>
      new Promise((resolve, reject) => {
        started = {
          resolve() {
            started = undefined
            resolve()
          },
          reject,
        }
        settings = { type: 'setup', ...given }
        for (const thread of threads) if (thread.state === 'loaded') setUp(thread)
        while (threads.size < deps.threads) startThread()
      }),
    run: (task, onStarted) =>
      new Promise(answer => {
        queue.push({ id: ++taskIds, task, answer, onStarted })
        next()
      }),
    get free() {
      let idle = 0
      for (const thread of threads) if (thread.state === 'idle') idle++
      return Math.max(0, idle - queue.length)
    },
    addSegment(buffer) {
      for (const thread of threads) if (thread.state !== 'ended') send(thread, { type: 'segment', buffer })
    },
    abort(reason) {
      for (const thread of threads) if (thread.state === 'busy') giveUp(thread, reason)
    },
    async close(graceMs) {
      closing = true
      const idle = [...threads].filter(t => t.state === 'idle')
      await new Promise<void>(resolve => {
        const left = new Set(idle)
        const timer = setTimeout(resolve, graceMs)
        const done = () => {
          clearTimeout(timer)
          resolve()
        }
        onTornDown = thread => {
          left.delete(thread)
          if (left.size === 0) done()
        }
        for (const thread of idle) send(thread, { type: 'teardown' })
        if (left.size === 0) done()
      })
      onTornDown = undefined
      await Promise.all([...threads].map(thread => thread.worker.terminate()))
    },
  }
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

function loadError(plugin: string, { what, fault }: { what: string; fault: PluginFault }): DfspError {
  const facts = fault.message === what ? [] : [faultLine(fault)]
  const next = /export/.test(what)
    ? 'a plugin is a module whose default export is the processing function: dfsp init plugin shows one'
    : undefined
  return new DfspError('E_PLUGIN', `${plugin} ${what}`, { facts, next, cause: fault.stack })
}

function setupError(plugin: string, fault: PluginFault): DfspError {
  return new DfspError('E_PLUGIN', `${plugin}: setup() failed`, {
    facts: [faultLine(fault)],
    cause: fault.stack,
  })
}

function exitError(plugin: string, ending: string | undefined, code: number): DfspError {
  return new DfspError('E_PLUGIN', `${plugin} ended its thread while it was imported`, {
    facts: [ending ?? `it called process.exit(${code})`],
    next: 'take calls of process.exit out of the module',
  })
}
