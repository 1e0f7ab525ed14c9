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
 * - `retired`: of a module that was loaded anew; its `teardown` runs, then it is ended;
 * - `ended`: gone, or being ended. Its task, if any, has been answered.
 */
import { Worker } from 'node:worker_threads'
import { DfspError } from '../errors.ts'
import { claim, isDone, offer } from './claims.ts'
import { faultLine } from './fault.ts'
import { type FifoLock, fifoLock } from './lock.ts'
import type {
  FromThread,
  Offer,
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
  /**
   * Runs the plugin's `setup` in the first thread; once that went well all others are started, too, which is not
   * waited for: there is only so much processor to share, and the first can begin.
   */
  start(settings: Omit<SetupMessage, 'type'>): Promise<void>
  /**
   * Runs a task in the first thread that is free, or gives it to one ahead of time where tasks end so fast that the
   * way there and back would count. Never rejects.
   */
  run(task: Task): Promise<Ended>
  /** Tasks that threads would take now. */
  readonly free: number
  /**
   * Loads the module anew. `settingsOf` hears what it exports now. Once `setup` has run in a first new thread, new
   * threads take over and old ones finish their file; if anything goes wrong before, all stays as it is, and it
   * rejects with a DfspError that says what.
   */
  reload(settingsOf: (info: LoadedInfo) => Promise<Omit<SetupMessage, 'type'>>): Promise<LoadedInfo>
  /** Files that were given ahead of time and are not begun are answered as `recalled`. */
  recall(): void
  /** Makes memory known that was added to the arena. */
  addSegment(buffer: SharedArrayBuffer): void
  /** Aborts running tasks: their signal fires; those that do not end by themselves end with their thread. */
  abort(reason: string): void
  /** Ends all threads: each may run `teardown` for `graceMs`. */
  close(graceMs: number): Promise<void>
}

export type Ended =
  /** `ms`: how long it took in the thread; undefined when that is gone. */
  (TaskResult & { readonly ms?: number }) | { readonly kind: 'recalled'; readonly ms?: number }

interface Waiting {
  readonly task: Task
  readonly answer: (ended: Ended) => void
}

type Assignment = Waiting & Pick<Offer, 'id' | 'slot'>

interface Thread {
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
  /** What to call the end of this thread, when the host brought it about. */
  ending: string | undefined
}

/** Milliseconds of work that a thread is given ahead of time, and the most tasks that may be. */
const AHEAD_MS = 20
const MOST_AHEAD = 32
/** A thread that has not answered for so long is slower than it was: what waits for it is taken back. */
const LATE_MS = 50
/** Of the mean time that tasks take, the share of the last one. */
const LAST_SHARE = 1 / 8

/** What the `teardown` of a module that was loaded anew may take. */
const RETIRE_MS = 5_000

/** After a time-out user code has this long to end by itself before its thread is ended. */
const ABORT_GRACE_MS = 1_000

export function pluginHost(deps: HostDeps): PluginHost {
  const threads = new Set<Thread>()
  const queue: Waiting[] = []
  const claims = new Int32Array(new SharedArrayBuffer(4 * deps.threads * (MOST_AHEAD + 2)))
  const freeSlots = Array.from(claims.keys())
  let meanMs = Number.POSITIVE_INFINITY
  let willFill = false
  let lateTimer: NodeJS.Timeout | undefined
  let settings: SetupMessage | undefined
  let threadNumbers = 0
  let taskIds = 0
  let closing = false
  let generation = 0
  /** The first thread of the module that is being loaded anew. */
  let newcomer:
    | {
        readonly thread: Thread
        loaded(info: LoadedInfo): void
        ready(): void
        reject(error: DfspError): void
      }
    | undefined
  let firstLoaded: { resolve(info: LoadedInfo): void; reject(error: DfspError): void } | undefined
  let started: { resolve(): void; reject(error: DfspError): void } | undefined
  let onTornDown: ((thread: Thread) => void) | undefined
  const lock: FifoLock = fifoLock((number, request) => {
    const holder = [...threads].find(t => t.number === number)
    if (holder) send(holder, { type: 'lock-granted', request })
  })

  const send = (thread: Thread, message: ToThread) => thread.worker.postMessage(message)

  function startThread(ofGeneration = generation): Thread {
    const data: ThreadData = {
      plugin: deps.pluginUrl,
      segments: deps.segments(),
      pageBytes: deps.pageBytes,
      claims: claims.buffer as SharedArrayBuffer,
      isTimed: deps.timeoutMs !== undefined,
    }
    const worker = new Worker(deps.workerUrl ?? new URL('./worker.js', import.meta.url), {
      workerData: data,
      stdin: false,
      stdout: true,
      stderr: true,
    })
    const thread: Thread = {
      number: ++threadNumbers,
      worker,
      generation: ofGeneration,
      state: 'loading',
      assigned: [],
      heardAt: 0,
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
    return thread
  }

  function onMessage(thread: Thread, message: FromThread): void {
    if (thread.state === 'ended' && message.type !== 'log') return
    switch (message.type) {
      case 'loaded':
        thread.state = 'loaded'
        if (thread === newcomer?.thread) return newcomer.loaded(message)
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
        if (thread === newcomer?.thread) newcomer.ready()
        started?.resolve()
        next()
        return
      case 'started':
        thread.timer = setTimeout(() => timedOut(thread), deps.timeoutMs)
        return
      case 'results':
        for (const { id, ms, result } of message.results) {
          meanMs = meanMs === Number.POSITIVE_INFINITY ? ms : meanMs + (ms - meanMs) * LAST_SHARE
          if (thread.assigned[0]?.id === id) finish(thread, { ...result, ms })
        }
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
        if (thread.state === 'retired') void thread.worker.terminate()
    }
  }

  function setUp(thread: Thread): void {
    thread.state = 'setting-up'
    send(thread, settings as SetupMessage)
  }

  /** Further tasks that a thread may be given. */
  function room(thread: Thread): number {
    const { state, ending, assigned, heardAt } = thread
    if (thread.generation !== generation) return 0
    if ((state !== 'idle' && state !== 'busy') || ending !== undefined) return 0
    const isLate = assigned.length > 0 && performance.now() - heardAt >= LATE_MS
    const ahead = isLate ? 0 : Math.min(MOST_AHEAD, Math.floor(AHEAD_MS / meanMs))
    return Math.max(0, 1 + ahead - assigned.length)
  }

  function next(): void {
    for (const thread of threads) {
      if (queue.length === 0) return
      if (thread.state === 'idle' && thread.generation === generation) give(thread, 1)
    }
    if (queue.length === 0 || willFill) return
    // Together, once all is known that comes at this moment.
    willFill = true
    queueMicrotask(() => {
      willFill = false
      fill()
    })
  }

  /** Each thread in turn gets as much as it may have. */
  function fill(): void {
    const rooms = []
    // One that has half of what it may have is given more later, so that a message carries many.
    for (const thread of threads) {
      const left = room(thread)
      if (left > 0 && left >= thread.assigned.length) rooms.push({ thread, left })
    }
    const share = Math.min(1, queue.length / rooms.reduce((sum, { left }) => sum + left, 0))
    for (const { thread, left } of rooms) give(thread, Math.ceil(left * share))
  }

  function give(thread: Thread, count: number): void {
    const offers: Offer[] = []
    while (offers.length < count && freeSlots.length > 0) {
      const waiting = queue.shift()
      if (waiting === undefined) break
      const assignment = { ...waiting, id: ++taskIds, slot: freeSlots.pop() as number }
      offer(claims, assignment)
      if (thread.assigned.length === 0) thread.heardAt = performance.now()
      thread.assigned.push(assignment)
      offers.push({ id: assignment.id, slot: assignment.slot, task: assignment.task })
    }
    if (offers.length === 0) return
    thread.state = 'busy'
    if (thread.assigned.length > 1) watchLate()
    send(thread, { type: 'tasks', offers })
  }

  function watchLate(): void {
    lateTimer ??= setTimeout(() => {
      lateTimer = undefined
      const since = performance.now() - LATE_MS
      for (const thread of threads) {
        if (thread.assigned.length > 1 && thread.heardAt <= since) {
          finishDone(thread)
          takeBackQueued()
          takeBack(thread)
        }
        if (thread.assigned.length > 1) watchLate()
      }
    }, LATE_MS)
    lateTimer.unref()
  }

  /** Last first, so that whoever puts each before the others has them in order again. */
  function takeBack(thread: Thread): void {
    for (const assignment of thread.assigned.toReversed()) {
      if (!claim(claims, assignment)) continue
      thread.assigned.splice(thread.assigned.indexOf(assignment), 1)
      putBack(assignment)
    }
    if (thread.assigned.length === 0 && thread.state === 'busy') {
      thread.ending = undefined
      becomeIdle(thread)
    }
    next()
  }

  /** The same of what no thread was given yet. */
  function takeBackQueued(): void {
    const kept = queue.filter(({ task }) => task.kind !== 'process')
    for (const { task, answer } of queue.splice(0, queue.length, ...kept).toReversed())
      if (task.kind === 'process') answer({ kind: 'recalled' })
  }

  function putBack(assignment: Assignment): void {
    claim(claims, assignment) // a thread that is being ended must not begin it
    freeSlots.push(assignment.slot)
    if (assignment.task.kind === 'process') assignment.answer({ kind: 'recalled' })
    else queue.unshift(assignment)
  }

  function becomeIdle(thread: Thread): void {
    thread.state = 'idle'
    if (thread.generation < generation) retire(thread)
  }

  function retire(thread: Thread): void {
    thread.state = 'retired'
    thread.timer = setTimeout(() => void thread.worker.terminate(), RETIRE_MS)
    send(thread, { type: 'teardown' })
  }

  /** The newcomer is ready: threads of its module take over. */
  function takeOver(): void {
    generation++
    for (const thread of threads) {
      if (thread.generation === generation) continue
      if (thread.state === 'idle') retire(thread)
      else if (thread.state === 'busy') takeBack(thread)
      else if (thread.state !== 'retired') end(thread, 'the module was loaded anew')
    }
    for (let count = 1; count < deps.threads; count++) startThread()
  }

  /** The task that the thread is at has ended. */
  function finish(thread: Thread, ended: Ended): void {
    clearTimeout(thread.timer)
    const assignment = thread.assigned.shift()
    thread.ending = undefined
    thread.heardAt = performance.now()
    if (assignment !== undefined) freeSlots.push(assignment.slot)
    if (thread.state === 'busy' && thread.assigned.length === 0) becomeIdle(thread)
    assignment?.answer(ended)
    next()
  }

  /** What the thread has done and not told: it may be at a long task, or gone. */
  function finishDone(thread: Thread): void {
    for (
      let first = thread.assigned[0];
      first !== undefined && isDone(claims, first);
      first = thread.assigned[0]
    )
      finish(thread, { kind: 'done' })
  }

  function timedOut(thread: Thread): void {
    giveUp(thread, `timed out after ${(deps.timeoutMs as number) / 1000} s`)
  }

  /** Asks user code to stop; whatever it still answers, the attempt has failed. */
  function giveUp(thread: Thread, reason: string): void {
    finishDone(thread)
    if (thread.assigned.length === 0) return
    thread.ending = reason
    takeBack(thread)
    const [assignment] = thread.assigned
    if (!assignment) return
    send(thread, { type: 'abort', id: assignment.id, reason })
    const answer = assignment.answer
    const fault = { message: reason, frames: [] }
    thread.assigned[0] = {
      ...assignment,
      answer: ended =>
        answer({ kind: 'failed', fault, hookCalled: ended.kind === 'failed' && ended.hookCalled }),
    }
    clearTimeout(thread.timer)
    thread.timer = setTimeout(() => end(thread, reason), ABORT_GRACE_MS)
  }

  /** User code failed aside: during task `id`, or between two tasks, which is the fault of neither. */
  function strayError(thread: Thread, id: number | undefined, fault: PluginFault): void {
    if (id === undefined || thread.assigned[0]?.id !== id) {
      const message = `failed outside any call: ${faultLine(fault)}`
      deps.log({ type: 'log', level: 'warn', message, fields: {}, thread: thread.number })
      for (const assignment of thread.assigned.splice(0).toReversed()) putBack(assignment)
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
    const wasBooting = thread.state === 'setting-up' || thread === newcomer?.thread
    clearTimeout(thread.timer)
    thread.state = 'ended'
    finishDone(thread)
    lock.forget(thread.number)
    if (wasBooting) broken(thread, setupError(deps.pluginName, fault))
    else if (!closing && settings && thread.generation === generation) startThread()
    for (const assignment of thread.assigned.splice(1).toReversed()) putBack(assignment)
    finish(thread, { kind: 'failed', fault, hookCalled: false })
  }

  function bootFailed(thread: Thread, error: DfspError): void {
    thread.state = 'ended'
    void thread.worker.terminate()
    broken(thread, error)
  }

  function broken(thread: Thread, error: DfspError): void {
    if (thread === newcomer?.thread) return newcomer.reject(error)
    // A replacement was ended while it was starting.
    if (closing || thread.generation !== generation) return
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
            while (threads.size < deps.threads) startThread()
            resolve()
          },
          reject,
        }
        settings = { type: 'setup', ...given }
        for (const thread of threads) if (thread.state === 'loaded') setUp(thread)
        if (threads.size === 0) startThread()
      }),
    run: task =>
      new Promise(answer => {
        queue.push({ task, answer })
        next()
      }),
    get free() {
      let sum = -queue.length
      for (const thread of threads) sum += room(thread)
      return Math.max(0, sum)
    },
    reload: settingsOf =>
      new Promise((resolve, reject) => {
        let info: LoadedInfo
        let renewed: SetupMessage
        newcomer = {
          thread: startThread(generation + 1),
          loaded(given) {
            info = given
            const { thread } = newcomer as NonNullable<typeof newcomer>
            settingsOf(info).then(
              chosen => {
                if (thread.state !== 'loaded') return
                renewed = { type: 'setup', ...chosen }
                thread.state = 'setting-up'
                send(thread, renewed)
              },
              (error: DfspError) => bootFailed(thread, error),
            )
          },
          ready() {
            newcomer = undefined
            settings = renewed
            takeOver()
            resolve(info)
          },
          reject(error) {
            newcomer = undefined
            reject(error)
          },
        }
      }),
    recall() {
      takeBackQueued()
      for (const thread of threads) if (thread.state === 'busy') takeBack(thread)
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
